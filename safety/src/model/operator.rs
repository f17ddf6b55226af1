//! Operators: controllers that run a database's StatefulSet. What is patched behind their back they patch back, and several
//! replace pods themselves; so they are asked, not bypassed.

use serde::{Deserialize, Serialize};

/// The object a StatefulSet is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorOwner {
    /// Its API group, `psmdb.percona.com`.
    pub group: String,
    /// Its kind, `PerconaServerMongoDB`.
    pub kind: String,
    /// Its name, in the StatefulSet's namespace.
    pub name: String,
}

/// What is known of an operator: group and kind of its object, what kubectl calls it, and the change that has it roll another
/// image out, as a merge patch.
type Operator = (&'static str, &'static str, &'static str, &'static str);

/// The operators of engines we know, by their custom resource definitions.
const OPERATORS: &[Operator] = &[
    ("psmdb.percona.com", "PerconaServerMongoDB", "psmdb", r#"{"spec":{"image":"IMAGE"}}"#),
    ("mongodbcommunity.mongodb.com", "MongoDBCommunity", "mongodbcommunity", r#"{"spec":{"version":"VERSION"}}"#),
    ("mongodb.com", "MongoDB", "mongodb", r#"{"spec":{"version":"VERSION"}}"#),
    ("acid.zalan.do", "postgresql", "postgresql", r#"{"spec":{"dockerImage":"IMAGE"}}"#),
    ("postgresql.cnpg.io", "Cluster", "clusters.postgresql.cnpg.io", r#"{"spec":{"imageName":"IMAGE"}}"#),
    ("postgres-operator.crunchydata.com", "PostgresCluster", "postgrescluster", r#"{"spec":{"image":"IMAGE"}}"#),
    (
        "redis.redis.opstreelabs.in",
        "RedisCluster",
        "rediscluster",
        r#"{"spec":{"kubernetesConfig":{"image":"IMAGE"}}}"#,
    ),
    (
        "redis.redis.opstreelabs.in",
        "RedisReplication",
        "redisreplication",
        r#"{"spec":{"kubernetesConfig":{"image":"IMAGE"}}}"#,
    ),
    ("databases.spotahome.com", "RedisFailover", "redisfailover", r#"{"spec":{"redis":{"image":"IMAGE"}}}"#),
];

impl OperatorOwner {
    /// What to type so that its operator rolls another image out; `flags` are kubectl's, with a space before them.
    pub fn ask(&self, flags: &str) -> String {
        let known = OPERATORS.iter().find(|(group, kind, ..)| *group == self.group && *kind == self.kind);
        match known {
            Some((_, _, word, patch)) => {
                format!("ask its operator: kubectl patch {word} {}{flags} --type=merge -p '{patch}'", self.name)
            }
            None => format!(
                "change the image where its operator reads it: kubectl edit {}.{} {}{flags}",
                self.kind.to_lowercase(),
                self.group,
                self.name
            ),
        }
    }
}

/// What else is typed to an operator that keeps pods without a StatefulSet: to see them, and to let another of them lead.
type Pods = (&'static str, &'static str, &'static str, &'static str);

/// `CloudNativePG`'s plugin (its documentation, "Kubectl Plugin": `status`, `promote CLUSTER INSTANCE`).
const PODS: &[Pods] =
    &[("postgresql.cnpg.io", "Cluster", "kubectl cnpg status NAME", "kubectl cnpg promote NAME INSTANCE")];

impl OperatorOwner {
    /// What to type instead where the operator keeps the pods itself and there is no StatefulSet to look at or move.
    pub fn ask_of_pods(&self, flags: &str) -> String {
        let upgrade = self.ask(flags);
        let known = PODS.iter().find(|(group, kind, ..)| *group == self.group && *kind == self.kind);
        let Some((_, _, status, switchover)) = known else { return upgrade };
        let fill = |command: &str| format!("{}{flags}", command.replace("NAME", &self.name));
        format!("{upgrade}; another primary: {}; who is there: {}", fill(switchover), fill(status))
    }
}

impl std::fmt::Display for OperatorOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} {}", self.kind, self.group, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::{OPERATORS, OperatorOwner};

    #[test]
    fn each_operator_is_asked_by_its_own_object() {
        for (group, kind, word, patch) in OPERATORS {
            let object =
                OperatorOwner { group: (*group).to_owned(), kind: (*kind).to_owned(), name: "shop".to_owned() };
            let asked = object.ask(" -n db");
            assert!(asked.contains(&format!("kubectl patch {word} shop -n db --type=merge -p '{patch}'")), "{asked}");
            assert!(patch.contains("IMAGE") || patch.contains("VERSION"), "{patch}");
        }
        let cnpg = OperatorOwner {
            group: "postgresql.cnpg.io".to_owned(),
            kind: "Cluster".to_owned(),
            name: "shop".to_owned(),
        };
        assert_eq!(
            cnpg.ask_of_pods(" -n db"),
            "ask its operator: kubectl patch clusters.postgresql.cnpg.io shop -n db --type=merge -p \
             '{\"spec\":{\"imageName\":\"IMAGE\"}}'; another primary: kubectl cnpg promote shop INSTANCE -n db; who is there: \
             kubectl cnpg status shop -n db"
        );
        let other =
            OperatorOwner { group: "example.com".to_owned(), kind: "Cache".to_owned(), name: "shop".to_owned() };
        assert!(other.ask("").contains("kubectl edit cache.example.com shop"));
    }
}
