//! The laws of the patterns, proven on a model of a Redis Cluster on Kubernetes: whatever fails, dies, moves or refuses,
//! and whenever, nothing unsafe is done, and what was begun can be finished.
//!
//! The model (`model/`) is the port's other implementation: deterministic, in memory, with a clock of its own, so that
//! every single call an operation makes can be made the one that goes wrong. It watches each act itself (`model/watch.rs`);
//! a law here says only what is done to it and what must come of it.

mod brokers;
mod cases;
mod checks;
mod deaths;
mod drive;
mod failovers;
mod failures;
mod interrupts;
mod model;
mod obstacles;
mod pauses;
mod repeats;
mod surges;
mod synchrony;
