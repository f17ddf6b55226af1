//! One writer: a number after another, each as soon as the one before has an answer and its turn has come.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::driver::Link;
use super::key::Ledger;
use super::read;
use crate::company::pace;

pub(super) async fn write(mut link: Link, ledger: Arc<Mutex<Ledger>>, stop: watch::Receiver<bool>) {
    let name = read(&ledger).name().to_owned();
    let mut turns = interval(pace());
    // After a stall the pace goes on; a burst to catch up would be another load than the one before.
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0_u64.. {
        turns.tick().await;
        if *stop.borrow() {
            return;
        }
        let answer = link.write(&name, number).await;
        read(&ledger).enter(number, answer);
    }
}
