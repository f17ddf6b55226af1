//! How to restore a backup beside the database, as text.

use jiff::SignedDuration;
use stateful_operations::RestorePlan;
use stateful_safety::Millis;

use super::guard_status::lasting;
use super::{Paint, Printer, clean};

/// Prints what is lost, and the steps.
pub(crate) fn print_restore(printer: Printer, plan: &RestorePlan) {
    printer.result(&printer.structured(plan).unwrap_or_else(|| text(printer, plan)));
}

/// An age as kubectl writes it.
pub(crate) fn ago(milliseconds: Millis) -> String {
    lasting(SignedDuration::from_millis(milliseconds))
}

fn text(printer: Printer, plan: &RestorePlan) -> String {
    let head = format!("{}: restore a backup for {}, beside the database", plan.workload, plan.image);
    let mut lines = vec![
        printer.paint(Paint::Bold, &clean(&head)),
        String::new(),
        clean(&format!("Why:     {}", plan.why)),
        clean(&format!("Backup:  {}, of {}", plan.backup, plan.made)),
        clean(&format!("Lost:    what was written in the {} since", ago(plan.loses_milliseconds))),
        String::new(),
        "Steps for you to carry out, one after another (this tool carries out none of them):".to_owned(),
    ];
    for (index, step) in plan.steps.iter().enumerate() {
        lines.push(format!("  {:>2}. {}", index + 1, clean(&step.what)));
        lines.extend(
            step.command.iter().map(|command| printer.paint(Paint::Dim, &format!("      → {}", clean(command)))),
        );
    }
    lines.join("\n")
}
