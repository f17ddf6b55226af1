//! Why a command failed: an exit code, one sentence, and what to type next.

use stateful_cluster::Error as ClusterError;
use stateful_operations::{OpenError, PlanOutdated, WorldError};

use crate::exit::Exit;

/// Why a command did not do what it was asked to do.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// One sentence.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn blocked(message: impl Into<String>) -> Self {
        Self::new(Exit::Blocked, message)
    }

    /// The user answered no. It is an error so that a script does not go on.
    pub(crate) fn declined() -> Self {
        Self::new(Exit::Error, "not confirmed; nothing was touched")
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let exit = match &error {
            ClusterError::Locked { .. } => Exit::Blocked,
            ClusterError::Unreachable(_)
            | ClusterError::Config(_)
            | ClusterError::Forbidden(_)
            | ClusterError::NotFound(_)
            | ClusterError::Conflict(_)
            | ClusterError::Refused { .. }
            | ClusterError::Answer(_)
            | ClusterError::LockLost(_)
            | ClusterError::Target(_)
            | ClusterError::Credentials(_) => Exit::Error,
        };
        let hint = match &error {
            ClusterError::Config(_) => Some("name a kubeconfig with --kubeconfig, or a context with --context"),
            ClusterError::Forbidden(_) => Some("print a role with what a verb needs: kubectl stateful rbac VERB"),
            ClusterError::Unreachable(_)
            | ClusterError::NotFound(_)
            | ClusterError::Conflict(_)
            | ClusterError::Refused { .. }
            | ClusterError::Answer(_)
            | ClusterError::Locked { .. }
            | ClusterError::LockLost(_)
            | ClusterError::Target(_)
            | ClusterError::Credentials(_) => None,
        };
        Self { exit, message: error.to_string(), hint: hint.map(ToOwned::to_owned) }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Cluster(error) => error.into(),
            OpenError::NoWayIn { .. } => Self::new(Exit::Error, error.to_string()),
        }
    }
}

impl From<WorldError> for Failure {
    fn from(error: WorldError) -> Self {
        match error {
            WorldError::Cluster(error) => error.into(),
            WorldError::NotGranted(_) | WorldError::NotYet(_) | WorldError::Switchover(_) | WorldError::Journal(_) => {
                Self::new(Exit::Error, error.to_string())
            }
        }
    }
}

impl From<PlanOutdated> for Failure {
    fn from(moved: PlanOutdated) -> Self {
        Self::blocked(moved.to_string()).hint("make a new plan with --dry-run=client")
    }
}
