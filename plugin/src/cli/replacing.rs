//! How members are replaced, where there is a choice.

use clap::Args;
use stateful_operations::Surge;

/// `upgrade`'s choices.
#[derive(Debug, Args)]
pub(crate) struct Replacing {
    /// Hand back to the members that led at the beginning
    #[arg(long)]
    pub(crate) restore_primaries: bool,
    /// Replace a replica that is broken already, first, instead of refusing
    #[arg(long)]
    pub(crate) repair: bool,
    /// Add a member for the duration, so that nobody is missed while others are away (PostgreSQL)
    #[arg(long, conflicts_with = "plan")]
    surge: bool,
}

impl Replacing {
    /// Whether a member more is there for the duration.
    pub(crate) const fn surge(&self) -> Surge {
        if self.surge { Surge::Add } else { Surge::No }
    }
}
