//! What is true of every database: each law is written once, and [`databases`] has a row for each database it is tried on.

mod canary;
mod restarts;
mod silence;
mod switchovers;

/// One law, tried on one database.
macro_rules! law {
    ($file:ident::$law:ident, $database:ty) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $law() {
            super::$file::$law::<$database>().await;
        }
    };
}

/// The laws of every database.
macro_rules! every {
    ($database:ty) => {
        law!(silence::a_silent_member_is_reported_by_name_and_the_others_are_seen, $database);
        law!(restarts::restarting_every_member_in_turn_loses_no_acknowledged_write, $database);
    };
}

/// The laws of databases in which one member of a group leads.
macro_rules! led {
    ($database:ty) => {
        law!(switchovers::switchovers_under_load_lose_nothing_and_the_old_primary_follows, $database);
        law!(switchovers::a_switchover_asked_for_twice_is_made_once, $database);
        law!(switchovers::a_switchover_whose_lock_was_lost_while_it_was_prepared_moves_nothing, $database);
        law!(silence::a_silent_primary_is_reported_and_leads_on_when_it_answers_again, $database);
        law!(silence::a_switchover_to_a_silent_member_is_refused_and_changes_nothing, $database);
        law!(canary::a_canary_lives_through_switchovers_and_leaves_nothing_behind, $database);
    };
}

/// The databases.
macro_rules! databases {
    ($($name:ident = $database:ty: $($laws:ident)+;)+) => {
        $(mod $name {
            $($laws!($database);)+
        })+
    };
}

databases! {
    redis_cluster = crate::redis::Cluster: every led;
    redis_replication = crate::redis::Replication: every led;
    redis_sentinel = crate::redis::Sentinel: every led;
    postgres = crate::postgres::Servers: every led;
    mongodb = crate::mongodb::Servers: every led;
    couchdb = crate::couchdb::Nodes: every;
}
