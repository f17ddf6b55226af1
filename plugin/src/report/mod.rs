//! Everything that is printed is printed here: results on stdout, progress, warnings and errors on stderr.

mod findings;
mod guard;
mod guard_status;
mod history;
mod html;
mod plan;
mod progress;
mod restore;
mod status;
mod summary;
mod table;

use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::cli::{ColorWhen, Globals, Output};
use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use findings::{CheckReport, print_check};
pub(crate) use guard::{AppliedLine, ApprovalReport, Changes, print_approval, print_manifests};
pub(crate) use guard_status::{
    ApprovalRow, BypassRow, FailedOpen, GuardStatus, NamespaceRow, PolicyRow, ReplicaRow, WebhookRow, print_guard,
};
pub(crate) use history::{HistoryRow, print_history};
pub(crate) use html::write_html;
pub(crate) use plan::plan_text;
pub(crate) use progress::Reporter;
pub(crate) use restore::{ago, print_restore};
pub(crate) use status::{MemberRow, ReasonLine, WorkloadRow, WorkloadStatus, print_members, print_workloads};
pub(crate) use summary::{Moved, OperationReport, lasting, print_operation};

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) output: Output,
    color: bool,
}

impl Printer {
    pub(crate) fn new(globals: &Globals) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        let color = match globals.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
            ColorWhen::Auto if set("CLICOLOR_FORCE") => true,
            ColorWhen::Auto => {
                std::io::stdout().is_terminal()
                    && std::io::stderr().is_terminal()
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        Self { output: globals.output, color }
    }

    /// A result, on stdout. A closed pipe (`| head`) is not an error.
    #[expect(clippy::unused_self, reason = "everything is printed through the printer, so that no code prints past it")]
    pub(crate) fn result(self, text: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// A note, on stderr.
    #[expect(clippy::unused_self, reason = "everything is printed through the printer, so that no code prints past it")]
    pub(crate) fn note(self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// A structured result in the format asked for, or `None` when a table was asked for.
    pub(crate) fn structured<T: Serialize>(self, value: &T) -> Option<String> {
        match self.output {
            Output::Json => serde_json::to_string_pretty(value).ok(),
            Output::Yaml => serde_yaml::to_string(value).ok(),
            Output::Table | Output::Wide | Output::Name => None,
        }
    }

    /// A failure: kubectl's `error: …`, then the next thing to type.
    pub(crate) fn failure(self, failure: &Failure) -> Exit {
        if !failure.message.is_empty() {
            self.note(&format!("{} {}", self.paint(Paint::Bad, "error:"), clean(&failure.message)));
        }
        if let Some(hint) = &failure.hint {
            self.note(&format!("{} {}", self.paint(Paint::Dim, "hint:"), clean(hint)));
        }
        failure.exit
    }

    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        if self.color { format!("\x1b[{}m{text}\x1b[0m", paint as u8) } else { text.to_owned() }
    }

    /// Asks a question that defaults to no. Call it only on a terminal (`can_ask`); without one `-y` is required earlier.
    #[expect(clippy::unused_self, reason = "everything is printed through the printer, so that no code prints past it")]
    pub(crate) fn ask(self, question: &str) -> bool {
        let _ = write!(std::io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }
}

/// What a colour stands for. The text says the same without colours.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Paint {
    Bold = 1,
    Dim = 2,
    Bad = 31,
    Good = 32,
    Waiting = 33,
}

/// Whether there is a terminal on which a question can be answered.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// The help, the version, or what is wrong with a command line; clap lays it out and knows where it belongs.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// An error before there is a printer.
pub(crate) fn fatal(message: &str) -> Exit {
    let _ = writeln!(std::io::stderr().lock(), "error: {message}");
    Exit::Error
}

/// Text from a cluster with its control characters escaped, so that it cannot move the cursor or change colours.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() && c != '\n' { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_from_a_cluster_cannot_steer_the_terminal() {
        assert_eq!(super::clean("a\x1b[2Jb\rc"), "a\\u{1b}[2Jb\\rc");
    }
}
