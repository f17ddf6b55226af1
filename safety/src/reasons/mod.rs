//! Why something is refused, or told as a warning: each with a stable code, its numbers, its limit and a next step.

mod acceptable;
mod config_violation;
mod reason;
mod version_skew;
mod warning;

pub use config_violation::ConfigViolation;
pub use reason::Reason;
pub use version_skew::VersionSkew;
pub use warning::Warning;
