//! What a restart keeps: a member's role, unless its start scripts decide it, and its data, if that is on a volume.

use std::sync::Arc;

use stateful_safety::{StartScripts, StartText, Sync};

use super::{RELEASES, interpret, recorded};
use crate::redis::MemberAnswers;

/// Members that are started by these lines, with that digest confirmed.
fn started_by(case: &str, lines: &str, confirmed: Option<&str>) -> Vec<MemberAnswers> {
    let text = StartText { origin: "ConfigMap shop, key start".to_owned(), text: lines.to_owned() };
    let starts = Arc::new(StartScripts {
        workload: "shop".to_owned(),
        texts: vec![text],
        digest: "0123456789ab".to_owned(),
        confirmed: confirmed.map(ToOwned::to_owned),
        ..StartScripts::default()
    });
    let mut seen = recorded("8.0", case);
    for member in &mut seen {
        member.starts = Arc::clone(&starts);
    }
    seen
}

#[test]
fn a_start_script_that_writes_the_role_does_not_keep_it() {
    let of = |case: &str, lines: &str, confirmed| {
        let blockers = interpret(&started_by(case, lines, confirmed), 1).blockers;
        blockers.iter().map(|blocker| format!("{} {blocker}", blocker.code)).collect::<Vec<_>>()
    };
    let by_ordinal =
        "set -eu\n# without replicaof it leads\n[ \"${HOSTNAME##*-}\" = 0 ] || echo \"replicaof shop-0 6379\" >>$f\n";
    let found = of("replication-healthy", by_ordinal, None);
    let line = "STF-DB-020 a restart may change a member's role: ConfigMap shop, key start, line 3, says: \
                [ \"${HOSTNAME##*-}\" = 0 ] || echo \"replicaof shop-0 6379\" >>$f";
    assert_eq!(found, [line]);
    assert_eq!(of("replication-healthy", by_ordinal, Some("0123456789ab")).len(), 0, "confirmed");
    assert_eq!(of("replication-healthy", by_ordinal, Some("ab0123456789")).len(), 1, "another text was confirmed");
    assert_eq!(of("replication-sentinels", by_ordinal, None).len(), 0, "Sentinels tell it its role");
    assert_eq!(of("single", by_ordinal, None).len(), 0, "it has no role to lose");
    assert_eq!(of("replication-healthy", "exec redis-server $f --replica-announce-ip $(hostname)", None).len(), 0);
}

#[test]
fn a_data_directory_beside_the_volume_goes_with_the_pod() {
    let lost = |kept: &str, save: &str| {
        let mut seen = recorded("8.0", "replication-healthy");
        seen[1].kept.push(kept.to_owned());
        let answers = seen[1].answer.as_mut().expect("an answer");
        answers.info = answers.info.replace("aof_enabled:1", "aof_enabled:0");
        answers.config.extend([("dir".to_owned(), "/scratch".to_owned()), ("save".to_owned(), save.to_owned())]);
        interpret(&seen, 1).groups[0].members[1].lost_directory.clone()
    };
    assert_eq!(lost("/conf/", "3600 1").as_deref(), Some("/scratch"));
    assert_eq!(lost("/scratch/", "3600 1"), None);
    assert_eq!(lost("/conf/", ""), None, "it writes nothing there");
}

#[test]
fn a_start_script_that_writes_the_configuration_file_does_not_keep_the_role() {
    let seen = recorded("8.0", "replication-healthy");
    let file = seen[0].answer.as_ref().ok().and_then(|answers| answers.field("config_file")).expect("it has a file");
    let refuses = |line: &str| {
        let line = line.replace("FILE", file);
        !interpret(&started_by("replication-healthy", &line, None), 1).blockers.is_empty()
    };
    for line in
        ["cp /etc/shop.conf FILE", "envsubst </etc/shop >FILE", "} > \"FILE\"", "rm -f FILE", "sed -i s/a/b/ FILE"]
    {
        assert!(refuses(line), "{line}");
    }
    for line in ["redis-server FILE", "exec redis-server FILE 2>/dev/null", "cp /etc/users.acl /data/users.acl"] {
        assert!(!refuses(line), "{line}");
    }
}

/// Only the other replica lists such a replica, and its offset looks as good as any.
#[test]
fn a_replica_that_follows_another_replica_is_not_in_sync() {
    for case in ["replication-healthy", "replication-sentinels"] {
        for (release, _) in RELEASES {
            let mut seen = recorded(release, case);
            let before = interpret(&seen, 1);
            let primary = before.groups[0].primary().expect("a primary").name.clone();
            let replicas: Vec<usize> = (0..seen.len()).filter(|number| seen[*number].member != primary).collect();
            let host = seen[replicas[0]].address.clone().expect("an address");
            let followed = seen[replicas[0]].member.clone();
            let answers = seen[replicas[1]].answer.as_mut().expect("an answer");
            let own = answers.field("master_host").expect("it follows one").to_owned();
            answers.info = answers.info.replace(&format!("master_host:{own}"), &format!("master_host:{host}"));
            let assessment = interpret(&seen, 1);
            let member = assessment.member(&seen[replicas[1]].member).expect("it is a member");
            let why = format!("it follows {followed}, which is not the primary");
            assert_eq!(member.sync, Sync::Behind { why }, "{release}-{case}");
        }
    }
}
