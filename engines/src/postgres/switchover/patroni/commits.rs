//! THINK. Which standbys commits wait for by Patroni's dynamic configuration, and what has to be changed in it so that a successor
//! has every write before the switchover.

use serde_json::{Map, Value, json};

/// The two settings (documentation, "Replication modes").
const SETTINGS: [&str; 2] = ["synchronous_mode", "synchronous_node_count"];

/// The key under which the settings of before are kept while ours are in place: a user who reads the configuration sees them, and a
/// later run of this tool restores them if this process dies.
const BEFORE: &str = "kubectl_stateful_before";

/// The settings as they are while no switchover is under way; null where one is not set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings(Map<String, Value>);

impl Settings {
    /// Reads them from what `GET /config` answers.
    pub(super) fn read(config: &Value) -> Self {
        let kept = config.get(BEFORE).unwrap_or(config);
        Self(SETTINGS.iter().map(|name| ((*name).to_owned(), kept.get(*name).cloned().unwrap_or_default())).collect())
    }

    /// Those of before, where a configuration still holds ours: the process that changed them has died. None where it does not.
    pub(super) fn left_changed(config: &Value) -> Option<Self> {
        config.get(BEFORE).filter(|kept| kept.is_object()).map(|_| Self::read(config))
    }

    /// What to change so that each commit waits for all of that many standbys; none where each does already. A quorum is not
    /// enough: the successor need not be part of it.
    pub(super) fn wait_for_all(&self, standbys: usize) -> Option<Value> {
        let counts = self.0[SETTINGS[1]].as_u64().unwrap_or(1) >= standbys as u64;
        if self.0[SETTINGS[0]] == Value::Bool(true) && counts {
            return None;
        }
        Some(json!({SETTINGS[0]: true, SETTINGS[1]: standbys, BEFORE: self.0}))
    }

    /// What to change so that the settings are as before. Null removes a setting.
    pub(super) fn restoring_change(&self) -> Value {
        let mut all = self.0.clone();
        all.insert(BEFORE.to_owned(), Value::Null);
        Value::Object(all)
    }
}

/// Whether a member is a synchronous standby and streams, by Patroni's answer to `GET /cluster`.
pub(super) fn is_sync_standby(cluster: &Value, member: &str) -> bool {
    let members = cluster["members"].as_array().into_iter().flatten();
    members.into_iter().any(|listed| {
        let streams = ["running", "streaming"].iter().any(|state| listed["state"] == **state);
        listed["name"] == *member && listed["role"] == "sync_standby" && streams
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Settings, is_sync_standby};

    #[test]
    fn commits_wait_for_every_standby_while_the_role_moves_and_for_those_of_before_afterwards() {
        let before = Settings::read(&json!({"ttl": 30}));
        let during = before.wait_for_all(2).expect("a change");
        assert_eq!((&during["synchronous_mode"], &during["synchronous_node_count"]), (&json!(true), &json!(2)));
        assert_eq!(
            before.restoring_change(),
            json!({"synchronous_mode": null, "synchronous_node_count": null, "kubectl_stateful_before": null})
        );
        assert_eq!(
            Settings::read(&during),
            before,
            "a later run restores the settings of before the process that died"
        );
    }

    #[test]
    fn settings_that_a_dead_process_left_are_known_and_those_of_a_user_are_left_alone() {
        let of_a_user = json!({"ttl": 30, "synchronous_mode": true, "synchronous_node_count": 2});
        assert_eq!(Settings::left_changed(&of_a_user), None);
        let before = Settings::read(&json!({"ttl": 30, "synchronous_mode": "quorum"}));
        let left = before.wait_for_all(2).expect("a change");
        assert_eq!(Settings::left_changed(&left).as_ref(), Some(&before));
        assert_eq!(before.restoring_change()["synchronous_mode"], json!("quorum"));
    }

    #[test]
    fn one_of_several_is_not_enough_nor_is_a_quorum() {
        for (config, enough) in [
            (json!({"synchronous_mode": true, "synchronous_node_count": 2}), true),
            (json!({"synchronous_mode": true}), false),
            (json!({"synchronous_mode": "quorum", "synchronous_node_count": 2}), false),
        ] {
            assert_eq!(Settings::read(&config).wait_for_all(2).is_none(), enough, "{config}");
        }
    }

    #[test]
    fn a_sync_standby_is_one_that_patroni_names_so_and_that_streams() {
        let cluster = |role: &str, state: &str| json!({"members": [{"name": "pg-1", "role": role, "state": state}]});
        assert!(is_sync_standby(&cluster("sync_standby", "running"), "pg-1"));
        assert!(is_sync_standby(&cluster("sync_standby", "streaming"), "pg-1"));
        assert!(!is_sync_standby(&cluster("replica", "running"), "pg-1"));
        assert!(!is_sync_standby(&cluster("quorum_standby", "running"), "pg-1"));
        assert!(!is_sync_standby(&cluster("sync_standby", "starting"), "pg-1"));
        assert!(!is_sync_standby(&cluster("sync_standby", "running"), "pg-2"));
    }
}
