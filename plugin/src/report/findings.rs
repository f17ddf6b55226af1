//! Prints `check`, and a refused plan: every check with its result.

use serde::Serialize;
use stateful_operations::Finding;
use stateful_safety::{Reason, Warning};

use super::status::ReasonLine;
use super::{Paint, Printer, clean};

/// What the checks found about one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckReport {
    pub(crate) workload: String,
    /// What was checked for: `an upgrade`, `a drain of node-3`.
    pub(crate) of: String,
    pub(crate) safe: bool,
    pub(crate) checks: Vec<CheckLine>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckLine {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) reasons: Vec<ReasonLine>,
    /// Warnings: worth knowing, and no reason to refuse.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<ReasonLine>,
    /// What the check is based on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

impl CheckReport {
    pub(crate) fn new(workload: String, of: String, findings: &[Finding], target: &str) -> Self {
        let mut report = Self { workload, of, safe: true, checks: Vec::new() };
        for finding in findings {
            report.add(finding, target);
        }
        report
    }

    /// Adds the result of one more check.
    pub(crate) fn add(&mut self, finding: &Finding, target: &str) {
        self.safe &= finding.reasons.is_empty();
        self.checks.push(CheckLine {
            name: finding.check.to_owned(),
            title: finding.title.to_owned(),
            reasons: finding.reasons.iter().map(|reason| ReasonLine::of(reason, target)).collect(),
            warnings: finding.warnings.iter().map(|warning| ReasonLine::warning(warning, target)).collect(),
            notes: finding.notes.clone(),
        });
    }
}

impl ReasonLine {
    pub(crate) fn of(reason: &Reason, target: &str) -> Self {
        Self { code: reason.code().to_owned(), text: reason.to_string(), next: reason.next_step(target) }
    }

    fn warning(warning: &Warning, target: &str) -> Self {
        Self { code: warning.code().to_owned(), text: warning.to_string(), next: warning.next_step(target) }
    }
}

/// Prints what the checks found: to stdout where that was the question, to stderr where it refuses an operation.
pub(crate) fn print_check(printer: Printer, reports: &[CheckReport], asked_for: bool) {
    if asked_for && let Some(text) = printer.structured(&reports) {
        return printer.result(&text);
    }
    let text = reports.iter().map(|report| text(printer, report)).collect::<Vec<_>>().join("\n\n");
    if asked_for { printer.result(&text) } else { printer.note(&text) }
}

fn text(printer: Printer, report: &CheckReport) -> String {
    let mut lines = vec![printer.paint(Paint::Bold, &clean(&format!("{}: {}", report.workload, report.of)))];
    for check in &report.checks {
        let mark = match (check.reasons.is_empty(), check.warnings.is_empty()) {
            (true, true) => printer.paint(Paint::Good, "√"),
            (true, false) => printer.paint(Paint::Waiting, "!"),
            (false, _) => printer.paint(Paint::Bad, "×"),
        };
        lines.push(format!("{mark} {}", check.title));
        let found: Vec<&ReasonLine> = check.reasons.iter().chain(&check.warnings).collect();
        for (index, reason) in found.iter().enumerate() {
            lines.push(format!("    {} {}", reason.code, clean(&reason.text)));
            // A next step that several reasons share is printed once, below the last of them.
            if found.get(index + 1).is_none_or(|following| following.next != reason.next) {
                lines.push(printer.paint(Paint::Dim, &format!("    → {}", clean(&reason.next))));
            }
        }
        lines.extend(check.notes.iter().map(|note| printer.paint(Paint::Dim, &format!("    {}", clean(note)))));
    }
    lines.push(format!("{} is {}safe now", report.of, if report.safe { "" } else { "not " }));
    lines.join("\n")
}
