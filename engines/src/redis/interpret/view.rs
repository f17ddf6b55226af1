//! A member's view of its cluster.

use crate::redis::node_line::NodeLine;
use crate::redis::{Answers, MemberAnswers};

/// A member that answered, and the cluster as it sees it.
pub(super) struct View<'a> {
    pub(super) seen: &'a MemberAnswers,
    pub(super) answers: &'a Answers,
    pub(super) nodes: Vec<NodeLine<'a>>,
}

impl<'a> View<'a> {
    pub(super) fn of(seen: &'a MemberAnswers) -> Option<Self> {
        let answers = seen.answer.as_ref().ok()?;
        let nodes = NodeLine::parse_all(answers.cluster_nodes.as_deref()?);
        let view = Self { seen, answers, nodes };
        view.nodes.iter().any(|node| node.has("myself")).then_some(view)
    }

    /// Its own line. A view is only made with one.
    pub(super) fn me(&self) -> &NodeLine<'a> {
        self.nodes.iter().find(|node| node.has("myself")).unwrap_or(&self.nodes[0])
    }

    pub(super) fn node(&self, id: &str) -> Option<&NodeLine<'a>> {
        self.nodes.iter().find(|node| node.id == id)
    }
}
