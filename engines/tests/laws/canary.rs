//! The canary that an adapter has write during an operation.

use stateful_engines::Ledger;
use tokio::sync::watch;

use crate::common::database::{Database, leader_of, replicas};
use crate::common::turns::Measures;

/// Enough for the role to go to every member of three, and to some twice.
const SWITCHOVERS: u8 = 4;

pub(super) async fn a_canary_lives_through_switchovers_and_leaves_nothing_behind<D: Database>() {
    let database = D::start(Measures::Time).await;
    let group = database.settled().await.groups[0].clone();
    let (_endpoints, endpoints) = watch::channel(database.endpoints());
    let (stop, stopped) = watch::channel(false);
    let adapter = database.adapter();
    // It begins as the first switchover does: neither may disturb the other.
    let switchovers = async {
        let mut from = group.primary().expect("a primary").name.clone();
        for number in 0..SWITCHOVERS {
            let number = usize::from(number);
            let others = replicas(database.settled().await.group_of(&from).expect("its group"));
            let to = others[number % others.len()].clone();
            database.switch_over(&from, &to).await.expect("a switchover");
            assert_eq!(leader_of(&database.settled().await, &to).as_ref(), Some(&to));
            from = to;
        }
        stop.send_replace(true);
    };
    let (ledger, ()) = tokio::join!(adapter.canary(endpoints, stopped), switchovers);
    let ledger: Ledger = ledger.expect("a ledger");
    println!("{ledger:?}");
    assert!(ledger.acknowledged > 100, "{ledger:?}");
    assert_eq!((ledger.lost, ledger.failed), (0, 0), "{ledger:?}");
    assert!(ledger.unknown <= D::UNKNOWN_BY_CANARY * u64::from(SWITCHOVERS), "{ledger:?}");
    let longest = D::LONGEST_CANARY_PAUSE.as_millis();
    assert!(u128::from(ledger.longest_gap) < longest, "{ledger:?}");
    assert_eq!(database.canary_leftovers().await, Vec::<String>::new());
}
