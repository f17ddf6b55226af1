//! Says what is the matter once, not at every look.

use std::fmt::Display;

use tracing::{info, warn};

/// What was said last about one thing.
pub(crate) struct LogOnce {
    about: &'static str,
    said: Option<String>,
}

impl LogOnce {
    /// Nothing is the matter yet.
    pub(crate) fn about(about: &'static str) -> Self {
        Self { about, said: None }
    }

    /// Says it, unless it was said last.
    pub(crate) fn report(&mut self, reason: &impl Display) {
        let reason = reason.to_string();
        if self.said.as_ref() != Some(&reason) {
            warn!(about = self.about, %reason, "certificates: something is the matter; what is in service stays");
            self.said = Some(reason);
        }
    }

    /// All is well; says so if something was the matter.
    pub(crate) fn resolve(&mut self) {
        if self.said.take().is_some() {
            info!(about = self.about, "certificates: all is well again");
        }
    }
}
