//! Start scripts that keep a member's role, and those that do not.

use std::sync::Arc;

use stateful_safety::{StartScripts, StartText};

use super::{interpret, recorded};

/// The codes and texts of what is found where these lines start the members.
fn found(case: &str, lines: &str, change: impl FnOnce(&mut StartScripts)) -> Vec<String> {
    let mut starts = StartScripts {
        workload: "shop".to_owned(),
        texts: vec![StartText { origin: "the command of container server".to_owned(), text: lines.to_owned() }],
        digest: "0123456789ab".to_owned(),
        ..StartScripts::default()
    };
    change(&mut starts);
    let starts = Arc::new(starts);
    let mut seen = recorded(case);
    for member in &mut seen {
        member.starts = Arc::clone(&starts);
    }
    interpret(&seen, 1).blockers.iter().map(|blocker| format!("{} {blocker}", blocker.code)).collect()
}

const BY_ORDINAL: &str = "sh -c\nif [ ${HOSTNAME##*-} = 0 ]\nthen rm -f $PGDATA/standby.signal\nfi";

#[test]
fn a_start_script_that_decides_the_role_does_not_keep_it() {
    let line = "STF-DB-020 a restart may change a member's role: the command of container server, line 3, says: then rm -f \
                $PGDATA/standby.signal";
    assert_eq!(found("healthy", BY_ORDINAL, |_| {}), [line]);
    for line in [
        "pg_basebackup -h shop-0 -D $D -R",
        "rm -rf \"${PGDATA:?}\"/*",
        "echo primary_conninfo >>auto.conf",
        "pg_ctl -D $D promote",
        "pg_rewind --target-pgdata $D",
        "touch $D/recovery.conf",
    ] {
        assert_eq!(found("healthy", line, |_| {}).len(), 1, "{line}");
    }
    for line in ["# pg_basebackup was here", "rm -f /tmp/lock", "exec postgres -D $PGDATA -c cluster_name=$(hostname)"]
    {
        assert_eq!(found("healthy", line, |_| {}).len(), 0, "{line}");
    }
}

#[test]
fn the_very_scripts_may_be_confirmed() {
    let confirm = |digest: &str| {
        let digest = digest.to_owned();
        found("healthy", BY_ORDINAL, |starts| starts.confirmed = Some(digest)).len()
    };
    assert_eq!(confirm("0123456789ab"), 0);
    assert_eq!(confirm("ba9876543210"), 1, "other scripts were confirmed");
}

#[test]
fn a_manager_decides_whatever_starts_its_members() {
    let mut seen = recorded("healthy");
    let starts = StartScripts {
        texts: vec![StartText { origin: "a script".to_owned(), text: BY_ORDINAL.to_owned() }],
        ..StartScripts::default()
    };
    for member in &mut seen {
        member.starts = Arc::new(starts.clone());
    }
    assert_eq!(interpret(&seen, 1).blockers.len(), 1);
    let given = "max_prepared_transactions track_commit_timestamp wal_log_hints";
    let answers = seen[1].answer.as_mut().expect("an answer");
    answers.server.insert("command_line".to_owned(), Some(given.to_owned()));
    assert_eq!(interpret(&seen, 1).blockers.len(), 0, "Patroni started them");
    seen.truncate(1);
    assert_eq!(super::super::role_at_start::blockers(&seen, None).len(), 0, "it has no role to lose");
}

#[test]
fn an_entrypoint_that_is_known_to_forget_is_refused_whatever_is_confirmed() {
    let started_by = |image: &str| {
        let image = image.to_owned();
        found("healthy", "", |starts| {
            starts.confirmed = Some("0123456789ab".to_owned());
            starts.own_entrypoint = Some(image);
        })
    };
    for image in ["docker.io/bitnami/postgresql:17", "bitnamilegacy/postgresql@sha256:00"] {
        let found = started_by(image);
        assert_eq!(found.len(), 1, "{image}");
        assert!(found[0].starts_with("STF-DB-020") && found[0].contains("standby.signal"), "{found:?}");
    }
    for image in ["postgres:17", "ghcr.io/cloudnative-pg/postgresql:17", "bitnami/postgresql-repmgr:17"] {
        assert_eq!(started_by(image).len(), 0, "{image}");
    }
}
