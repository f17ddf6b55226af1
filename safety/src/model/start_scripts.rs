//! What runs each time a member's pod starts, as far as its pod template and its ConfigMaps show it.

/// The commands and scripts that start a member, word for word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartScripts {
    /// The StatefulSet.
    pub workload: String,
    /// Commands with their arguments, and the scripts of ConfigMaps that they name, in the order in which they were found.
    pub texts: Vec<StartText>,
    /// Scripts that a command names and that could not be read.
    pub unread: Vec<UnreadScript>,
    /// The image of the server's container, where the image's own entrypoint starts it.
    pub own_entrypoint: Option<String>,
    /// Twelve hexadecimal digits of a digest over all the texts: another text has another digest.
    pub digest: String,
    /// The digest of the texts of which an administrator says that they keep each member's role.
    pub confirmed: Option<String>,
}

/// One text that runs at each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartText {
    /// Where it is written: `the command of container redis`, `ConfigMap redis, key start-redis`.
    pub origin: String,
    /// The text.
    pub text: String,
}

/// A script that is named and could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadScript {
    /// What is named: `/scripts/start of container redis`.
    pub what: String,
    /// Why it could not be read.
    pub why: String,
    /// The ConfigMap that it is in; none where it is on a volume that this tool does not read.
    pub config_map: Option<String>,
}

impl StartScripts {
    /// Whether an administrator says of exactly these texts that they keep each member's role.
    pub fn are_confirmed(&self) -> bool {
        self.confirmed.as_ref() == Some(&self.digest)
    }
}
