//! What runs at each start and may give a member another role than its data directory says.

use stateful_safety::Blocker;

use super::answered;
use crate::postgres::ha_manager::find_ha_manager;
use crate::postgres::profile::ROLE_WORDS;
use crate::postgres::{MemberAnswers, conditions};
use crate::role_at_start::{Members, removes};

/// Under a high-availability manager a member's role is the manager's to decide, whatever starts it.
pub(super) fn blockers(seen: &[MemberAnswers], primary: Option<&MemberAnswers>) -> Vec<Blocker> {
    let mut managers = answered(seen).map(|(_, answers)| find_ha_manager(answers)).peekable();
    let is_silent = managers.peek().is_none();
    let [first, _, ..] = seen else { return Vec::new() };
    if is_silent || managers.any(|manager| manager.is_some()) {
        return Vec::new();
    }
    if let Some((image, what)) = ROLE_WORDS.forgetful_image(&first.starts) {
        return vec![conditions::ENTRYPOINT_FORGETS.found(&[("image", &image), ("what", &what)])];
    }
    let directories: Vec<&str> = answered(seen).filter_map(|(_, answers)| answers.field("data_directory")).collect();
    let leads = primary.map(|primary| primary.member.as_str());
    let members = Members::new(seen.iter().map(|seen| seen.member.as_str()), leads);
    ROLE_WORDS.find(&first.starts, &members, |line| directories.iter().any(|directory| removes(line, directory)))
}
