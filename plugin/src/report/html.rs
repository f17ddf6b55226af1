//! The report for a browser: members over time, with the gaps in acknowledged writes. One file, no script, no network.

mod chart;

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use stateful_operations::{Plan, Progress};
use stateful_safety::Millis;

use super::summary::lasting;
use super::{OperationReport, clean};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#667;--line:#d5d9e0;--bg:#fff;--ok:#2f9e62;--lead:#2563c9;--off:#e0a234;--bad:#cf3d3d}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8ec;--dim:#9aa3b2;--line:#363c48;--bg:#15181d;--ok:#3fb97a;--lead:#6ea0ff;--off:#e6b455;--bad:#ff6b6b}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--bg);max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.25rem 0}.dim{color:var(--dim)}
.facts{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.25rem 0;padding:0;list-style:none}
.facts li{border:1px solid var(--line);border-radius:.5rem;padding:.5rem .9rem;min-width:7rem}
.facts b{display:block;font-size:1.3rem;font-variant-numeric:tabular-nums}.bad{color:var(--bad)}.ok{color:var(--ok)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}
.legend span{display:inline-block;margin-right:1.2rem}.legend i{display:inline-block;width:.9rem;height:.9rem;border-radius:.2rem;vertical-align:-.1rem;margin-right:.4rem}
";

/// Writes the report.
pub(crate) fn write_html(
    path: &Path,
    report: &OperationReport,
    plan: &Plan,
    heard: &[Progress],
) -> std::io::Result<()> {
    std::fs::write(path, page(report, plan, heard))
}

fn page(report: &OperationReport, plan: &Plan, heard: &[Progress]) -> String {
    let title = format!("{} {}", text(&report.workload), text(&report.result));
    let began = clock(report.began, "%Y-%m-%d %H:%M:%S %Z");
    let why = report.why.as_ref().map_or_else(String::new, |why| format!("<p class=bad>{}</p>", text(why)));
    let chart = chart::draw(report, heard);
    let legend = [
        ("lead", "primary"),
        ("ok", "replica in sync"),
        ("off", "away or catching up"),
        ("bad", "no write acknowledged"),
    ]
    .map(|(colour, meaning)| format!("<span><i style='background:var(--{colour})'></i>{meaning}</span>"))
    .concat();
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>\
         <p class=dim>{} · {} · {began} · operation {}</p>{why}\
         <ul class=facts>{}</ul>\
         <h2>Members over time</h2>{chart}<p class='legend dim'>{legend}</p>\
         <h2>What was done</h2>{}\
         <h2>The plan</h2><ol>{}</ol></html>\n",
        text(&plan.engine.to_string()),
        text(&plan.topology),
        text(report.operation.as_deref().unwrap_or("-")),
        facts(report),
        steps(report),
        plan.steps.iter().map(|step| format!("<li>{}</li>", text(&step.to_string()))).collect::<Vec<_>>().concat(),
    )
}

fn facts(report: &OperationReport) -> String {
    let fact = |value: &str, name: &str, class: &str| format!("<li><b class='{class}'>{value}</b>{name}</li>");
    let mut facts = fact(&lasting(report.took_milliseconds), "in all", "");
    if let Some(longest) = report.longest_handover_milliseconds {
        facts.push_str(&fact(&lasting(longest), "longest switchover", ""));
    }
    if let Some(canary) = &report.canary {
        let gap = lasting(Millis::try_from(canary.longest_gap).unwrap_or(Millis::MAX));
        let good_if_none = |count: u64| if count == 0 { "ok" } else { "bad" };
        facts.push_str(&fact(&gap, "longest write gap", ""));
        facts.push_str(&fact(&canary.acknowledged.to_string(), "writes acknowledged", ""));
        facts.push_str(&fact(&canary.unknown.to_string(), "unknown", good_if_none(canary.unknown)));
        facts.push_str(&fact(&canary.failed.to_string(), "failed", good_if_none(canary.failed)));
        facts.push_str(&fact(&canary.lost.to_string(), "lost", good_if_none(canary.lost)));
    } else {
        facts.push_str(&fact("not measured", "write gaps (run with --canary)", "dim"));
    }
    facts
}

fn steps(report: &OperationReport) -> String {
    let rows = report.moved.iter().map(|moved| {
        let switchover = moved.handed_over_in_milliseconds.map(lasting).unwrap_or_default();
        let (at, took) = (clock(moved.at, "%H:%M:%S"), lasting(moved.took_milliseconds));
        format!("<tr><td>{at}<td>{}<td class=n>{took}<td class=n>{switchover}</tr>", text(&moved.what))
    });
    let rows: String = rows.collect();
    format!("<table><tr><th>At<th>What<th>Took<th>Switched over in</tr>{rows}</table>")
}

fn clock(at: Millis, format: &str) -> String {
    Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(TimeZone::system()).strftime(format).to_string()
}

/// Text from a cluster, escaped so that nothing in it is read as markup.
fn text(text: &str) -> String {
    clean(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_pod_name_is_never_markup() {
        assert_eq!(super::text("<script>'x'&"), "&lt;script&gt;&#39;x&#39;&amp;");
    }
}
