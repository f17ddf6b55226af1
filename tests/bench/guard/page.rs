//! The section of `docs/figures.md`.

use std::fmt::Write as _;
use std::time::Duration;

use super::direct::{LINES, ROUND, ROUNDS, Row};
use super::memory::Footprint;
use super::population::{ALL, SETS};
use super::servers::GATEKEEPER;
use super::spread::times;
use super::through::{NONE, POLICY, Way};
use super::{LONER, Measured};

/// How the section begins.
const HEADING: &str = "## The guard";

/// What the guard may take of the time of an empty webhook on the same stack.
const SLOWER: f64 = 1.2;

/// MiB with the large population.
const MEMORY: f64 = 40.0;

/// From its start.
const READY: Duration = Duration::from_secs(2);

/// All that was measured, in Markdown.
pub(crate) fn section(versions: &str, measured: &Measured) -> String {
    let mut text = format!(
        "{HEADING}

Measured in one run of `cargo run -p stateful-tests --bin bench -- guard`: {versions}. The guard and its peers are release
builds on this machine, beside the cluster and the client; they have the same certificate.

### Asked directly

HTTPS, HTTP/1.1, connections that stay open, one question after the other on each; the review of one eviction. {ROUNDS} rounds of
{round} s each, in turn; medians of the rounds' figures. *A replica*: the full judgement from memory, of a Redis replica in sync.
*No database's*: the pod `{LONER}` beside it. *echo*: the guard's own server stack (axum, axum-server, rustls) that repeats the
UID and says yes. *controller-runtime*: the same in Go, with the Eviction decoded. *Gatekeeper*: `{GATEKEEPER}` with
one constraint in Rego that always holds.

| |{heads}
|---|{lines}
",
        round = ROUND.as_secs(),
        heads = LINES.iter().fold(String::new(), |heads, lines| {
            let s = if *lines == 1 { "" } else { "s" };
            heads + &format!(" {lines} connection{s}: p50 | p99 | a second | errors |")
        }),
        lines = "---|".repeat(4 * LINES.len()),
    );
    for row in &measured.direct {
        let cells = row.spreads.iter().fold(String::new(), |cells, spread| {
            cells + &format!(" {} | {} | {:.0} | {} |", time(spread.p50), time(spread.p99), spread.rate, spread.errors)
        });
        let _ = writeln!(text, "| {} |{cells}", row.who); // a String takes everything
    }
    text.push_str(
        "
The server that is asked has one core; the client has the other, with the cluster. Against echo: in every round the two are
compared with each other, and of these ratios the median is shown: when another process takes the core, both are slow in the
same round, and from one minute to the next that can be more than what is measured.

",
    );
    for (who, guard) in [("A replica", "guard, a replica"), ("No database's", "guard, no database's")] {
        let _ = writeln!(text, "- {who}, against echo: {}.", against_echo(&measured.direct, guard));
    }
    let _ = write!(text, "{}", through(&measured.through));
    let _ = write!(text, "{}", memory(measured));
    for why in &measured.absent {
        let _ = writeln!(text, "\nNot measured: {}.", why.lines().next().unwrap_or_default());
    }
    text
}

/// The bar: how many times as long.
fn against_echo(rows: &[Row], who: &str) -> String {
    let of = |who: &str| rows.iter().find(|row| row.who == who);
    let (Some(guard), Some(echo)) = (of(who), of("echo")) else { return "not measured".to_owned() };
    let told: Vec<String> = LINES
        .iter()
        .zip(guard.against(echo))
        .map(|(lines, (p50, p99))| {
            let held = verdict(p50 <= SLOWER && p99 <= SLOWER);
            format!("{lines} at once p50 {p50:.2}×, p99 {p99:.2}× (bar {SLOWER}×: {held})")
        })
        .collect();
    told.join("; ")
}

fn through(ways: &[Way]) -> String {
    let none = ways.iter().find(|way| way.name == NONE).map(|way| way.spread.p50).unwrap_or_default();
    let mut text = String::from(
        "
### Through the API server

Evictions with `deleteOptions.dryRun: [All]` of that replica, one connection, one after the other; the ways take turns, one
eviction each, seven rounds of 60 each. The API server's own count says that each webhook was asked every time. An installed guard is
kept out of the namespace, and so is not in these figures. *The call alone* is the mean of what the API server itself has
measured. On a quiet cluster an eviction of a pod with a budget waits for the API server's watch cache, which asks etcd how
far it is ten times a second; a webhook's time disappears in that wait.

| webhook or policy | p50 | p99 | p50 beyond none | the call alone | errors |
|---|---|---|---|---|---|
",
    );
    for Way { name, spread, call } in ways {
        let who = match *name {
            POLICY => "a ValidatingAdmissionPolicy (CEL, always true)",
            "guard" => "**the guard** (a replica, full judgement)",
            "hello" => "controller-runtime",
            "gatekeeper" => "Gatekeeper",
            other => other,
        };
        let beyond = (spread.p50.as_secs_f64() - none.as_secs_f64()) * 1e3;
        let (p50, p99, errors) = (time(spread.p50), time(spread.p99), spread.errors);
        let call = call.map_or_else(|| "–".to_owned(), time);
        // A String takes everything.
        let _ = writeln!(text, "| {who} | {p50} | {p99} | {beyond:+.2} ms | {call} | {errors} |");
    }
    let call = |name: &str| ways.iter().find(|way| way.name == name).and_then(|way| way.call);
    if let (Some(guard), Some(echo)) = (call("guard"), call("echo")) {
        let _ = writeln!(
            text,
            "\n- The guard's call against echo's, as the API server measured them: {:.2}×.",
            times(guard, echo)
        );
    }
    text
}

fn memory(measured: &Measured) -> String {
    let row = |what: &str, footprint: &Footprint| {
        let Footprint { ready, slowest, settled, peak } = footprint;
        format!(
            "| {what} | {:.2} s ({:.2} s) | {settled:.1} MiB | {peak:.1} MiB |\n",
            ready.as_secs_f64(),
            slowest.as_secs_f64()
        )
    };
    let Measured { small, large, after_load, .. } = measured;
    let held = verdict(large.settled <= MEMORY);
    let soon = verdict(large.slowest.max(small.slowest) <= READY);
    format!(
        "
### Memory, and how soon it is ready

Resident memory of the process. Ready: from its start until `/readyz` says so, with a certificate that is mounted; the median of
five, and the slowest. The {ALL} pods belong to {SETS} guarded StatefulSets of Redis and wait behind a scheduling gate.

| | ready (slowest) | settled, 20 s later | at most |
|---|---|---|---|
{}{}
- Right after the load above: {after_load:.1} MiB.
- Bar: at most {MEMORY:.0} MiB settled with {ALL} pods: {held}. At most {:.0} s until ready, the slowest: {soon}.
",
        row("this cluster as it is", small),
        row(&format!("{ALL} pods of {SETS} databases more"), large),
        READY.as_secs_f64(),
    )
}

fn verdict(held: bool) -> &'static str {
    if held { "held" } else { "**missed**" }
}

fn time(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
