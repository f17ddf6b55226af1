//! What real servers said (`recorded/`, made by `tests/postgres.rs` of this crate), and what it means.
