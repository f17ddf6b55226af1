//! What the laws of every engine use.

pub(crate) mod certificates;
pub(crate) mod database;
pub(crate) mod load;
pub(crate) mod loopback;
pub(crate) mod processes;
pub(crate) mod programs;
pub(crate) mod recording;
pub(crate) mod relay;
pub(crate) mod turns;

use std::time::Duration;

/// Longer than anything that works takes, also on two busy cores: a wait that is longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
