//! Progress, as it happens: a live table on a terminal, lines with the time elsewhere, JSON for programs.

mod json;
mod plain;
mod terminal;

use std::io::IsTerminal;

use stateful_operations::Progress;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Printer;
use crate::cli::ProgressMode;

/// Shows an operation's progress.
trait Draw: Send {
    /// Something happened.
    fn draw(&mut self, progress: &Progress);
    /// The operation has ended.
    fn end(&mut self);
}

/// Shows the progress of an operation until it ends, and keeps it for the report.
pub(crate) struct Reporter {
    heard: JoinHandle<Vec<Progress>>,
}

impl Reporter {
    /// Starts; the operation sends its progress to the channel returned.
    pub(crate) fn start(printer: Printer, mode: ProgressMode) -> (Self, mpsc::UnboundedSender<Progress>) {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Progress>();
        let mut draw: Box<dyn Draw> = match mode {
            ProgressMode::Json => Box::new(json::Json),
            ProgressMode::Plain => Box::new(plain::Plain::new(printer)),
            ProgressMode::Tty => Box::new(terminal::Terminal::new(printer)),
            ProgressMode::Auto if std::io::stderr().is_terminal() => Box::new(terminal::Terminal::new(printer)),
            ProgressMode::Auto => Box::new(plain::Plain::new(printer)),
        };
        let heard = tokio::spawn(async move {
            let mut heard = Vec::new();
            while let Some(progress) = receiver.recv().await {
                draw.draw(&progress);
                heard.push(progress);
            }
            draw.end();
            heard
        });
        (Self { heard }, sender)
    }

    /// All progress that was sent, once every sender is dropped.
    pub(crate) async fn heard(self) -> Vec<Progress> {
        self.heard.await.unwrap_or_default()
    }
}
