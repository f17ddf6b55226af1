//! What was drawn up, in words.

use std::fmt::Write;

use stateful_operations::{Plan, Refusal};

/// A plan's steps, or why there is none.
pub(crate) fn text(drawn: &Result<Plan, Refusal>) -> String {
    let mut text = String::new();
    match drawn {
        Ok(plan) => {
            writeln!(text, "{}", plan.pattern).expect("text");
            for (index, step) in plan.steps.iter().enumerate() {
                if plan.boundary == Some(index) {
                    text.push_str("    from here on the image before cannot come back\n");
                }
                writeln!(text, "{:2}. {step}", index + 1).expect("text");
            }
            for note in &plan.notes {
                writeln!(text, "note: {note}").expect("text");
            }
        }
        Err(Refusal::Nothing(why)) => writeln!(text, "nothing to do: {why}").expect("text"),
        Err(Refusal::Unsafe(reasons)) => {
            text.push_str("refused\n");
            for reason in reasons {
                writeln!(text, "  {} {reason}", reason.code()).expect("text");
            }
        }
    }
    text
}
