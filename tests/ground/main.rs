//! What the proofs themselves stand on, proven first: that the ledger notices what it is there to notice.
#![expect(clippy::print_stderr, reason = "the figures are worth seeing")]

mod mongodb;
mod postgres;
