//! THINK. Which standbys Patroni lets commits wait for, as its dynamic configuration has it, and what must be changed in
//! it so that a successor has every write before the role moves.

use serde_json::{Map, Value, json};

/// The two settings (documentation, "Replication modes").
const SETTINGS: [&str; 2] = ["synchronous_mode", "synchronous_node_count"];

/// Where the settings there were before are kept while ours hold: whoever looks at the configuration sees it, and whoever
/// takes over from a dead process puts them back.
const BEFORE: &str = "kubectl_stateful_before";

/// The settings as they are when nobody moves the database; null where one is not set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings(Map<String, Value>);

impl Settings {
    /// Reads them from what `GET /config` answers.
    pub(super) fn read(config: &Value) -> Self {
        let kept = config.get(BEFORE).unwrap_or(config);
        Self(SETTINGS.iter().map(|name| ((*name).to_owned(), kept.get(*name).cloned().unwrap_or_default())).collect())
    }

    /// What to change so that each commit waits for all of so many standbys; none where each does already. A quorum is not
    /// enough: the successor need not be part of it.
    pub(super) fn all_in_step(&self, standbys: usize) -> Option<Value> {
        let counts = self.0[SETTINGS[1]].as_u64().unwrap_or(1) >= standbys as u64;
        if self.0[SETTINGS[0]] == Value::Bool(true) && counts {
            return None;
        }
        Some(json!({SETTINGS[0]: true, SETTINGS[1]: standbys, BEFORE: self.0}))
    }

    /// What to change so that it is as before. Null takes a setting away.
    pub(super) fn put_back(&self) -> Value {
        let mut all = self.0.clone();
        all.insert(BEFORE.to_owned(), Value::Null);
        Value::Object(all)
    }
}

/// Whether Patroni lets commits wait for a member, and it streams, by what `GET /cluster` answers.
pub(super) fn is_in_step(cluster: &Value, member: &str) -> bool {
    let members = cluster["members"].as_array().into_iter().flatten();
    members.into_iter().any(|told| {
        let streams = ["running", "streaming"].iter().any(|state| told["state"] == **state);
        told["name"] == *member && told["role"] == "sync_standby" && streams
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Settings, is_in_step};

    #[test]
    fn commits_wait_for_every_standby_while_the_role_moves_and_for_those_of_before_afterwards() {
        let before = Settings::read(&json!({"ttl": 30}));
        let during = before.all_in_step(2).expect("a change");
        assert_eq!((&during["synchronous_mode"], &during["synchronous_node_count"]), (&json!(true), &json!(2)));
        assert_eq!(
            before.put_back(),
            json!({"synchronous_mode": null, "synchronous_node_count": null, "kubectl_stateful_before": null})
        );
        assert_eq!(
            Settings::read(&during),
            before,
            "who comes after a dead process puts back what was there before it"
        );
    }

    #[test]
    fn one_of_several_is_not_enough_nor_is_a_quorum() {
        for (config, enough) in [
            (json!({"synchronous_mode": true, "synchronous_node_count": 2}), true),
            (json!({"synchronous_mode": true}), false),
            (json!({"synchronous_mode": "quorum", "synchronous_node_count": 2}), false),
        ] {
            assert_eq!(Settings::read(&config).all_in_step(2).is_none(), enough, "{config}");
        }
    }

    #[test]
    fn in_step_is_who_patroni_says_is_and_who_streams() {
        let cluster = |role: &str, state: &str| json!({"members": [{"name": "pg-1", "role": role, "state": state}]});
        assert!(is_in_step(&cluster("sync_standby", "running"), "pg-1"));
        assert!(is_in_step(&cluster("sync_standby", "streaming"), "pg-1"));
        assert!(!is_in_step(&cluster("replica", "running"), "pg-1"));
        assert!(!is_in_step(&cluster("quorum_standby", "running"), "pg-1"));
        assert!(!is_in_step(&cluster("sync_standby", "starting"), "pg-1"));
        assert!(!is_in_step(&cluster("sync_standby", "running"), "pg-2"));
    }
}
