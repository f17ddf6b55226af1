//! What a server said, word for word. Recorded once from real servers, these test the interpretation for ever.

use mongodb::bson::{Bson, Document};
use serde::{Deserialize, Serialize};

/// The state of a member that leads.
pub(super) const PRIMARY: i64 = 1;
/// Of one that follows.
pub(super) const SECONDARY: i64 = 2;
/// Of one that only votes.
pub(super) const ARBITER: i64 = 7;

/// One member and what it said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The member's name.
    pub member: String,
    /// The address its peers should know it by, where known.
    pub address: Option<String>,
    /// What it said, or why it said nothing.
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
    /// Percona's backups under way, from their own collection.
    pub backups: Document,
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

    /// Whether it says that it leads.
    pub fn leads(&self) -> bool {
        self.state() == Some(PRIMARY)
    }

    /// Whether it says that it follows, having copied everything.
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

/// The host of a member, as the set lists it under that key, without its port.
pub(super) fn host<'a>(listed: &'a Document, key: &str) -> &'a str {
    let named = listed.get_str(key).unwrap_or_default();
    named.rsplit_once(':').map_or(named, |(host, _)| host)
}

/// How much a set's configuration wants a member to lead, in thousandths: a fraction of up to 1000 there (manual,
/// `members[n].priority`), 1 unless told otherwise.
pub(super) fn priority(configured: &Document) -> u32 {
    let told = configured.get("priority").and_then(|told| told.as_f64().or_else(|| Some(f64::from(told.as_i32()?))));
    let thousandths = told.map_or(1_000.0, |told| (told * 1_000.0).clamp(0.0, 1_000_000.0).ceil());
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
