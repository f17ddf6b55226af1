//! Logs a lasting problem once, not at every attempt.

use std::fmt::Display;

use tracing::{info, warn};

/// The problem that was logged last about one subject.
pub(crate) struct LogOnce {
    about: &'static str,
    logged: Option<String>,
}

impl LogOnce {
    /// Starts without a problem.
    pub(crate) fn about(about: &'static str) -> Self {
        Self { about, logged: None }
    }

    /// Logs a problem, unless it was logged last.
    pub(crate) fn report(&mut self, reason: &impl Display) {
        let reason = reason.to_string();
        if self.logged.as_ref() != Some(&reason) {
            warn!(about = self.about, %reason, "a certificate problem; the certificate in service stays");
            self.logged = Some(reason);
        }
    }

    /// Logs that the problem is gone, if there was one.
    pub(crate) fn resolve(&mut self) {
        if self.logged.take().is_some() {
            info!(about = self.about, "the certificate problem is gone");
        }
    }
}
