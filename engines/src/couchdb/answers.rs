//! What a node answered, word for word. Recorded answers test the interpretation.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One member and its answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberAnswers {
    /// The member's name.
    pub member: String,
    /// The address its peers should know it by, where known.
    pub address: Option<String>,
    /// Its answers, or why it gave none.
    pub answer: Result<Answers, String>,
}

/// The status and the body of an HTTP answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, empty where it is not JSON.
    pub body: Value,
}

/// A node's answers to the questions `observe` asks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// `GET /`: the welcome, with the version.
    pub welcome: Value,
    /// `GET /_node/_local`: the node's own name (manual, "/_node/{node-name}").
    pub node: Value,
    /// `GET /_up`: 200 where load balancers may send clients to it, 404 in a maintenance mode or while it has not joined its seeds.
    pub up: HttpAnswer,
    /// `GET /_node/_local/_config/couchdb/maintenance_mode`: 404 where it is not set.
    pub maintenance_mode: HttpAnswer,
    /// `GET /_membership`: the nodes it is connected to (`all_nodes`) and those of its cluster (`cluster_nodes`).
    pub membership: Value,
    /// `GET /_node/_local/_system`: among others the internal replication still to be done.
    pub system: Value,
    /// `GET /_reshard`: a summary of the splitting of shards.
    pub reshard: Value,
    /// `GET /_node/_local/_dbs/_all_docs`: which node has a copy of which shard, a document a database (manual, "Shard
    /// Management": the shard map).
    pub shard_maps: Value,
}

impl Answers {
    /// The node's own name, `couchdb@HOST`.
    pub fn name(&self) -> Option<&str> {
        self.node["name"].as_str()
    }

    /// The nodes it is connected to, itself among them.
    pub fn connected(&self) -> impl Iterator<Item = &str> {
        texts(&self.membership["all_nodes"])
    }

    /// The nodes of its cluster, itself among them.
    pub fn cluster(&self) -> impl Iterator<Item = &str> {
        texts(&self.membership["cluster_nodes"])
    }

    /// Its maintenance mode, where it is in one: `nolb` or `true`.
    pub fn maintenance(&self) -> Option<&str> {
        let mode = self.maintenance_mode.body.as_str().filter(|_| self.maintenance_mode.status == 200);
        mode.filter(|mode| !["", "false"].contains(mode))
    }

    /// How many jobs of internal replication it still has to do, if it says so.
    pub fn backlog(&self) -> Option<u64> {
        self.system["internal_replication_jobs"].as_u64()
    }

    /// The shard maps: each a database's name, and the nodes that hold each range.
    pub fn databases(&self) -> impl Iterator<Item = (&str, &Value)> {
        let rows = self.shard_maps["rows"].as_array().into_iter().flatten();
        let maps = rows.filter_map(|row| Some((row["id"].as_str()?, &row["doc"]["by_range"])));
        maps.filter(|(_, ranges)| ranges.is_object())
    }
}

/// The texts of a list.
pub(super) fn texts(of: &Value) -> impl Iterator<Item = &str> {
    of.as_array().into_iter().flatten().filter_map(Value::as_str)
}
