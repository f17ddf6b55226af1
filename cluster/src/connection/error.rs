//! What can go wrong with Kubernetes, in words for the person who ran the command.

/// The result of talking to Kubernetes.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed conversation with Kubernetes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig cannot be used.
    #[error("no usable cluster configuration: {0}")]
    Config(String),
    /// The API server cannot be reached.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    /// The API server said no: not allowed.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The object is not there.
    #[error("{0}")]
    NotFound(String),
    /// The object has changed since it was read: somebody else is at work.
    #[error("changed meanwhile by somebody else: {0}")]
    Conflict(String),
    /// The API server refused for another reason.
    #[error("the API server refused ({code}): {message}")]
    Refused {
        /// HTTP status code.
        code: u16,
        /// What it said.
        message: String,
    },
    /// The answer made no sense.
    #[error("unexpected answer from the API server: {0}")]
    Answer(String),
    /// Another operation holds the workload.
    #[error("{workload} is held by {holder} since {since}")]
    Claimed {
        /// The workload.
        workload: String,
        /// Who holds it.
        holder: String,
        /// Since when, RFC 3339.
        since: String,
    },
    /// The claim was lost: somebody else took the workload over.
    #[error("this operation no longer holds its claim on {0}; it touches nothing more")]
    ClaimLost(String),
    /// A target names nothing, or too much.
    #[error("{0}")]
    Target(String),
    /// A credential reference leads nowhere.
    #[error("{0}")]
    Credentials(String),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => match status.code {
                401 => Self::Forbidden("the API server does not know you; log in again".to_owned()),
                403 if !is_judged(&status.message) => Self::Forbidden(status.message.clone()),
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

/// Whether a 403 is no matter of rights: somebody who may was told not to, by a webhook or a policy. Their words begin so
/// (`ToStatusErr` of the API server's webhook plugin; `ValidatingAdmissionPolicy 'NAME' with binding`).
fn is_judged(message: &str) -> bool {
    message.contains("admission webhook \"") || message.contains("ValidatingAdmissionPolicy '")
}

/// The innermost cause says what happened; the layers above it only say who noticed.
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
    fn a_webhook_that_refuses_is_no_matter_of_rights() {
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
