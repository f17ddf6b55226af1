//! The canary that an adapter has write during an operation.

use std::time::Duration;

use stateful_engines::Ledger;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::common::database::{Database, leader_of};
use crate::common::turns::Measures;

/// After the last switchover: a canary writes fifty times a second at most, and some switchovers take less than one.
const WRITES_ON_FOR: Duration = Duration::from_secs(4);

pub(super) async fn a_canary_lives_through_switchovers_and_leaves_nothing_behind<D: Database>() {
    let database = D::start(Measures::Time).await;
    let group = database.settled().await.groups[0].clone();
    let (_endpoints, endpoints) = watch::channel(database.endpoints());
    let (stop, stopped) = watch::channel(false);
    let adapter = database.adapter();
    // In a group of three each member leads at least once. In one of two, none is elected for the second time: the replica of a
    // Redis Cluster that is elected again within four node timeouts counts the votes of the first time (redis #8752).
    let switchovers = 2 * (group.members.len() - 1);
    // It begins as the first switchover does: neither may disturb the other.
    let moves = async {
        let mut from = group.primary().expect("a primary").name.clone();
        for number in 0..switchovers {
            let successors = database.successors(&from).await;
            let to = successors[number % successors.len()].clone();
            database.switch_over(&from, &to).await.expect("a switchover");
            assert_eq!(leader_of(&database.settled().await, &to).as_ref(), Some(&to));
            from = to;
        }
        sleep(WRITES_ON_FOR).await;
        stop.send_replace(true);
    };
    let (ledger, ()) = tokio::join!(adapter.canary().expect("it has a canary").run_canary(endpoints, stopped), moves);
    let ledger: Ledger = ledger.expect("a ledger");
    println!("{ledger:?}");
    assert!(ledger.acknowledged > 100, "{ledger:?}");
    assert_eq!((ledger.lost, ledger.failed), (0, 0), "{ledger:?}");
    let unknown = u64::try_from(switchovers).expect("few") * D::UNKNOWN_BY_CANARY;
    assert!(ledger.unknown <= unknown, "{ledger:?}");
    let longest = D::LONGEST_CANARY_PAUSE.as_millis();
    assert!(u128::from(ledger.longest_gap) < longest, "{ledger:?}");
    assert_eq!(database.canary_leftovers().await, Vec::<String>::new());
}
