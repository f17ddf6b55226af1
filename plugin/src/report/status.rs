//! Prints what `status` found: databases, or the members of one.

use serde::Serialize;

use super::table::table;
use super::{Paint, Printer, clean};
use crate::cli::Output;

/// A database in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkloadRow {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) engine: String,
    pub(crate) topology: String,
    pub(crate) members: usize,
    pub(crate) in_sync: usize,
    pub(crate) versions: Vec<String>,
    pub(crate) image: String,
    /// Members that do not run what the template declares.
    pub(crate) outdated: usize,
    /// Reasons why not every member is there and in sync, with their codes; empty when all are.
    pub(crate) reasons: Vec<ReasonLine>,
    /// How many members may be evicted now, one of them at a time: what the guard would answer to an eviction of each.
    pub(crate) evictable: usize,
    /// Whether every member may be restarted now, one after another: what `check` answers.
    pub(crate) safe_to_upgrade: bool,
    /// Reasons against that, with their codes.
    pub(crate) reasons_against_upgrade: Vec<ReasonLine>,
}

/// A reason, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReasonLine {
    pub(crate) code: String,
    pub(crate) text: String,
    pub(crate) next: String,
}

/// One database with its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkloadStatus {
    #[serde(flatten)]
    pub(crate) row: WorkloadRow,
    pub(crate) member_list: Vec<MemberRow>,
    /// An unfinished operation, and which process holds it.
    pub(crate) operation: Option<String>,
    /// What its administrator should know although nothing stands in the way.
    pub(crate) notes: Vec<String>,
}

/// A member in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberRow {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) role: String,
    pub(crate) state: String,
    pub(crate) version: String,
    pub(crate) current: bool,
    pub(crate) node: String,
    pub(crate) address: String,
    pub(crate) image: String,
    /// Why it may not be evicted now; none when it may.
    pub(crate) may_go: Option<ReasonLine>,
}

/// Prints the list.
pub(crate) fn print_workloads(printer: Printer, rows: &[WorkloadRow], all_namespaces: bool) {
    if let Some(text) = printer.structured(&rows) {
        return printer.result(&text);
    }
    if printer.output == Output::Name {
        let names: Vec<String> = rows.iter().map(|row| format!("statefulset.apps/{}", row.name)).collect();
        return printer.result(&names.join("\n"));
    }
    if rows.is_empty() {
        return printer.note("No databases found. If yours is not recognised, annotate its StatefulSet: kubectl-stateful.dev/engine: redis");
    }
    let wide = printer.output == Output::Wide;
    let mut headers =
        vec!["NAME", "ENGINE", "TOPOLOGY", "IN SYNC", "VERSION", "OUTDATED", "EVICTABLE", "SAFE TO UPGRADE"];
    if all_namespaces {
        headers.insert(0, "NAMESPACE");
    }
    if wide {
        headers.push("IMAGE");
    }
    let cells = rows.iter().map(|row| {
        let mut cells = vec![
            row.name.clone(),
            row.engine.clone(),
            row.topology.clone(),
            format!("{}/{}", row.in_sync, row.members),
            row.versions.join(","),
            row.outdated.to_string(),
            format!("{}/{}", row.evictable, row.members),
            safe(&row.reasons_against_upgrade),
        ];
        if all_namespaces {
            cells.insert(0, row.namespace.clone());
        }
        if wide {
            cells.push(row.image.clone());
        }
        cells
    });
    printer.result(&table(&headers, &cells.collect::<Vec<_>>()));
}

fn safe(reasons: &[ReasonLine]) -> String {
    match reasons {
        [] => "yes".to_owned(),
        [only] => format!("no: {} ({})", only.text, only.code),
        [first, others @ ..] => format!("no: {} ({}) and {} more", first.text, first.code, others.len()),
    }
}

/// Prints one database's members.
pub(crate) fn print_members(printer: Printer, status: &WorkloadStatus) {
    if let Some(text) = printer.structured(status) {
        return printer.result(&text);
    }
    let row = &status.row;
    if printer.output == Output::Name {
        let names: Vec<String> = status.member_list.iter().map(|member| format!("pod/{}", member.name)).collect();
        return printer.result(&names.join("\n"));
    }
    let head = format!("{}/{}   {}, {}   image {}", row.namespace, row.name, row.engine, row.topology, row.image);
    printer.result(&printer.paint(Paint::Bold, &clean(&head)));
    if let Some(operation) = &status.operation {
        printer.result(&printer.paint(Paint::Waiting, &clean(operation)));
    }
    let wide = printer.output == Output::Wide;
    let mut headers = vec!["MEMBER", "GROUP", "ROLE", "STATE", "VERSION", "REVISION", "SAFE TO EVICT"];
    if wide {
        headers.extend(["NODE", "ADDRESS", "IMAGE"]);
    }
    let cells = status.member_list.iter().map(|member| {
        let mut cells = vec![
            member.name.clone(),
            member.group.clone(),
            member.role.clone(),
            member.state.clone(),
            member.version.clone(),
            if member.current { "current" } else { "outdated" }.to_owned(),
            member
                .may_go
                .as_ref()
                .map_or_else(|| "yes".to_owned(), |reason| format!("no: {} ({})", reason.text, reason.code)),
        ];
        if wide {
            cells.extend([member.node.clone(), member.address.clone(), member.image.clone()]);
        }
        cells
    });
    printer.result(&table(&headers, &cells.collect::<Vec<_>>()));
    for reason in &row.reasons {
        let line = format!("{} {}", reason.code, clean(&reason.text));
        printer.result(&format!("{} {line}\n  {}", printer.paint(Paint::Bad, "×"), clean(&reason.next)));
    }
    for note in &status.notes {
        printer.result(&printer.paint(Paint::Dim, &format!("Note: {}", clean(note))));
    }
}
