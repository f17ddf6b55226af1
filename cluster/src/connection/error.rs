//! Errors of the API server, worded for the user of the command.

/// The result of a request to the API server.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A request to the API server that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig cannot be used.
    #[error("no usable cluster configuration: {0}")]
    Config(String),
    /// The API server cannot be reached.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    /// The user lacks the permission.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// There is no such object.
    #[error("{0}")]
    NotFound(String),
    /// Another writer has changed the object since it was read.
    #[error("another writer has changed it meanwhile: {0}")]
    Conflict(String),
    /// The API server refused the request for another reason.
    #[error("the API server refused ({code}): {message}")]
    Refused {
        /// HTTP status code.
        code: u16,
        /// Its message.
        message: String,
    },
    /// The answer cannot be read.
    #[error("unexpected answer from the API server: {0}")]
    Answer(String),
    /// Another operation holds the operation lock of the workload.
    #[error("another operation is running on {workload}: {holder} has held its lock since {since}")]
    Locked {
        /// The workload.
        workload: String,
        /// The identity of the holder.
        holder: String,
        /// When the holder took it, RFC 3339.
        since: String,
    },
    /// Another operation has taken the operation lock over.
    #[error("this operation no longer holds the operation lock of {0}; it changes nothing more")]
    LockLost(String),
    /// A target names no workload, or more than one.
    #[error("{0}")]
    Target(String),
    /// A reference to a credential cannot be resolved.
    #[error("{0}")]
    Credentials(String),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => match status.code {
                401 => Self::Forbidden("the API server does not accept the credentials (401); log in again".to_owned()),
                403 if !is_from_admission(&status.message) => Self::Forbidden(status.message.clone()),
                404 => Self::NotFound(status.message.clone()),
                409 => Self::Conflict(status.message.clone()),
                code => Self::Refused { code, message: status.message.clone() },
            },
            kube::Error::SerdeError(error) => Self::Answer(error.to_string()),
            kube::Error::Auth(error) => Self::Config(error.to_string()),
            other => Self::Unreachable(innermost(&other)),
        }
    }
}

/// Whether a 403 comes from an admission webhook or policy, and not from a missing permission. Their messages contain these
/// words (`ToStatusErr` of the API server's webhook plugin; `ValidatingAdmissionPolicy 'NAME' with binding`).
fn is_from_admission(message: &str) -> bool {
    message.contains("admission webhook \"") || message.contains("ValidatingAdmissionPolicy '")
}

/// The message of the innermost cause: the outer layers only say which part of the client noticed it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::Error;

    #[test]
    fn a_refusal_by_admission_is_no_missing_permission() {
        let told = |message: &str| {
            let status = Status { code: 403, message: message.to_owned(), ..Status::default() };
            Error::from(kube::Error::Api(Box::new(status)))
        };
        let refused =
            told("admission webhook \"nodes.kubectl-stateful.dev\" denied the request: n1 may not be cordoned now");
        assert!(matches!(refused, Error::Refused { code: 403, .. }), "{refused}");
        let policy = "nodes \"n1\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no";
        assert!(matches!(told(policy), Error::Refused { code: 403, .. }));
        assert!(matches!(told("nodes \"n1\" is forbidden: User \"ana\" cannot patch resource"), Error::Forbidden(_)));
    }
}
