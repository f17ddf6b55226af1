//! The port to whoever started an operation: a person at a terminal, or the guard.

use stateful_engines::BoxFuture;
use tokio::sync::mpsc::UnboundedSender;

use super::Ending;
use crate::{Plan, Progress};

/// Who started an operation, as the operation sees it.
pub trait Caller: Send + Sync {
    /// Shows the plan, and asks whether it may be carried out. The plugin prompts; the guard always agrees.
    fn agrees(&self, plan: &Plan) -> bool;

    /// Tells something worth knowing that stops nothing.
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
