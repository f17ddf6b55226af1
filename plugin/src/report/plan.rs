//! A plan as text.

use stateful_cluster::changes::rollout::TemplateChange;
use stateful_operations::{Goal, Pattern, Plan};

use super::table::table;
use super::{Paint, Printer, clean};

/// Topology, members, steps, and the point after which there is no way back.
pub(crate) fn plan_text(printer: Printer, plan: &Plan) -> String {
    let head = format!("{}: {} ({}, {})", plan.workload, goal_text(&plan.goal), plan.engine, plan.topology);
    let rows: Vec<Vec<String>> = plan
        .members
        .iter()
        .map(|member| {
            vec![
                member.name.clone(),
                member.group.clone(),
                member.role.to_string(),
                member.version.as_ref().map(ToString::to_string).unwrap_or_default(),
                member.node.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let text = [
        printer.paint(Paint::Bold, &clean(&head)),
        String::new(),
        table(&["MEMBER", "GROUP", "ROLE", "VERSION", "NODE"], &rows),
        String::new(),
        format!("Plan {} ({}), one step after another:", plan.hash(), Pattern::of(&plan.goal).name),
        steps_text(plan),
        notes_text(plan),
    ];
    text.join("\n").trim_end().to_owned()
}

/// Notes below the steps.
fn notes_text(plan: &Plan) -> String {
    let notes: Vec<String> = plan.notes.iter().map(|note| format!("\nNote: {}", clean(note))).collect();
    notes.concat()
}

/// The steps, numbered, with a line where the way back ends.
fn steps_text(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if plan.boundary == Some(index) {
            lines.push(boundary(plan));
        }
        lines.push(format!("  {:>2}. {}", index + 1, clean(&step.to_string())));
    }
    lines.join("\n")
}

fn boundary(plan: &Plan) -> String {
    match &plan.goal {
        Goal::Finalize { release } => {
            format!("      --- from here on no release before {release} can come back: it cannot open the data ---")
        }
        Goal::Upgrade { .. } | Goal::EvacuateNode { .. } | Goal::Switchover { .. } => {
            let before = &plan.origin.image;
            format!("      --- from here on {before} cannot come back: it cannot read what a newer release writes ---")
        }
    }
}

fn goal_text(goal: &Goal) -> String {
    match goal {
        Goal::Upgrade { change: Some(TemplateChange::Image { image, .. }), .. } => format!("to image {image}"),
        Goal::Upgrade { change: Some(TemplateChange::Restart { .. }), .. } => "restart every member".to_owned(),
        Goal::Upgrade { change: None, .. } => "to what the StatefulSet declares".to_owned(),
        Goal::EvacuateNode { node } => format!("leave node {node}"),
        Goal::Switchover { member } => format!("make {member} the primary"),
        Goal::Finalize { release } => format!("make release {release} final"),
    }
}
