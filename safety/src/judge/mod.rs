//! The one judge: may this be done to that database now? Its questions are in `checks/`, a file each.

mod check_input;
mod checks;
mod disruption;
mod verdict;

pub use disruption::Disruption;
pub use verdict::{JudgeInput, Verdict, everyone_in_sync, judge};

#[cfg(test)]
mod equals;
#[cfg(test)]
mod never_started;
#[cfg(test)]
mod only_copy;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
