//! What a server answered, word for word. Answers recorded from real servers test the interpretation.

use mongodb::bson::{Bson, Document};
use serde::{Deserialize, Serialize};

/// The state of a primary.
pub(super) const PRIMARY: i64 = 1;
/// The state of a secondary.
pub(super) const SECONDARY: i64 = 2;
/// The state of an arbiter, which only votes.
pub(super) const ARBITER: i64 = 7;

/// How long a majority may take to have an entry of its primary, in milliseconds. A healthy set needs a few.
pub(super) const COMMITTED_WITHIN: i64 = 1_000;

/// One member and its answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberAnswers {
    /// The member's name.
    pub member: String,
    /// The address its peers should know it by, where known.
    pub address: Option<String>,
    /// Paths on its file system that outlive its pod.
    #[serde(default)]
    pub kept: Vec<String>,
    /// Its answers, or why it gave none.
    pub answer: Result<Answers, String>,
}

/// A server's answers to the questions `observe` asks. Where it is in no set, or an arbiter, it answers some with an error:
/// those are kept empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// `hello`.
    pub hello: Document,
    /// `replSetGetStatus`.
    pub status: Document,
    /// The same of a primary again, as soon as a majority has what was its newest entry then, or after a second.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub committed: Document,
    /// `replSetGetConfig`.
    pub config: Document,
    /// `buildInfo`.
    pub build: Document,
    /// `getParameter: featureCompatibilityVersion`.
    pub features: Document,
    /// `currentOp` of index builds alone; it also tells of a lock.
    pub operations: Document,
    /// `getCmdLineOpts`: what it was started with; the server itself blanks out what is secret there.
    pub options: Document,
    /// The oldest entry of the oplog: when it was made, and by what.
    pub oldest: Document,
    /// How large the oplog is, and how large it may be.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub oplog: Document,
    /// Percona's backups under way, from their own collection.
    pub backups: Document,
    /// What makes it a shard of a cluster, from `admin.system.version`.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub shard: Document,
    /// What only members of a sharded cluster are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ShardedCluster>,
    /// Questions that its user is not allowed to ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
}

/// What a part of a sharded cluster knows of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ShardedCluster {
    /// The balancer's settings, from `config.settings`: empty as long as no administrator has changed them.
    pub balancer: Document,
    /// Its shards (`config.shards`), as only the config servers know them.
    pub shards: Vec<Document>,
    /// Chunks that are moving from this shard to another (`config.migrationCoordinators`).
    pub leaving: Vec<Document>,
}

/// A question that the server's user is not allowed to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Withheld {
    /// Percona's backups under way (`admin.pbmLock`).
    Backups,
    /// What makes it a shard; its command line tells nearly the same.
    Shard,
    /// What is known of a sharded cluster.
    Cluster,
}

impl Answers {
    /// What the set says of its members, in `replSetGetStatus`.
    pub fn members(&self) -> impl Iterator<Item = &Document> {
        documents(&self.status, "members")
    }

    /// What it says of itself there.
    pub fn own(&self) -> Option<&Document> {
        self.members().find(|member| member.get_bool("self").unwrap_or(false))
    }

    /// What the set's configuration says of its members.
    pub fn configured(&self) -> impl Iterator<Item = &Document> {
        let config = self.config.get_document("config").ok();
        config.into_iter().flat_map(|config| documents(config, "members"))
    }

    /// Its state, as a number (manual, "Replica Set Member States").
    pub fn state(&self) -> Option<i64> {
        number(&self.status, "myState")
    }

    /// Its part in a sharded cluster, as it was started for (manual, `sharding.clusterRole`): `configsvr`, `shardsvr`.
    pub fn cluster_role(&self) -> Option<&str> {
        let parsed = self.options.get_document("parsed").and_then(|parsed| parsed.get_document("sharding"));
        parsed.ok().and_then(|sharding| sharding.get_str("clusterRole").ok())
    }

    /// Whether it is one of a cluster's config servers.
    pub fn is_config_server(&self) -> bool {
        self.hello.contains_key("configsvr") || self.cluster_role() == Some("configsvr")
    }

    /// Whether it is a shard's member. One that was only started to become one, and is in no cluster, counts as one.
    pub fn is_shard(&self) -> bool {
        !self.shard.is_empty() || self.cluster_role() == Some("shardsvr")
    }

    /// Whether it is a `mongos`, which holds no data (manual, `hello`).
    pub fn is_router(&self) -> bool {
        self.hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid")
    }

    /// Whether it says that it is the primary.
    pub fn leads(&self) -> bool {
        self.state() == Some(PRIMARY)
    }

    /// Whether it says that it is a secondary, which has copied everything.
    pub fn follows(&self) -> bool {
        self.state() == Some(SECONDARY)
    }

    /// When the newest entry it has applied was made, in milliseconds; by the clock of the primary, who stamps each entry
    /// (since 4.4; the older stamp counts seconds).
    pub fn applied(&self) -> Option<i64> {
        let own = self.own()?;
        moment(own, "lastAppliedWallTime").or_else(|| moment(own, "optimeDate"))
    }
}

/// How far a member's oplog goes, by its own `replSetGetStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Commits {
    /// The newest entry that, as far as it knows, a majority has: its time in the log, the term first.
    pub committed: (i64, u32, u32),
    /// The newest it has itself.
    pub applied: (i64, u32, u32),
    /// When that was made, in milliseconds.
    pub applied_at: i64,
    /// Its clock when it said so, in milliseconds.
    pub now: i64,
}

pub(super) fn commits(status: &Document) -> Option<Commits> {
    let times = status.get_document("optimes").ok()?;
    let time = |key: &str| {
        let time = times.get_document(key).ok()?;
        let stamp = time.get_timestamp("ts").ok()?;
        Some((number(time, "t")?, stamp.time, stamp.increment))
    };
    Some(Commits {
        committed: time("lastCommittedOpTime")?,
        applied: time("appliedOpTime")?,
        applied_at: moment(times, "lastAppliedWallTime")?,
        now: moment(status, "date")?,
    })
}

/// The host of a member, as the set lists it under that key, without its port.
pub(super) fn host<'a>(listed: &'a Document, key: &str) -> &'a str {
    let named = listed.get_str(key).unwrap_or_default();
    named.rsplit_once(':').map_or(named, |(host, _)| host)
}

/// A member's priority to become the primary in the set's configuration, in thousandths: a fraction of up to 1000 there (manual,
/// `members[n].priority`), 1 unless it is set.
pub(super) fn priority(configured: &Document) -> u32 {
    let value =
        configured.get("priority").and_then(|value| value.as_f64().or_else(|| Some(f64::from(value.as_i32()?))));
    let thousandths = value.map_or(1_000.0, |value| (value * 1_000.0).clamp(0.0, 1_000_000.0).ceil());
    // What a float may be beyond its bounds was cut off above.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between nought and a million")]
    let thousandths = thousandths as u32;
    thousandths
}

/// The documents of a list.
pub(super) fn documents<'a>(of: &'a Document, key: &str) -> impl Iterator<Item = &'a Document> {
    of.get_array(key).ok().into_iter().flatten().filter_map(Bson::as_document)
}

/// A whole number, however the server wrote it.
pub(super) fn number(of: &Document, key: &str) -> Option<i64> {
    match of.get(key)? {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        // Servers count some things in doubles; those are whole all the same.
        #[expect(clippy::cast_possible_truncation, reason = "a fraction of a whole number is none")]
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}

/// A moment in milliseconds.
pub(super) fn moment(of: &Document, key: &str) -> Option<i64> {
    of.get_datetime(key).ok().map(|moment| moment.timestamp_millis())
}
