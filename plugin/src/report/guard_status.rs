//! `guard status`: how the guard is, what it watches over, and who passed it by.

use jiff::{SignedDuration, Timestamp, Unit};
use serde::Serialize;

use super::table::table;
use super::{Paint, Printer, clean};
use crate::cli::Output;

/// All of it. What could not be read is `None`, and why is in `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GuardStatus {
    pub(crate) healthy: bool,
    pub(crate) namespace: String,
    /// Replicas there should be.
    pub(crate) wanted: usize,
    pub(crate) replicas: Vec<ReplicaRow>,
    /// When the first of the replicas' certificates ends.
    pub(crate) certificate_ends: Option<Timestamp>,
    /// From when to when the newest authority is good that the API server trusts.
    pub(crate) authority_since: Option<Timestamp>,
    pub(crate) authority_ends: Option<Timestamp>,
    pub(crate) webhooks: Vec<WebhookRow>,
    pub(crate) failed_open: Option<Vec<FailedOpen>>,
    pub(crate) policies: Vec<PolicyRow>,
    pub(crate) namespaces: Vec<NamespaceRow>,
    /// Approvals that hold now.
    pub(crate) approvals: Vec<ApprovalRow>,
    /// Who was approved, and who passed, as far as Events still tell.
    pub(crate) bypassed: Option<Vec<BypassRow>>,
    /// Why it is not healthy.
    pub(crate) problems: Vec<String>,
    /// What could not be read, and why.
    pub(crate) unknown: Vec<String>,
}

/// A replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplicaRow {
    pub(crate) pod: String,
    pub(crate) ready: bool,
    /// Whether it leads; unknown where its metrics cannot be read.
    pub(crate) leads: Option<bool>,
    pub(crate) node: Option<String>,
    pub(crate) age_seconds: Option<i64>,
    pub(crate) image: String,
}

/// An occasion on which the API server asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookRow {
    pub(crate) name: String,
    /// What becomes of what cannot be asked: `Fail`, `Ignore`.
    pub(crate) failure_policy: &'static str,
    pub(crate) trusted: bool,
}

/// How often what could not be asked passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailedOpen {
    pub(crate) webhook: String,
    pub(crate) times: u64,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyRow {
    pub(crate) name: String,
    pub(crate) mode: String,
    pub(crate) on_eviction: String,
    pub(crate) databases: Option<i64>,
}

/// A namespace under guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamespaceRow {
    pub(crate) name: String,
    /// Whether the API server asks about it: the label is not all where a selector narrows it further.
    pub(crate) asked_about: bool,
    /// The databases in it.
    pub(crate) databases: Vec<String>,
    /// Those of them that no replica has observed yet; unknown where no replica's metrics can be read.
    pub(crate) not_looked_at: Option<Vec<String>>,
    /// The Secrets the guard may read there: `none`, `all`, or their names.
    pub(crate) secrets: String,
}

/// An approval that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApprovalRow {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) until: Timestamp,
    pub(crate) by: String,
    pub(crate) reason: String,
}

/// A request that passed by an approval or without the guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BypassRow {
    pub(crate) at: Option<Timestamp>,
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) what: String,
    pub(crate) text: String,
}

/// Lines of what passed that a table shows; data has all.
const SHOWN: usize = 10;

/// Prints it. `now` is for ages.
pub(crate) fn print_guard(printer: Printer, status: &GuardStatus, now: Timestamp) {
    match printer.structured(status) {
        Some(text) => printer.result(&text),
        None if printer.output == Output::Name => {
            let names: Vec<String> = status.replicas.iter().map(|row| format!("pod/{}", row.pod)).collect();
            printer.result(&names.join("\n"));
        }
        None => printer.result(&text(printer, status, now)),
    }
}

fn text(printer: Printer, status: &GuardStatus, now: Timestamp) -> String {
    let (paint, word) = if status.healthy { (Paint::Good, "healthy") } else { (Paint::Bad, "not healthy") };
    let head = format!("the guard in namespace {}: ", status.namespace);
    let mut parts = vec![format!("{}{}", printer.paint(Paint::Bold, &clean(&head)), printer.paint(paint, word))];
    parts.push(replicas(status));
    parts.push(certificate(status, now));
    parts.push(webhooks(status));
    if !status.policies.is_empty() {
        parts.push(policies(&status.policies));
    }
    parts.push(namespaces(&status.namespaces));
    parts.extend(passed(status, now));
    let problems = status.problems.iter().map(|why| format!("{} {}", printer.paint(Paint::Bad, "×"), clean(why)));
    let unknown =
        status.unknown.iter().map(|why| format!("{} unknown: {}", printer.paint(Paint::Waiting, "?"), clean(why)));
    let rest: Vec<String> = problems.chain(unknown).collect();
    if !rest.is_empty() {
        parts.push(rest.join("\n"));
    }
    parts.join("\n\n")
}

fn yes(yes: Option<bool>) -> String {
    yes.map_or("?", |yes| if yes { "yes" } else { "no" }).to_owned()
}

fn replicas(status: &GuardStatus) -> String {
    let rows: Vec<Vec<String>> = status
        .replicas
        .iter()
        .map(|row| {
            let age = row.age_seconds.map(SignedDuration::from_secs).map(lasting).unwrap_or_default();
            let node = row.node.clone().unwrap_or_default();
            vec![row.pod.clone(), yes(Some(row.ready)), yes(row.leads), node, age, row.image.clone()]
        })
        .collect();
    table(&["REPLICA", "READY", "LEADS", "NODE", "AGE", "IMAGE"], &rows)
}

fn certificate(status: &GuardStatus, now: Timestamp) -> String {
    let until = |at: Timestamp| format!("{} (in {})", second(at), lasting(at.duration_since(now)));
    let ends = status.certificate_ends.map_or_else(|| "unknown".to_owned(), until);
    let authority = status.authority_ends.map_or_else(|| "unknown".to_owned(), until);
    let since = status.authority_since.map(|at| format!(", good since {}", second(at)));
    format!("certificate   ends {ends}\nauthority     ends {authority}{}", since.unwrap_or_default())
}

fn webhooks(status: &GuardStatus) -> String {
    let failed = |name: &str| {
        let counts = status.failed_open.as_ref()?;
        Some(counts.iter().find(|count| count.webhook == name).map_or(0, |count| count.times))
    };
    let rows: Vec<Vec<String>> = status
        .webhooks
        .iter()
        .map(|row| {
            let unasked = if row.failure_policy == "Fail" { "requests are refused" } else { "requests pass" };
            let passed = failed(&row.name).map_or_else(|| "?".to_owned(), |times| times.to_string());
            vec![row.name.clone(), unasked.to_owned(), yes(Some(row.trusted)), passed]
        })
        .collect();
    table(&["WEBHOOK", "IF THE GUARD IS AWAY", "TRUSTED", "PASSED WITHOUT IT"], &rows)
}

fn policies(rows: &[PolicyRow]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let databases = row.databases.map_or_else(|| "?".to_owned(), |count| count.to_string());
            vec![row.name.clone(), row.mode.clone(), row.on_eviction.clone(), databases]
        })
        .collect();
    table(&["POLICY", "MODE", "ON EVICTION", "DATABASES"], &rows)
}

fn namespaces(rows: &[NamespaceRow]) -> String {
    if rows.is_empty() {
        return "no namespace is under guard; to put one under guard: kubectl label namespace NAME kubectl-stateful.dev/guard=enabled"
            .to_owned();
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| vec![row.name.clone(), yes(Some(row.asked_about)), row.databases.join(", "), row.secrets.clone()])
        .collect();
    table(&["NAMESPACE", "GUARDED", "DATABASES", "SECRETS"], &cells)
}

/// Approvals that hold, and what passed.
fn passed(status: &GuardStatus, now: Timestamp) -> Vec<String> {
    let mut parts = Vec::new();
    if !status.approvals.is_empty() {
        let rows: Vec<Vec<String>> = status
            .approvals
            .iter()
            .map(|row| {
                let left = lasting(row.until.duration_since(now));
                vec![row.namespace.clone(), row.pod.clone(), left, row.by.clone(), row.reason.clone()]
            })
            .collect();
        parts.push(table(&["NAMESPACE", "APPROVED", "EXPIRES IN", "BY", "REASON"], &rows));
    }
    if let Some(bypassed) = status.bypassed.as_ref().filter(|bypassed| !bypassed.is_empty()) {
        let rows: Vec<Vec<String>> = bypassed
            .iter()
            .take(SHOWN)
            .map(|row| {
                let age = row.at.map(|at| lasting(now.duration_since(at))).unwrap_or_default();
                vec![age, row.namespace.clone(), row.pod.clone(), row.what.clone(), row.text.clone()]
            })
            .collect();
        parts.push(table(&["AGO", "NAMESPACE", "POD", "WHAT", "HOW"], &rows));
    }
    parts
}

/// A time, to the second.
fn second(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

/// A duration as kubectl writes ages: its largest unit, or two of them while they are small.
pub(super) fn lasting(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => format!("{}m{}s", seconds / 60, seconds % 60),
        600..10_800 => format!("{}m", seconds / 60),
        10_800..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;
