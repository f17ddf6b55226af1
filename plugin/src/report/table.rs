//! Tables as kubectl prints them: upper-case headers, three spaces, no lines.

use super::clean;

/// Lays rows out under their headers. Widths count characters, before any colour is put on.
pub(super) fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| if cell.is_empty() { "<none>".to_owned() } else { clean(cell) }).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headers[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headers.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.chars().count()))))
            .collect();
        padded.join("   ").trim_end().to_owned()
    };
    let mut lines = vec![line(headers.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = vec![vec!["redis-0".to_owned(), "primary".to_owned()], vec!["r".to_owned(), String::new()]];
        assert_eq!(table(&["MEMBER", "ROLE"], &rows), "MEMBER    ROLE\nredis-0   primary\nr         <none>");
    }
}
