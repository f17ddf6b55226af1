//! Prints how an operation ended: what it moved, how long each switchover took (measured), what the canary saw.

use serde::Serialize;
use stateful_engines::Ledger;
use stateful_operations::{MemberLine, Progress, What};
use stateful_safety::Millis;

use super::{Paint, Printer, clean};
use crate::cli::Output;

/// The result of an operation, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperationReport {
    pub(crate) workload: String,
    pub(crate) name: String,
    pub(crate) verb: String,
    pub(crate) operation: Option<String>,
    /// `upgraded`, `drained` and so on, or `stopped`.
    pub(crate) result: String,
    pub(crate) exit_code: u8,
    pub(crate) why: Option<String>,
    pub(crate) began: Millis,
    pub(crate) took_milliseconds: Millis,
    pub(crate) moved: Vec<Moved>,
    pub(crate) longest_handover_milliseconds: Option<Millis>,
    pub(crate) canary: Option<Ledger>,
    pub(crate) members: Vec<MemberLine>,
}

/// A step that changed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Moved {
    pub(crate) what: String,
    pub(crate) at: Millis,
    pub(crate) took_milliseconds: Millis,
    pub(crate) handed_over_in_milliseconds: Option<Millis>,
}

impl Moved {
    /// The steps that a run's progress reports as done.
    pub(crate) fn all(progress: &[Progress]) -> Vec<Self> {
        let done = progress.iter().filter_map(|progress| match &progress.what {
            What::StepFinished { text, took, switchover_took, acted: true, .. } => Some(Self {
                what: text.clone(),
                at: progress.at - took,
                took_milliseconds: *took,
                handed_over_in_milliseconds: *switchover_took,
            }),
            What::StepFinished { .. }
            | What::Members { .. }
            | What::StepStarted { .. }
            | What::StepWaiting { .. }
            | What::Noted { .. }
            | What::Stopping
            | What::Replanned { .. } => None,
        });
        done.collect()
    }
}

/// Prints the end of an operation: one line for scripts, then the figures.
pub(crate) fn print_operation(printer: Printer, report: &OperationReport) {
    if let Some(text) = printer.structured(report) {
        return printer.result(&text);
    }
    let name = format!("statefulset.apps/{}", report.name);
    if printer.output == Output::Name {
        return printer.result(&name);
    }
    printer.result(&format!("{name} {}", report.result));
    let mut lines = Vec::new();
    if !report.moved.is_empty() {
        let switchovers = report.moved.iter().filter(|moved| moved.handed_over_in_milliseconds.is_some()).count();
        let replaced = report.moved.iter().filter(|moved| moved.what.starts_with("replace ")).count();
        let longest =
            report.longest_handover_milliseconds.map(|took| format!("; the longest switchover took {}", lasting(took)));
        lines.push(format!(
            "  {} replaced, {}, {}{}",
            counted(replaced, "member"),
            counted(switchovers, "switchover"),
            lasting(report.took_milliseconds),
            longest.unwrap_or_default()
        ));
    }
    if let Some(canary) = &report.canary {
        lines.push(canary_text(printer, canary));
    }
    if !lines.is_empty() {
        printer.result(&lines.join("\n"));
    }
}

fn canary_text(printer: Printer, canary: &Ledger) -> String {
    let Ledger { acknowledged, unknown, failed, lost, longest_gap, gaps: _ } = canary;
    let gap = Millis::try_from(*longest_gap).map(lasting).unwrap_or_default();
    let text = format!(
        "  canary: {acknowledged} writes acknowledged, {unknown} unknown, {failed} failed, {lost} lost; longest gap {gap}"
    );
    if *lost > 0 || *failed > 0 { printer.paint(Paint::Bad, &clean(&text)) } else { text }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A length of time: below a second in milliseconds, otherwise in seconds.
pub(crate) fn lasting(milliseconds: Millis) -> String {
    match milliseconds {
        ..1_000 => format!("{milliseconds} ms"),
        _ => format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_switchover_of_four_milliseconds_is_not_printed_as_zero() {
        assert_eq!(super::lasting(4), "4 ms");
        assert_eq!(super::lasting(19_507), "19.50 s");
    }
}
