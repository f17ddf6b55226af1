//! The engines there are: one row each.

use std::sync::LazyLock;

use stateful_safety::{EngineProfile, EngineProfiles};

use crate::{Condition, Engine, couchdb, mongodb, postgres, redis};

/// One engine: what is constant about it, and how its adapter is made.
pub struct EngineRow {
    /// What is constant about it.
    pub profile: &'static EngineProfile,
    /// The conditions it may find.
    pub conditions: &'static [&'static Condition],
    /// Makes an adapter; no connection is opened yet.
    pub open: fn() -> Box<dyn Engine>,
}

/// Every engine, in the order in which detection tries them.
pub const ENGINES: &[EngineRow] = &[
    EngineRow { profile: &redis::PROFILE, conditions: redis::CONDITIONS, open: || Box::new(redis::Redis::default()) },
    EngineRow {
        profile: &postgres::PROFILE,
        conditions: postgres::CONDITIONS,
        open: || Box::new(postgres::Postgres::default()),
    },
    EngineRow {
        profile: &mongodb::PROFILE,
        conditions: mongodb::CONDITIONS,
        open: || Box::new(mongodb::Mongodb::default()),
    },
    EngineRow {
        profile: &couchdb::PROFILE,
        conditions: couchdb::CONDITIONS,
        open: || Box::new(couchdb::Couchdb::default()),
    },
];

static PROFILES: LazyLock<Vec<&'static EngineProfile>> =
    LazyLock::new(|| ENGINES.iter().map(|row| row.profile).collect());

/// What is constant about each engine, for code that recognises databases and knows no engine by itself.
pub fn profiles() -> EngineProfiles {
    EngineProfiles::new(&PROFILES)
}

/// The profile of that name; none for the name of an engine that this build does not have.
pub fn find_profile(name: &str) -> Option<&'static EngineProfile> {
    profiles().iter().find(|profile| profile.name() == name)
}

/// Makes the adapter of the engine of that name.
pub fn open(name: &str) -> Option<Box<dyn Engine>> {
    ENGINES.iter().find(|row| row.profile.name() == name).map(|row| (row.open)())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use stateful_safety::Version;

    use super::{ENGINES, find_profile, open, profiles};

    fn version(text: &str) -> Version {
        Version::parse(text).expect("a version")
    }

    fn of_image(image: &str) -> Option<&'static str> {
        profiles().find_by_image(image).map(stateful_safety::EngineProfile::name)
    }

    #[test]
    fn every_row_has_a_name_of_its_own_and_opens() {
        for (index, row) in ENGINES.iter().enumerate() {
            let name = row.profile.name();
            assert!(open(name).is_some() && find_profile(name) == Some(row.profile), "{name}");
            for other in &ENGINES[index + 1..] {
                assert!(row.profile.words.iter().all(|word| !other.profile.words.contains(word)), "{name}");
                assert!(row.profile.images.iter().all(|image| !other.profile.images.contains(image)), "{name}");
            }
        }
    }

    #[test]
    fn an_exporter_is_not_the_database_it_watches() {
        assert_eq!(of_image("oliver006/redis_exporter:v1"), None);
        assert_eq!(of_image("registry:5000/team/redis:7.0"), Some("redis"));
        assert_eq!(of_image("valkey/valkey@sha256:00"), Some("redis"));
        assert_eq!(of_image("quay.io/prometheuscommunity/postgres-exporter:v0.15"), None);
        assert_eq!(of_image("ghcr.io/cloudnative-pg/postgresql:17.2"), Some("postgres"));
        assert_eq!(of_image("postgis/postgis:16-3.4"), Some("postgres"));
    }

    #[test]
    fn a_word_means_its_engine_whatever_its_case() {
        let of_word = |word| profiles().find_by_word(word).map(stateful_safety::EngineProfile::name);
        assert_eq!(of_word("Redis"), Some("redis"));
        assert_eq!(of_word("PG"), Some("postgres"));
        assert_eq!(of_word("oracle"), None);
    }

    #[test]
    fn a_release_is_what_its_engine_counts_as_one() {
        let engine = |name: &str| find_profile(name).expect("an engine");
        let older = |name, this: &str, that: &str| version(this).is_older_release_than(&version(that), engine(name));
        let redis = |this, that| older("redis", this, that);
        assert!(!redis("7.0", "7.0.15"));
        assert!(redis("7.0", "8.0.2"));
        assert!(redis("7.0.15", "7.2.1"));
        assert!(!redis("8.0", "7.0.15"));
        assert!(!redis("7.0.9", "7.0.10"));
        assert!(!redis("7", "7.4"), "7 may be 7.4");
        let postgres = |this, that| older("postgres", this, that);
        assert!(!postgres("15.18", "15.20") && !postgres("15.20", "15.18"), "minors of one release");
        assert!(postgres("15.20", "17.12") && !postgres("17.12", "15.20"));
        assert!(postgres("9.5.25", "9.6.24") && !postgres("9.6.1", "9.6.24"), "before 10 two numbers name it");
        assert!(postgres("9.6.24", "10.23"));
        let next = |this: &str, before: &str, name| version(this).follows_release_of(&version(before), engine(name));
        assert!(next("6.0.27", "5.0.4", "mongodb") && next("5.0", "4.4.30", "mongodb"));
        assert!(!next("7.0.1", "5.0.4", "mongodb"), "6.0 is between them");
        assert!(!next("9.9", "8.0.4", "mongodb"), "what is between them is not known");
        assert!(next("8.0", "7.0", "redis"), "one release of Redis may follow any older one");
        for (this, that, another) in [("15.18", "15.20", false), ("15.20", "17.12", true), ("17.12", "15.20", true)] {
            assert_eq!(version(this).is_another_release_than(&version(that), engine("postgres")), another);
        }
    }

    /// What each condition means, literally: a changed effect is a changed verdict.
    #[test]
    fn every_condition_has_the_effect_it_always_had() {
        use stateful_safety::{Blocks, Passes, UnfinishedSwitchover};
        let describe = |blocks, passes, unfinished| {
            let blocks = match blocks {
                Blocks::Everything => "everything",
                Blocks::Switchover => "switchover",
                Blocks::SwitchoverAndItsMember => "switchover and its member",
                Blocks::AllButItsMember => "all but its member",
                Blocks::Upgrade => "upgrade",
                Blocks::Finalize => "finalize",
            };
            let passes = match passes {
                Passes::Never => "never",
                Passes::ByItself => "by itself",
                Passes::WithinSeconds => "within seconds",
                Passes::ByFinalize => "by finalize",
            };
            let finishing = if unfinished == UnfinishedSwitchover::Blocked { ", finishing" } else { "" };
            format!("{blocks}{finishing}; {passes}")
        };
        let rows = ENGINES.iter().flat_map(|row| row.conditions);
        let found: BTreeSet<String> = rows
            .map(|row| {
                let effect = row.effect;
                format!("{} {}", row.code, describe(effect.blocks, effect.passes, effect.unfinished))
            })
            .collect();
        let expected = [
            "STF-CD-001 all but its member; by itself",
            "STF-CD-002 everything; by itself",
            "STF-CD-003 everything; by itself",
            "STF-CD-004 everything; never",
            "STF-CD-005 everything; by itself",
            "STF-DB-016 everything, finishing; by itself",
            "STF-DB-017 everything, finishing; never",
            "STF-DB-018 everything; by itself",
            "STF-DB-019 switchover; within seconds",
            "STF-DB-020 everything; never",
            "STF-DB-020 switchover; never",
            "STF-DB-029 everything, finishing; by itself",
            "STF-DB-029 everything, finishing; never",
            "STF-MG-001 switchover and its member; by itself",
            "STF-MG-002 everything; by itself",
            "STF-MG-003 everything; never",
            "STF-MG-004 everything; by finalize",
            "STF-MG-008 upgrade; never",
            "STF-MG-009 upgrade; by itself",
            "STF-MG-009 upgrade; never",
            "STF-MG-010 upgrade; by itself",
            "STF-MG-011 finalize; never",
            "STF-MG-012 everything; never",
            "STF-MG-013 everything; by itself",
            "STF-PG-001 switchover; by itself",
            "STF-PG-002 switchover; by itself",
            "STF-PG-003 switchover and its member; by itself",
            "STF-PG-004 everything; never",
            "STF-PG-005 switchover; never",
            "STF-PG-006 switchover, finishing; never",
            "STF-PG-007 switchover, finishing; never",
            "STF-PG-012 all but its member; never",
            "STF-PG-012 switchover; never",
            "STF-RD-001 everything, finishing; by itself",
            "STF-RD-002 everything, finishing; by itself",
            "STF-RD-003 switchover; never",
            "STF-RD-004 everything, finishing; never",
        ];
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}
