//! Who prints: `plugin/src/report/`, so that what people and scripts read is in one place; and `main.rs`.

use crate::source::product;

const PRINTS: &[&str] = &["println!", "eprintln!", "print!(", "eprint!(", "::stdout()", "::stderr()", "dbg!("];

/// The places that may.
const MAY: &[&str] = &["plugin/src/report/", "plugin/src/main.rs"];

#[test]
fn only_the_report_prints() {
    for file in product().into_iter().filter(|file| !MAY.iter().any(|place| file.is_in(place))) {
        for (number, line) in file.code() {
            let prints = PRINTS.iter().find(|prints| line.contains(**prints));
            assert!(prints.is_none(), "{}:{number} prints: {line}", file.path);
        }
    }
}
