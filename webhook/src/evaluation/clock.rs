//! LOOK. The moment of a request.

use std::time::Instant;

use jiff::Timestamp;

/// The moment of a request, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Compared with what other processes wrote down.
    pub(crate) wall: Timestamp,
    /// Compared with what this process saw.
    pub(crate) steady: Instant,
}

impl Now {
    /// Reads both clocks.
    pub(crate) fn read() -> Self {
        Self { wall: Timestamp::now(), steady: Instant::now() }
    }
}
