//! THINK. The wire format: bytes to a request, a response to bytes. A body that cannot be read is an error, never a yes.

mod error;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use error::ReviewError;
pub(crate) use read::read;
pub(crate) use write::write;
