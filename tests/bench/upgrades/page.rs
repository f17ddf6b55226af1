//! What the page says of upgrades.

use std::fmt::Write as _;

use super::{Comparison, Upgrade};
use crate::figures::gap;

/// One comparison, in Markdown.
pub(crate) fn section(versions: &str, comparison: &Comparison) -> String {
    let Comparison { title, about, ways } = comparison;
    let mut text = format!(
        "## {title} under load

In one run: {versions}.

{about} Counted from just before the command until every member is in sync again. A gap is the longest time one key had between two
acknowledged writes; *idle* is the same just before, with nothing happening. Unknown are writes whose answer never came. Lost are
acknowledged writes that are not there in the end, looked for one by one.

| | longest gap (idle) | failed | unknown | lost | acknowledged | wall time |
|---|---|---|---|---|---|---|
",
    );
    for (way, upgrade) in ways {
        // A String takes everything.
        let _ = writeln!(text, "| {way} | {}", row(upgrade));
    }
    let broken = ways.iter().filter_map(|(way, upgrade)| Some((way, upgrade.broken.as_ref()?)));
    for (way, why) in broken {
        let _ = write!(text, "\n- Not as it should be afterwards, {way}: {}.\n", why.trim_end_matches('.'));
    }
    text
}

fn row(upgrade: &Upgrade) -> String {
    let Upgrade { idle, during, wall, audit, .. } = upgrade;
    format!(
        "**{}** ({}) | {} | {} | {} | {} | {:.1} s |",
        gap(during),
        gap(idle),
        during.failed,
        during.unknown,
        audit.lost.len(),
        during.acknowledged,
        wall.as_secs_f64()
    )
}
