//! Why an `AdmissionReview` could not be read or written.

/// Why a review could not be read, or its response not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReviewError {
    /// The body is not UTF-8.
    #[error("the body is not an AdmissionReview: {0}")]
    Text(#[from] std::str::Utf8Error),
    /// The body is not JSON, or JSON of another shape.
    #[error("the body is not an AdmissionReview: {0}")]
    Shape(#[from] serde_json::Error),
    /// The body is of another version or kind.
    #[error("{kind} of {version} is not understood, only AdmissionReview of admission.k8s.io/v1")]
    Version {
        /// The version it says.
        version: String,
        /// The kind it says.
        kind: String,
    },
    /// The review has no request.
    #[error("the AdmissionReview has no request")]
    Empty,
    /// The response could not be serialized.
    #[error("the response cannot be written: {0}")]
    Response(serde_json::Error),
}
