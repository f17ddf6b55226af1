//! Conditions of a PostgreSQL under which something may not be done.

use stateful_safety::{Blocks, Effect, Passes};

use crate::condition::{
    Condition, NO_PRIMARY, ROLE_DECIDED_AT_START, ROLE_DECIDED_ELSEWHERE,
    SEVERAL_PRIMARIES as SEVERAL_PRIMARIES_OF_ANY, START_NOT_KNOWN, START_NOT_READ,
};

/// The table.
pub const CONDITIONS: &[&Condition] = &[
    &STRANGER,
    &SEVERAL_PRIMARIES,
    &SEVERAL_PRIMARIES_UNDER_PATRONI,
    &NO_PRIMARY,
    &ROLE_DECIDED_AT_START,
    &ROLE_DECIDED_ELSEWHERE,
    &START_NOT_KNOWN,
    &START_NOT_READ,
    &ENTRYPOINT_FORGETS,
    &TRANSACTION_OPEN,
    &TRANSACTION_PREPARED,
    &BACKUP_RUNNING,
    &SLOT_LOST,
    &SLOT_NOT_CARRIED,
    &REPLAY_PAUSED,
    &MANAGED_BY_OTHER,
    &SORTS_DIFFERENTLY,
    &SEVERAL_SORT_DIFFERENTLY,
];

/// A standby of the primary that is no pod of this workload.
pub const STRANGER: Condition = Condition {
    code: "STF-DB-017",
    effect: Effect::new(Blocks::Everything, Passes::Never).and_finishing(),
    text: "the database lists {who}, which is no pod of this workload",
    next_step: "it is a standby that another workload runs: stop it for the duration",
    example: &[("who", "archive at 10.0.0.9")],
};

/// An image whose own entrypoint is known to give a member another role than the one it had.
pub const ENTRYPOINT_FORGETS: Condition = Condition {
    code: "STF-DB-020",
    effect: Effect::new(Blocks::Switchover, Passes::Never),
    text: "a restart changes a member's role: the entrypoint of {image} {what}",
    next_step: "run an image that leaves it alone (postgres does), or let a high-availability manager decide (Patroni)",
    example: &[("image", "bitnami/postgresql:17"), ("what", "removes standby.signal at every start")],
};

/// No server settles it.
pub const SEVERAL_PRIMARIES: Condition = Condition {
    example: &[
        ("group", "main"),
        ("primaries", "2"),
        ("each", "postgres-0 on timeline 1 at 0/5000148, postgres-1 on timeline 2 at 0/50003F8"),
        (
            "newest",
            "they have diverged: each has written to a timeline of its own, none has what the others wrote there, and the \
             positions do not tell whose rows are the newest",
        ),
        ("logs", "kubectl logs postgres-0{flags}, kubectl logs postgres-1{flags}"),
    ],
    ..SEVERAL_PRIMARIES_OF_ANY
};

/// Patroni stops the one that does not hold its leader key, within its `ttl`.
pub const SEVERAL_PRIMARIES_UNDER_PATRONI: Condition = Condition {
    effect: Effect::new(Blocks::Everything, Passes::ByItself).and_finishing(),
    next_step: "Patroni stops the one that does not hold its leader key: kubectl stateful status {target} --watch; if both \
                stay, stop the clients' writes and see why ({logs}); save what only one of them has before Patroni rewinds it",
    ..SEVERAL_PRIMARIES
};

/// A transaction has been open for long: a switchover would end it, and its client would have to begin anew.
pub const TRANSACTION_OPEN: Condition = Condition {
    code: "STF-PG-001",
    effect: Effect::new(Blocks::Switchover, Passes::ByItself),
    text: "a transaction has been open for {seconds} s on {member} (process {process}); a switchover ends it",
    next_step: "wait for it, or end it: SELECT pg_terminate_backend({process})",
    example: &[("member", "postgres-0"), ("process", "4711"), ("seconds", "42")],
};

/// A transaction waits for the second phase of its commit; its coordinator counts on finding it there.
pub const TRANSACTION_PREPARED: Condition = Condition {
    code: "STF-PG-002",
    effect: Effect::new(Blocks::Switchover, Passes::ByItself),
    text: "transaction {transaction} is prepared on {member} and waits for its commit",
    next_step: "end it: COMMIT PREPARED '{transaction}' or ROLLBACK PREPARED '{transaction}'",
    example: &[("member", "postgres-0"), ("transaction", "order-17")],
};

/// A base backup reads from this member and would break off with it.
pub const BACKUP_RUNNING: Condition = Condition {
    code: "STF-PG-003",
    effect: Effect::new(Blocks::SwitchoverAndItsMember, Passes::ByItself),
    text: "a base backup runs on {member} ({phase})",
    next_step: "wait for it to end: kubectl stateful status {target} --watch",
    example: &[("member", "postgres-1"), ("phase", "streaming database files")],
};

/// A replication slot's log is gone or about to go: its reader cannot follow.
pub const SLOT_LOST: Condition = Condition {
    code: "STF-PG-004",
    effect: Effect::new(Blocks::Everything, Passes::Never),
    text: "replication slot {slot} of {member} is {status}: its reader cannot follow",
    next_step: "if its reader is gone for good: SELECT pg_drop_replication_slot('{slot}'); else build it anew",
    example: &[("member", "postgres-0"), ("slot", "postgres_2"), ("status", "lost")],
};

/// A logical slot that exists on the primary alone: its reader would have nothing to go on from after a switchover.
pub const SLOT_NOT_CARRIED: Condition = Condition {
    code: "STF-PG-005",
    effect: Effect::new(Blocks::Switchover, Passes::Never),
    text: "logical slot {slot} is on {member} alone: its reader could not go on after a switchover",
    next_step: "let the standbys keep a copy (17 and newer: failover = true, sync_replication_slots = on), or end the \
                subscription for the duration",
    example: &[("member", "postgres-0"), ("slot", "search")],
};

/// Replay is paused on a standby: it could not be promoted.
pub const REPLAY_PAUSED: Condition = Condition {
    code: "STF-PG-006",
    effect: Effect::new(Blocks::Switchover, Passes::Never).and_finishing(),
    text: "{member} has its replay paused and could not take over",
    next_step: "on that standby: SELECT pg_wal_replay_resume()",
    example: &[("member", "postgres-1")],
};

/// A manager that this adapter cannot ask decides which member is the primary, and would take a switchover for a failure.
pub const MANAGED_BY_OTHER: Condition = Condition {
    code: "STF-PG-007",
    effect: Effect::new(Blocks::Switchover, Passes::Never).and_finishing(),
    text: "{by} decides which member is the primary, as {member} shows",
    next_step: "let {by} move it ({command})",
    example: &[("member", "postgres-0"), ("by", "repmgr"), ("command", "repmgr standby switchover")],
};

/// A standby's system sorts text by another release of the library than the primary's: `PostgreSQL` relies on the order that its indexes
/// were built with, and as a primary it would miss rows and accept duplicates (manual, "ALTER COLLATION", Notes). Images of one release
/// have moved to another system before (docker-library/postgres#1356). The next member stays as it is; this one may go back.
pub const SORTS_DIFFERENTLY: Condition = Condition {
    code: "STF-PG-012",
    effect: Effect::new(Blocks::AllButItsMember, Passes::Never),
    text: "{member} sorts text with {library} {version}, the primary with {before}: with indexes that the other has sorted, {member} \
           would miss rows and accept duplicates as a primary",
    next_step: "go back to the image of before: kubectl stateful rollback {target}; then take one whose system has the same \
                one (the tags with the system's name, as 15-bookworm), or move by a dump or logical replication",
    example: &[("member", "postgres-2"), ("library", "the C library"), ("version", "gnu 2.41"), ("before", "gnu 2.36")],
};

/// The same of several standbys: each of them may go back.
pub const SEVERAL_SORT_DIFFERENTLY: Condition =
    Condition { effect: Effect::new(Blocks::Switchover, Passes::Never), ..SORTS_DIFFERENTLY };
