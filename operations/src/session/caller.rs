//! The port to the caller of an operation: a person at a terminal, or the guard.

use stateful_engines::BoxFuture;
use tokio::sync::mpsc::UnboundedSender;

use super::Ending;
use crate::{Plan, Progress};

/// The person or the program that started an operation.
pub trait Caller: Send + Sync {
    /// Shows the plan, and asks whether it may be carried out. The plugin prompts; the guard always agrees.
    fn agrees(&self, plan: &Plan) -> bool;

    /// Reports something worth knowing that stops nothing.
    fn note(&self, text: &str);

    /// Where progress goes while the operation runs; `None` where it is not shown.
    fn listener(&self) -> Option<UnboundedSender<Progress>> {
        None
    }

    /// Called once when the operation has ended, well or not: prints its report.
    fn concluded<'a>(&'a self, _ending: &'a Ending) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}
