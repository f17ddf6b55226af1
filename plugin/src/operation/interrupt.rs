//! Ctrl-C and SIGTERM: stop at the next safe moment; a second time, at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::exit::Exit;

/// Listens until aborted.
pub(super) fn listen(context: &Context) -> JoinHandle<()> {
    let (stop, printer) = (context.stop.clone(), context.printer);
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
                // As safe as a lost power line: the journal was written before each act.
                std::process::exit(Exit::Interrupted as i32);
            }
            printer.note("stopping at the next safe moment; once more leaves at once");
            let _ = stop.send(true); // nobody waiting means it has ended already
        }
    })
}
