//! Do the members agree? Each member that answers is compared with what every other member says about it.

use stateful_safety::Blocker;

use super::view::View;
use crate::VIEWS_DISAGREE;
use crate::redis::node_line::NodeLine;

/// What each member gets wrong about the others, one finding for each member: the first is enough to wait.
pub(super) fn disagreements(views: &[View<'_>]) -> Vec<Blocker> {
    views
        .iter()
        .filter_map(|view| {
            let about = down(view).or_else(|| views.iter().find_map(|other| wrong_about(view, other, views)))?;
            Some(VIEWS_DISAGREE.found(&[("member", &view.seen.member), ("about", &about)]))
        })
        .collect()
}

fn down(view: &View<'_>) -> Option<String> {
    let state = view.answers.cluster_field("cluster_state")?;
    (state != "ok").then(|| format!("the cluster is down (cluster_state:{state})"))
}

fn wrong_about(view: &View<'_>, other: &View<'_>, views: &[View<'_>]) -> Option<String> {
    let name = &other.seen.member;
    if name == &view.seen.member {
        return None;
    }
    let truth = other.me();
    let Some(line) = view.node(truth.id) else {
        return Some(format!("it does not know {name}"));
    };
    if let Some(flag) = line.failure_flag() {
        return Some(format!("{name} is marked {flag}, but it answers"));
    }
    if !line.connected {
        return Some(format!("its link to {name} is down"));
    }
    if let Some(address) = announced(other).filter(|address| *address != line.host) {
        return Some(format!("{name} is at {}, but it is at {address}", line.host));
    }
    role(name, line, truth, views)
}

/// The address under which its peers should reach it: the one it is configured to announce, else the pod's.
fn announced<'a>(view: &'a View<'_>) -> Option<&'a str> {
    let set = view.answers.config.get("cluster-announce-ip").map(String::as_str).filter(|ip| !ip.is_empty());
    set.or(view.seen.address.as_deref())
}

fn role(name: &str, line: &NodeLine<'_>, truth: &NodeLine<'_>, views: &[View<'_>]) -> Option<String> {
    match (line.is_master(), truth.is_master()) {
        (true, false) => Some(format!("{name} is a master, which {name} denies")),
        (false, true) => Some(format!("{name} is a replica, which {name} denies")),
        (false, false) if line.master != truth.master => {
            let leader = line.master.unwrap_or("no master");
            let leader = views.iter().find(|view| view.me().id == leader).map_or(leader, |view| &view.seen.member);
            Some(format!("{name} follows {leader}, which {name} denies"))
        }
        (true, true) if line.slots != truth.slots => Some(format!("{name} owns other slots than {name} says")),
        _ => None,
    }
}
