//! What the page says of upgrades.

use std::fmt::Write as _;

use super::{Comparison, Upgrade};
use crate::figures::gap;

/// All engines', in Markdown.
pub(crate) fn section(versions: &str, comparisons: &[Comparison]) -> String {
    let mut text = format!(
        "## Upgrades under load

In one run: {versions}.

Eight writers with a key each, from just before the command until everybody is in sync again. A gap is the longest time one key had
between two acknowledged writes; *idle* is the same just before, with nothing happening. Unknown are writes whose answer never
came. Lost are acknowledged writes that are not there in the end, looked for one by one.
",
    );
    for Comparison { title, about, ways } in comparisons {
        // A String takes everything.
        let _ = write!(
            text,
            "\n### {title}\n\n{about}\n\n| | longest gap (idle) | failed | unknown | lost | acknowledged | wall time |\n\
             |---|---|---|---|---|---|---|\n"
        );
        for (way, upgrade) in ways {
            let _ = writeln!(text, "| {way} | {}", row(upgrade));
        }
        let broken = ways.iter().filter_map(|(way, upgrade)| Some((way, upgrade.broken.as_ref()?)));
        for (way, why) in broken {
            let _ = write!(text, "\n- Not whole afterwards, {way}: {why}.\n");
        }
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
