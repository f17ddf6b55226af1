//! The API server's question and the guard's answer: read from and written to an `AdmissionReview`.

pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod review;
