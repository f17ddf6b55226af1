//! Which members elect a primary, and how many have to acknowledge a majority write.

use mongodb::bson::Document;
use stateful_safety::Quorum;

use super::{Answers, MemberAnswers, is_arbiter, is_of, votes};
use crate::mongodb::answers::{ARBITER, PRIMARY, SECONDARY, moment, number};

/// Members in sync, the primary included, that acknowledge a write of `w: "majority"`, the default since 5.0. Where no
/// member says how many that are, all of them and one more, so that no member is taken.
pub(super) fn write_quorum(set: Option<&Answers>, members: usize) -> usize {
    let needed = set.and_then(|set| number(&set.status, "writeMajorityCount"));
    needed.and_then(|needed| usize::try_from(needed).ok()).unwrap_or(members + 1)
}

/// Whether a majority write may count on a member, as the set is configured: it bears data, has a vote, and is not behind on purpose.
/// A delayed member with a vote confirms a write too, but only once its delay is over (manual, "Acknowledgment Behavior" of write
/// concern).
pub(super) fn confirms_writes(configured: &Document) -> bool {
    votes(configured) > 0 && !is_arbiter(configured) && delay_seconds(configured) == 0
}

/// How many seconds a member stays behind on purpose; until 4.4 the setting had the other name.
pub(super) fn delay_seconds(configured: &Document) -> i64 {
    ["secondaryDelaySecs", "slaveDelay"].iter().filter_map(|name| number(configured, name)).max().unwrap_or(0)
}

/// The quorum of voters, including arbiters and members elsewhere. A voter is live if a member hears it and it is a primary, a
/// secondary or an arbiter.
pub(super) fn quorum(seen: &[MemberAnswers], set: Option<&Answers>) -> Option<Quorum> {
    let set = set?;
    let needed = usize::try_from(number(&set.status, "majorityVoteCount")?).ok()?;
    let live = set.configured().filter(|member| votes(member) > 0).filter_map(|member| {
        let host = member.get_str("host").ok()?;
        let stated = set.members().find(|stated| stated.get_str("name").ok() == Some(host))?;
        let heard = stated.get_bool("self").unwrap_or(false) || number(stated, "health") == Some(1);
        let votes = number(stated, "state").is_some_and(|state| [PRIMARY, SECONDARY, ARBITER].contains(&state));
        // A new configuration may list one that was never heard from.
        let known = stated.get_bool("self").unwrap_or(false) || moment(stated, "lastHeartbeatRecv").is_some();
        let pod = seen.iter().find(|seen| is_of(member, "host", seen));
        let silent = pod.is_some_and(|pod| pod.answer.is_err());
        let name = pod.map_or_else(|| host.to_owned(), |pod| pod.member.clone());
        (heard && votes && known && !silent).then_some(name)
    });
    Some(Quorum { voters_are: "voting members of the set".to_owned(), live: live.collect(), needed })
}
