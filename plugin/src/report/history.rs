//! Prints `history`: what was done, by whom, and how it ended.

use serde::Serialize;

use super::Printer;
use super::table::table;
use crate::cli::Output;

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryRow {
    pub(crate) id: String,
    pub(crate) verb: String,
    pub(crate) what: String,
    pub(crate) by: String,
    pub(crate) began: String,
    pub(crate) took: String,
    pub(crate) state: String,
    pub(crate) steps: String,
    pub(crate) note: String,
}

/// Prints the operations, oldest first.
pub(crate) fn print_history(printer: Printer, rows: &[HistoryRow]) {
    if let Some(text) = printer.structured(&rows) {
        return printer.result(&text);
    }
    if printer.output == Output::Name {
        return printer.result(&rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>().join("\n"));
    }
    if rows.is_empty() {
        return printer.note("No operations found.");
    }
    let mut headers = vec!["OPERATION", "VERB", "WHAT", "BEGAN", "TOOK", "STATE", "STEPS"];
    let wide = printer.output == Output::Wide;
    if wide {
        headers.extend(["BY", "NOTE"]);
    }
    let cells = rows.iter().map(|row| {
        let HistoryRow { id, verb, what, by, began, took, state, steps, note } = row.clone();
        let mut cells = vec![id, verb, what, began, took, state, steps];
        if wide {
            cells.extend([by, note]);
        }
        cells
    });
    printer.result(&table(&headers, &cells.collect::<Vec<_>>()));
}
