//! Members over time, as SVG: one lane per member, coloured by its role and state, and one lane per group for the gaps in
//! acknowledged writes.

use std::collections::BTreeMap;
use std::fmt::Write;

use stateful_operations::{MemberLine, Progress, What};
use stateful_safety::{Millis, Role};

use super::text;
use crate::report::OperationReport;
use crate::report::summary::lasting;

const WIDTH: f64 = 1000.0;
const LABEL: f64 = 190.0;
const LANE: f64 = 26.0;
const BAR: f64 = 16.0;

/// What a member was, from one moment to the next.
struct Span {
    from: Millis,
    until: Millis,
    colour: &'static str,
    label: String,
}

/// The chart; empty where the members were never observed.
pub(super) fn draw(report: &OperationReport, heard: &[Progress]) -> String {
    let lanes = lanes(report, heard);
    if lanes.is_empty() {
        return "<p class=dim>no member was seen</p>".to_owned();
    }
    let end = report.began + report.took_milliseconds.max(1);
    let scale = (WIDTH - LABEL - 10.0) / span(report.began, end);
    let x = |at: Millis| LABEL + span(report.began, at.clamp(report.began, end)) * scale;
    let gaps = gaps(report);
    let height = LANE * to_f64(lanes.len() + gaps.len()) + 34.0;
    let mut svg = format!("<svg viewBox='0 0 {WIDTH} {height:.0}' role=img aria-label='members over time'>");
    let mut y = 4.0;
    for (name, spans) in &lanes {
        label(&mut svg, y, name);
        for Span { from, until, colour, label: described } in spans {
            bar(&mut svg, (x(*from), x(*until)), y, colour, described);
        }
        y += LANE;
    }
    for (group, spans) in &gaps {
        label(&mut svg, y, &format!("writes to {group}"));
        bar(&mut svg, (x(report.began), x(end)), y, "line", "writes acknowledged");
        for (from, until) in spans {
            // A gap of a tenth of a second in a minute would be less than a pixel wide: it gets two, so that it can be seen.
            let (left, right) = (x(*from), x(*until));
            bar(
                &mut svg,
                (left, right.max(left + 2.0)),
                y,
                "bad",
                &format!("{} without a write", lasting(until - from)),
            );
        }
        y += LANE;
    }
    axis(&mut svg, y, report.began, end, x);
    svg.push_str("</svg>");
    svg
}

fn lanes(report: &OperationReport, heard: &[Progress]) -> BTreeMap<String, Vec<Span>> {
    let mut lanes: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    let snapshots = heard.iter().filter_map(|progress| match &progress.what {
        What::Members { members } => Some((progress.at, members)),
        What::StepStarted { .. }
        | What::StepWaiting { .. }
        | What::StepFinished { .. }
        | What::Noted { .. }
        | What::Stopping
        | What::Replanned { .. } => None,
    });
    let end = report.began + report.took_milliseconds;
    for (at, member) in snapshots.flat_map(|(at, members)| members.iter().map(move |member| (at, member))) {
        let lane = lanes.entry(member.name.clone()).or_default();
        let (colour, label) = described(member);
        if let Some(last) = lane.last_mut() {
            if last.colour == colour && last.label == label {
                continue;
            }
            last.until = at;
        }
        lane.push(Span { from: at, until: end, colour, label });
    }
    lanes
}

fn described(member: &MemberLine) -> (&'static str, String) {
    let colour = match (member.well, member.role) {
        (false, _) => "off",
        (true, Role::Primary) => "lead",
        (true, Role::Replica | Role::Peer | Role::Unknown) => "ok",
    };
    // The bytes a replica is behind change with each observation; a bar for each would be noise.
    let state = if member.well { "in sync" } else { &member.state };
    let version = member.version.as_deref().unwrap_or("unknown version");
    (
        colour,
        format!(
            "{} · {} · {state} · {version} · {}",
            member.name,
            member.role,
            member.node.as_deref().unwrap_or("no node")
        ),
    )
}

fn gaps(report: &OperationReport) -> BTreeMap<String, Vec<(Millis, Millis)>> {
    let mut gaps: BTreeMap<String, Vec<(Millis, Millis)>> = BTreeMap::new();
    if report.canary.is_some() {
        // A group without a gap gets a lane too, which shows that there was none.
        let groups = report.members.iter().filter(|member| member.role == Role::Primary).map(|member| &member.group);
        gaps.extend(groups.map(|group| (group.clone(), Vec::new())));
    }
    for gap in report.canary.iter().flat_map(|canary| &canary.gaps) {
        gaps.entry(gap.group.clone()).or_default().push((gap.from, gap.until));
    }
    gaps
}

fn label(svg: &mut String, y: f64, name: &str) {
    let _ = write!(svg, "<text x=0 y={:.1}>{}</text>", y + 13.0, text(name)); // writing to a String cannot fail
}

fn bar(svg: &mut String, (left, right): (f64, f64), y: f64, colour: &str, title: &str) {
    let width = (right - left).max(0.5);
    let _ = write!(
        svg,
        "<rect x={left:.1} y={y:.1} width={width:.1} height={BAR} rx=2 fill='var(--{colour})'><title>{}</title></rect>",
        text(title)
    );
}

fn axis(svg: &mut String, y: f64, began: Millis, end: Millis, x: impl Fn(Millis) -> f64) {
    // Some eight marks, at a round number of seconds.
    let step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600]
        .into_iter()
        .map(|seconds: Millis| seconds * 1000)
        .find(|step| (end - began) / step <= 8)
        .unwrap_or(7_200_000);
    let mut at = began;
    while at <= end {
        let (left, seconds) = (x(at), (at - began) / 1000);
        let _ =
            write!(svg, "<line x1={left:.1} x2={left:.1} y1=0 y2={y:.1} stroke='var(--line)' stroke-dasharray='2 4'/>");
        let _ = write!(svg, "<text x={left:.1} y={:.1} text-anchor=middle>{seconds} s</text>", y + 18.0);
        at += step;
    }
}

fn span(from: Millis, until: Millis) -> f64 {
    // An operation's length in milliseconds is far below what a float holds exactly.
    f64::from(u32::try_from(until - from).unwrap_or(u32::MAX))
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
