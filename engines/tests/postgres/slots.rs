//! Replication slots: those that a switchover makes are gone once no member reads through them, and a user's stay.

use crate::common::database::Database;
use crate::common::turns::Measures;
use crate::postgres::servers::{SERVERS, Servers, name};

const SLOTS: &str = "SELECT coalesce(string_agg(slot_name, ' ' ORDER BY slot_name), '') FROM pg_replication_slots";

/// The slots of each server, in order.
async fn slots(servers: &Servers) -> Vec<String> {
    let mut slots = Vec::new();
    for number in 0..SERVERS {
        slots.push(servers.value(number, SLOTS).await.expect("a text"));
    }
    slots
}

/// What is removed at the good end of an operation.
async fn removed(servers: &Servers) -> Vec<String> {
    servers.adapter().switchover().expect("it switches over").remove_unused(&servers.endpoints()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_a_switchover_made_is_dropped_once_no_member_reads_through_it_and_a_users_is_not() {
    let servers = Servers::start(Measures::Nothing).await;
    for number in 0..SERVERS {
        let made = format!("SELECT pg_create_physical_replication_slot('slot_{number}', true)");
        servers.run_sql(0, &made).await;
        servers.run_sql(number, &format!("ALTER SYSTEM SET primary_slot_name = 'slot_{number}'")).await;
        servers.run_sql(number, "SELECT pg_reload_conf()").await;
    }
    assert_eq!(servers.leader().await, 0, "both standbys read through their slots");
    // A user's on the server that will lead next, under the name of a member's.
    servers.run_sql(1, "SELECT pg_create_physical_replication_slot('slot_2', true)").await;
    assert_eq!(slots(&servers).await, ["slot_0 slot_1 slot_2", "slot_2", ""]);

    servers.switch_over(&name(0), &name(1)).await.expect("a switchover");
    assert_eq!(servers.leader().await, 1);
    assert_eq!(removed(&servers).await, Vec::<String>::new(), "both standbys read through what it made");
    assert_eq!(slots(&servers).await, ["slot_0 slot_1 slot_2", "slot_0 slot_2", ""], "pg-0's are its user's");

    servers.switch_over(&name(1), &name(2)).await.expect("a switchover");
    assert_eq!(servers.leader().await, 2);
    let notes = removed(&servers).await;
    assert!(matches!(&notes[..], [note] if note.contains("replication slot slot_0 of pg-1")), "{notes:?}");
    assert_eq!(slots(&servers).await, ["slot_0 slot_1 slot_2", "slot_2", "slot_0 slot_1"], "and pg-1's is its user's");
    assert_eq!(removed(&servers).await, Vec::<String>::new());
}
