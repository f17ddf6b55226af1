//! A live table of the members, with the current step below it.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use stateful_operations::{MemberLine, Progress, What};

use super::Draw;
use super::plain::line;
use crate::report::{Paint, Printer, clean};

pub(super) struct Terminal {
    printer: Printer,
    screen: MultiProgress,
    members: Vec<ProgressBar>,
    step: ProgressBar,
}

impl Terminal {
    pub(super) fn new(printer: Printer) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let step = screen.add(ProgressBar::new_spinner());
        // The template is a constant; should it not parse, the default spinner is used.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            step.set_style(style);
        }
        step.enable_steady_tick(Duration::from_millis(120));
        Self { printer, screen, members: Vec::new(), step }
    }

    fn show(&mut self, members: &[MemberLine]) {
        while self.members.len() < members.len() {
            let bar = self.screen.insert_before(&self.step, ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                bar.set_style(style);
            }
            self.members.push(bar);
        }
        for (bar, text) in self.members.iter().zip(self.rows(members)) {
            bar.set_message(text);
        }
    }

    fn rows(&self, members: &[MemberLine]) -> Vec<String> {
        let width = |cell: fn(&MemberLine) -> &str| members.iter().map(|m| cell(m).chars().count()).max().unwrap_or(0);
        let (names, groups) = (width(|m| &m.name), width(|m| &m.group));
        let row = |member: &MemberLine| {
            let (paint, mark) = if member.well { (Paint::Good, "●") } else { (Paint::Waiting, "○") };
            let version = member.version.as_deref().unwrap_or("-");
            let current = if member.current { " " } else { "*" };
            let node = member.node.as_deref().unwrap_or("-");
            let text = format!(
                "{:names$}  {:groups$}  {:8}  {version:>8}{current} {node:12}  {}",
                member.name,
                member.group,
                member.role.to_string(),
                member.state
            );
            format!("{} {}", self.printer.paint(paint, mark), clean(&text))
        };
        members.iter().map(row).collect()
    }
}

impl Draw for Terminal {
    fn draw(&mut self, progress: &Progress) {
        match &progress.what {
            What::Members { members } => self.show(members),
            What::StepStarted { .. } | What::StepWaiting { .. } => {
                let text = line(&progress.what).unwrap_or_default();
                self.step.set_message(clean(&text));
            }
            What::Noted { .. } => {
                let _ = self.screen.println(clean(&line(&progress.what).unwrap_or_default()));
            }
            What::StepFinished { .. } | What::Stopping | What::Replanned { .. } => {
                let text = line(&progress.what).unwrap_or_default();
                let done = format!("{} {}", self.printer.paint(Paint::Good, "√"), clean(&text));
                // A closed terminal must not stop an operation half-way: the error is ignored.
                let _ = self.screen.println(done);
                self.step.reset_elapsed();
            }
        }
    }

    fn end(&mut self) {
        self.step.finish_and_clear();
        for bar in &self.members {
            bar.abandon();
        }
    }
}
