//! The judge about a primary that may not switch over.

use super::{against, blocker, group, take, three_shards};
use crate::model::{Blocks, Effect, Passes};

#[test]
fn what_never_lets_a_primary_switch_over_keeps_it_from_being_taken() {
    let mut by_ordinal = three_shards();
    by_ordinal.groups = vec![group(0, 2)];
    by_ordinal.quorums.clear();
    by_ordinal.blockers.push(blocker("STF-DB-020", Effect::new(Blocks::Switchover, Passes::Never)));
    assert_eq!(against(&by_ordinal, &take(&["p0"])), ["STF-DB-007", "STF-DB-020"]);
    assert!(against(&by_ordinal, &take(&["r00"])).is_empty(), "a replica may go");
    by_ordinal.blockers[0].effect.passes = Passes::ByItself;
    assert_eq!(against(&by_ordinal, &take(&["p0"])), ["STF-DB-007"]);
}
