//! What a law has to tell beside its result: figures, progress of a law in several parts. Each group of laws runs on a thread of its
//! own, so the notes are the thread's.

use std::cell::RefCell;
use std::time::Instant;

thread_local! {
    static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) };
}

struct Notes {
    since: Instant,
    lines: Vec<String>,
}

/// Begins the notes of a law.
pub(super) fn begin() {
    NOTES.with_borrow_mut(|notes| *notes = Some(Notes { since: Instant::now(), lines: Vec::new() }));
}

/// Notes a line, with the seconds since the law began. Outside a law (in the demo, in the bench) it is lost.
pub fn write(text: &str) {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            let at = notes.since.elapsed().as_secs_f64();
            notes.lines.push(format!("{at:6.1} s  {}", text.trim_end()));
        }
    });
}

/// Ends the notes of a law and returns them.
pub(super) fn take() -> Vec<String> {
    NOTES.take().map(|notes| notes.lines).unwrap_or_default()
}
