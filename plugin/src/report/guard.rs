//! `guard`: what was applied and removed, and what was approved.

use serde::Serialize;
use stateful_cluster::guard::approval::Approval;
use stateful_cluster::guard::install::Applied;
use stateful_cluster::guard::object::GuardObject;

use super::{Printer, clean};
use crate::cli::Output;

/// What was done with one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AppliedLine {
    /// As kubectl names it: `deployment.apps/stateful-guard`.
    object: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    /// `created`, `configured`, `unchanged`, `deleted`, …
    result: String,
}

impl AppliedLine {
    /// A line with a result of its own.
    pub(crate) fn of(object: &GuardObject, result: &str) -> Self {
        let namespace = object.namespace().map(ToOwned::to_owned);
        Self { object: object.to_string(), namespace, result: result.to_owned() }
    }

    /// What was applied.
    pub(crate) fn applied(object: &GuardObject, applied: Applied, dry_run: bool) -> Self {
        let word = match applied {
            Applied::Created => "created",
            Applied::Configured => "configured",
            Applied::Unchanged => "unchanged",
        };
        Self::of(object, &format!("{word}{}", if dry_run { " (server dry run)" } else { "" }))
    }

    /// A namespace that was put under guard.
    pub(crate) fn labelled(namespace: &str, dry_run: bool) -> Self {
        let rehearsed = if dry_run { " (server dry run)" } else { "" };
        let object = format!("namespace/{namespace}");
        Self { object, namespace: None, result: format!("put under guard{rehearsed}") }
    }
}

/// The changes to the cluster: printed as they happen, or at the end where JSON, YAML or names are wanted.
pub(crate) struct Changes {
    printer: Printer,
    lines: Vec<AppliedLine>,
}

impl Changes {
    pub(crate) const fn new(printer: Printer) -> Self {
        Self { printer, lines: Vec::new() }
    }

    /// Adds one, and prints it where output is a table.
    pub(crate) fn add(&mut self, line: AppliedLine) {
        if matches!(self.printer.output, Output::Table | Output::Wide) {
            let place = line.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
            self.printer.result(&clean(&format!("{}{place} {}", line.object, line.result)));
        }
        self.lines.push(line);
    }

    /// Prints all of them where they were not printed as they happened.
    pub(crate) fn print(&self) {
        match self.printer.structured(&self.lines) {
            Some(text) => self.printer.result(&text),
            None if self.printer.output == Output::Name => {
                let names: Vec<&str> = self.lines.iter().map(|line| line.object.as_str()).collect();
                self.printer.result(&names.join("\n"));
            }
            None => {}
        }
    }
}

/// Prints what would be applied: as manifests where data is wanted, else their names.
pub(crate) fn print_manifests(printer: Printer, objects: &[GuardObject]) {
    let text = match printer.output {
        Output::Yaml => {
            let documents = objects.iter().filter_map(|object| serde_yaml::to_string(object.value()).ok());
            documents.collect::<Vec<_>>().join("---\n")
        }
        Output::Json => {
            let items: Vec<_> = objects.iter().map(GuardObject::value).collect();
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
            serde_json::to_string_pretty(&list).unwrap_or_default()
        }
        Output::Name => lines(objects, ""),
        Output::Table | Output::Wide => lines(objects, " (dry run)"),
    };
    printer.result(&text);
}

fn lines(objects: &[GuardObject], after: &str) -> String {
    objects.iter().map(|object| format!("{object}{after}")).collect::<Vec<_>>().join("\n")
}

/// What was approved.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApprovalReport {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    pub(crate) pod: String,
    pub(crate) node: Option<String>,
    #[serde(flatten)]
    pub(crate) approval: Approval,
}

/// Prints what was approved, until when, and which commands pass now.
pub(crate) fn print_approval(printer: Printer, report: &ApprovalReport) {
    let ApprovalReport { namespace, workload, pod, node, approval } = report;
    match printer.structured(report) {
        Some(text) => printer.result(&text),
        None if printer.output == Output::Name => printer.result(&format!("pod/{pod}")),
        None => printer.result(&clean(&format!(
            "pod/{pod} of {namespace}/{workload} may be evicted or deleted until {}: {}",
            approval.until, approval.reason
        ))),
    }
    let drain = node.as_ref().map(|node| format!(", and for this pod: kubectl drain {node}")).unwrap_or_default();
    printer.note(&clean(&format!("these pass now: kubectl delete pod {pod} -n {namespace}{drain}")));
}
