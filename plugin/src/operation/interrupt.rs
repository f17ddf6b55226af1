//! Ctrl-C and SIGTERM: stop at the next safe moment; a second time, at once.

use jiff::Timestamp;
use stateful_operations::{Progress, What};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::exit::Exit;

/// Listens until aborted.
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
                    reason = "as safe as a lost power line: the journal was written before each act"
                )]
                std::process::exit(Exit::Interrupted as i32);
            }
            // Nobody listening or waiting means it has ended already.
            let _ = listener.send(Progress { at: Timestamp::now().as_millisecond(), what: What::Stopping });
            let _ = stop.send(true);
        }
    })
}
