//! Ctrl-C and SIGTERM: the first stops the operation at the next safe moment, the second ends the process at once.

use jiff::Timestamp;
use stateful_operations::{Progress, What};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::exit::Exit;

/// Handles both signals until the task is aborted.
pub(super) fn listen(context: &Context, listener: UnboundedSender<Progress>) -> JoinHandle<()> {
    let stop = context.stop.clone();
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        for again in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if again {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "as safe as a power failure: the journal was written before each change"
                )]
                std::process::exit(Exit::Interrupted as i32);
            }
            // Both channels are closed once the operation has ended.
            let _ = listener.send(Progress { at: Timestamp::now().as_millisecond(), what: What::Stopping });
            let _ = stop.send(true);
        }
    })
}
