//! Lines with the time, for logs: one when a step begins, one whenever it waits for something else, one when it is done.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use stateful_operations::{Progress, What};

use super::Draw;
use crate::report::summary::lasting;
use crate::report::{Printer, clean};

pub(super) struct Plain {
    printer: Printer,
}

impl Plain {
    pub(super) const fn new(printer: Printer) -> Self {
        Self { printer }
    }
}

impl Draw for Plain {
    fn draw(&mut self, progress: &Progress) {
        if let Some(text) = line(&progress.what) {
            let at = Timestamp::from_millisecond(progress.at).unwrap_or_default();
            let clock = at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string();
            self.printer.note(&format!("{clock} {}", clean(&text)));
        }
    }

    fn end(&mut self) {}
}

/// The line for an event; changes of members are only for the live table and the chart.
pub(super) fn line(what: &What) -> Option<String> {
    match what {
        What::Members { .. } => None,
        What::Noted { text } => Some(format!("note: {text}")),
        What::Stopping => Some("stopping at the next safe moment; press Ctrl-C again to leave at once".to_owned()),
        What::StepStarted { step, of, text } => Some(format!("[{}/{of}] {text}", step + 1)),
        What::StepWaiting { step, of, text, why } => Some(format!("[{}/{of}] {text} … waiting: {why}", step + 1)),
        What::StepFinished { step, of, text, acted: false, .. } => {
            Some(format!("[{}/{of}] {text} … already done", step + 1))
        }
        What::StepFinished { step, of, text, took, switchover_took, acted: true } => {
            let switchover =
                switchover_took.map_or_else(String::new, |took| format!(", switched over in {}", lasting(took)));
            Some(format!("[{}/{of}] {text} … done in {}{switchover}", step + 1, lasting(*took)))
        }
        What::Replanned { why, steps } => {
            Some(format!("{why}: made a new plan for the {} steps that are left", steps.len()))
        }
    }
}
