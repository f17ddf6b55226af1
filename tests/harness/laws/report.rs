//! What is printed of the laws: a line for each as it ends, the notes and the reason of those that fail, and a table of where the time
//! went, which is also written to `target/laws/times.txt`.
#![expect(clippy::print_stdout, reason = "laws are run to see whether they hold")]

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::times::{Phase, Times};
use crate::repository;

/// In the order of the table's columns, with the waiting last.
const PHASES: [Phase; 4] = [Phase::Deploying, Phase::Running, Phase::CleaningUp, Phase::Waiting];

/// How a law ended.
pub(super) struct Ended {
    pub(super) law: String,
    pub(super) result: anyhow::Result<()>,
    pub(super) notes: Vec<String>,
    pub(super) times: Times,
}

/// All laws that ended so far.
pub(super) struct Report {
    began: Instant,
    selected: usize,
    left_out: usize,
    show_notes: bool,
    ended: Vec<Ended>,
}

impl Report {
    pub(super) fn begin(selected: usize, left_out: usize, show_notes: bool) -> Self {
        println!("\nrunning {selected} laws");
        Self { began: Instant::now(), selected, left_out, show_notes, ended: Vec::new() }
    }

    /// Prints a law's line, and what it noted.
    pub(super) fn add(&mut self, ended: Ended) {
        let word = if ended.result.is_ok() { "ok" } else { "FAILED" };
        println!("test {} ... {word} ({})", ended.law, seconds(&ended.times));
        if self.show_notes || ended.result.is_err() {
            ended.notes.iter().for_each(|note| println!("    {note}"));
        }
        if let Err(why) = &ended.result {
            println!("    {why:#}");
        }
        self.ended.push(ended);
    }

    /// Prints the table and the verdict.
    pub(super) fn end(mut self) -> ExitCode {
        self.ended.sort_by_key(|ended| std::cmp::Reverse(ended.times.busy()));
        let table = self.table();
        println!("\n{table}");
        // For whoever looks into a time later; a folder that cannot be written to is no reason to fail.
        let folder = repository().join("target/laws");
        if let Err(error) = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join("times.txt"), &table)) {
            println!("the times were not kept in {}: {error}", folder.display());
        }
        let failed: Vec<(&str, &anyhow::Error)> =
            self.ended.iter().filter_map(|ended| Some((ended.law.as_str(), ended.result.as_ref().err()?))).collect();
        // Once more with its reason: a log that is cut in the middle keeps its end.
        for (law, why) in &failed {
            println!("failed: {law}: {}", format!("{why:#}").lines().next().unwrap_or_default());
        }
        let unproven = self.selected - self.ended.len();
        let holds = failed.is_empty() && unproven == 0;
        println!(
            "test result: {}. {} passed; {} failed; {unproven} not run; {} filtered out; finished in {:.1} s",
            if holds { "ok" } else { "FAILED" },
            self.ended.len() - failed.len(),
            failed.len(),
            self.left_out,
            self.began.elapsed().as_secs_f64()
        );
        if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// The laws, those that took longest first.
    fn table(&self) -> String {
        let mut table = String::from("seconds: deployed  ran  cleaned up  (waited)  law\n");
        let all = |phase| self.ended.iter().map(|ended| ended.times.spent(phase)).sum::<Duration>();
        let mut row = |spent: [Duration; 4], name: &str| {
            let [deployed, ran, cleaned, waited] = spent.map(|time| time.as_secs_f64());
            let _ = writeln!(table, "{deployed:17.1} {ran:5.1} {cleaned:10.1} {waited:10.1}   {name}"); // a String takes everything
        };
        for ended in &self.ended {
            row(PHASES.map(|phase| ended.times.spent(phase)), &ended.law);
        }
        row(PHASES.map(all), "all");
        table
    }
}

/// The names of laws, one a line.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) {
    names.for_each(|name| println!("{name}: test"));
}

/// Prints why no law can be proven.
pub(super) fn refuse(why: &anyhow::Error) -> ExitCode {
    println!("error: {why:#}");
    ExitCode::from(2)
}

fn seconds(times: &Times) -> String {
    let told = |phase, what: &str| match times.spent(phase).as_secs_f64() {
        short if short < 0.05 => None,
        spent => Some(format!("{what} {spent:.1} s")),
    };
    let phases = [(Phase::Waiting, "waited"), (Phase::Deploying, "deployed"), (Phase::Running, "ran")];
    let parts: Vec<String> = phases.into_iter().filter_map(|(phase, what)| told(phase, what)).collect();
    parts.join(", ")
}
