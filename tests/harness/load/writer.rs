//! One writer: it writes one number after the other, each once the one before is answered and the pace allows the next.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use super::client::Client;
use super::ledger::Ledger;
use super::read;

pub(super) async fn write(
    mut client: Box<dyn Client>,
    ledger: Arc<Mutex<Ledger>>,
    mut ticks: Interval,
    stop: watch::Receiver<bool>,
) {
    let name = read(&ledger).name().to_owned();
    // After a stall the pace stays the same; a burst to catch up would be another load than the one before.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0_u64.. {
        ticks.tick().await;
        if *stop.borrow() {
            return;
        }
        let outcome = client.write(&name, number).await;
        read(&ledger).enter(number, outcome);
    }
}
