//! Laws of the load that other laws rely on: its ledger notices what it is there to notice.

mod mongodb;
mod postgres;

use std::time::Duration;

use anyhow::Result;
use stateful_harness::{Endpoint, Group, Load, law, note, nothing_failed};

/// Long enough for a thousand writes of each writer.
const A_WHILE: Duration = Duration::from_secs(10);

/// The load's writers.
const WRITERS: usize = 8;

pub(crate) fn groups() -> Vec<Group> {
    vec![
        Group::new("load-postgres", [law!(postgres::the_ledger_notices_a_crash_and_names_what_is_lost)]),
        Group::new(
            "load-mongodb",
            [
                law!(mongodb::the_ledger_notices_a_crash_and_names_what_is_lost),
                law!(mongodb::a_set_that_accepts_only_encrypted_connections_is_written_to),
            ],
        ),
    ]
}

/// While nothing happens, no write fails.
async fn expect_clean(endpoint: &Endpoint) -> Result<()> {
    let load = Load::start(endpoint).await?;
    tokio::time::sleep(A_WHILE).await; // this is the time in which nothing happens
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("nothing happens: {during:?}");
    nothing_failed(&during, &audit)
}
