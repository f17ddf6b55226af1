//! One JSON object a line.

use std::io::Write;

use stateful_operations::Progress;

use super::Draw;

pub(super) struct Json;

impl Draw for Json {
    fn draw(&mut self, progress: &Progress) {
        if let Ok(line) = serde_json::to_string(progress) {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }

    fn end(&mut self) {}
}
