//! Takes back what a law changed beyond its own namespace (a cordon, a policy, a throttle, a scaled guard), also when the law fails
//! in the middle: each change is registered with how it is undone, and whatever was not undone by the law itself is undone after it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio::time::timeout;

/// Undoing is one command each; the slowest waits until a node that was cut off is Ready.
const UNDONE_WITHIN: Duration = Duration::from_mins(3);

/// What is to be undone, in the order of the changes.
#[derive(Clone, Default)]
pub struct Cleanup {
    entries: Rc<RefCell<Vec<Entry>>>,
    registered: Rc<Cell<u64>>,
}

struct Entry {
    number: u64,
    what: String,
    undo: LocalBoxFuture<'static, Result<()>>,
}

/// One change that is undone after the law at the latest.
#[must_use = "what is registered is undone after the law; `now` undoes it earlier"]
pub struct Undo {
    number: u64,
    cleanup: Cleanup,
}

impl Cleanup {
    /// Registers a change: what undoing it is called, and how it is done. Registered before the change is made, so that no moment is
    /// left in which a failure would leave it behind.
    pub fn register(&self, what: impl Into<String>, undo: impl Future<Output = Result<()>> + 'static) -> Undo {
        let number = self.registered.get();
        self.registered.set(number + 1);
        self.entries.borrow_mut().push(Entry { number, what: what.into(), undo: undo.boxed_local() });
        Undo { number, cleanup: self.clone() }
    }

    /// Undoes everything that is left, the last change first. One that cannot be undone does not keep the others.
    pub(super) async fn undo_all(&self) -> Result<()> {
        let mut failures = Vec::new();
        while let Some(entry) = self.take_last() {
            if let Err(why) = entry.carry_out().await {
                failures.push(format!("{why:#}"));
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(anyhow!("could not clean up: {}", failures.join("; "))) }
    }

    fn take_last(&self) -> Option<Entry> {
        self.entries.borrow_mut().pop()
    }

    fn take(&self, number: u64) -> Option<Entry> {
        let mut entries = self.entries.borrow_mut();
        let at = entries.iter().position(|entry| entry.number == number)?;
        Some(entries.remove(at))
    }
}

impl Undo {
    /// Undoes it now.
    pub async fn now(self) -> Result<()> {
        match self.cleanup.take(self.number) {
            Some(entry) => entry.carry_out().await,
            None => Ok(()), // undone already
        }
    }
}

impl Entry {
    async fn carry_out(self) -> Result<()> {
        let Self { what, undo, .. } = self;
        timeout(UNDONE_WITHIN, undo).await.context("it takes too long").and_then(|done| done).context(what)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use anyhow::bail;

    use super::Cleanup;

    #[tokio::test]
    async fn what_a_law_did_not_undo_is_undone_in_reverse_order_even_where_one_fails() {
        let (cleanup, done) = (Cleanup::default(), Rc::new(RefCell::new(Vec::new())));
        let mut handles = Vec::new();
        for name in ["policy", "cordon", "throttle"] {
            let done = Rc::clone(&done);
            handles.push(cleanup.register(name, async move {
                done.borrow_mut().push(name);
                if name == "throttle" {
                    bail!("the node is gone");
                }
                Ok(())
            }));
        }
        handles.remove(1).now().await.expect("the cordon is undone");
        let failed = cleanup.undo_all().await.expect_err("the throttle cannot be undone");
        assert_eq!(*done.borrow(), ["cordon", "throttle", "policy"]);
        assert!(format!("{failed:#}").contains("throttle: the node is gone"), "{failed:#}");
        cleanup.undo_all().await.expect("nothing is undone twice");
        assert_eq!(done.borrow().len(), 3);
    }
}
