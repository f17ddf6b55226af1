//! TOUCH. Drops the replication slots that a switchover has made and through which no member reads any more: a server keeps its log
//! for each of them until its disk is full.
//!
//! A slot is made under the name that a member has in its settings, so the name does not tell who made it. A file in the slot's own
//! directory does: the server removes it with the slot, and a base backup copies none of them (manual, `pg_basebackup`).

use futures::future::join_all;

use crate::Endpoint;
use crate::postgres::answers::{TextRow, text};
use crate::postgres::connections::{Connections, PATIENCE, literal};

/// The file in the directory of a slot of ours.
const MARK: &str = "kubectl_stateful";

/// The order that marks a slot as ours.
pub(super) fn mark(data_directory: &str, slot: &str) -> String {
    format!("COPY (SELECT 1) TO{}", literal(&format!("{data_directory}/pg_replslot/{slot}/{MARK}")))
}

/// What a member is, and which slots of ours it has that no server reads through.
fn question() -> String {
    format!(
        "SELECT pg_is_in_recovery()::text AS standby, \
         EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')::text AS streams; \
         SELECT slot_name FROM pg_replication_slots WHERE {}",
        is_unused_and_ours()
    )
}

fn is_unused_and_ours() -> String {
    format!(
        "slot_type = 'physical' AND NOT active AND NOT temporary \
         AND (pg_stat_file('pg_replslot/' || slot_name || '/{MARK}', true)).size IS NOT NULL"
    )
}

/// A member's answer.
struct Reader {
    leads: bool,
    streams: bool,
    unused: Vec<String>,
}

impl Reader {
    fn of(answers: &[Vec<TextRow>]) -> Option<Self> {
        let [own, unused] = answers else { return None };
        let own = own.first()?;
        Some(Self {
            leads: text(own, "standby")? == "false",
            streams: text(own, "streams")? == "true",
            unused: unused.iter().filter_map(|row| text(row, "slot_name").map(ToOwned::to_owned)).collect(),
        })
    }
}

/// Drops those on standbys once the group is whole: every declared member answers, one leads, and all others receive its log. One on the
/// primary stays: a member that is only scaled away for the night reads through it when it is back. Returns what was done.
pub(in crate::postgres) async fn drop_unused(connections: &Connections, endpoints: &[Endpoint]) -> Vec<String> {
    let question = question();
    let asked = join_all(endpoints.iter().map(|endpoint| connections.ask(endpoint, &question, PATIENCE))).await;
    let readers: Option<Vec<Reader>> = asked.iter().map(|answers| Reader::of(answers.as_ref().ok()?)).collect();
    let Some(readers) = readers else { return Vec::new() };
    let mut notes = Vec::new();
    for (index, slot) in droppable(&readers) {
        let endpoint = &endpoints[index];
        let order = format!(
            "SELECT pg_drop_replication_slot(slot_name)::text FROM pg_replication_slots WHERE slot_name = {} AND {}",
            literal(slot),
            is_unused_and_ours()
        );
        let member = &endpoint.member;
        notes.push(match connections.ask(endpoint, &order, PATIENCE).await {
            Ok(_) => format!("replication slot {slot} of {member}, which a switchover had made, is dropped: no member reads through it"),
            Err(why) => format!("replication slot {slot} of {member}, which a switchover had made, may still hold its log: {why}"),
        });
    }
    notes
}

/// The slots that may be dropped, each with the place of its server.
fn droppable(readers: &[Reader]) -> Vec<(usize, &str)> {
    let leaders = readers.iter().filter(|reader| reader.leads).count();
    let is_whole = leaders == 1 && readers.iter().all(|reader| reader.leads || reader.streams);
    let standbys = readers.iter().enumerate().filter(|(_, reader)| is_whole && !reader.leads);
    standbys.flat_map(|(index, reader)| reader.unused.iter().map(move |slot| (index, slot.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Reader, droppable};

    fn reader(leads: bool, streams: bool, unused: &[&str]) -> Reader {
        Reader { leads, streams, unused: unused.iter().map(|&slot| slot.to_owned()).collect() }
    }

    #[test]
    fn slots_of_standbys_go_once_the_group_is_whole_and_those_of_the_primary_stay() {
        let old = || reader(false, true, &["pg_1", "pg_2"]);
        let third = || reader(false, true, &[]);
        let new = reader(true, false, &["pg_0", "pg_3"]);
        let all = [old(), new, third()];
        assert_eq!(droppable(&all), [(0, "pg_1"), (0, "pg_2")], "who is away may come back and read from the primary");
        assert!(droppable(&[old(), third()]).is_empty(), "none leads");
        let leads = |streams| [reader(true, false, &["pg_3"]), reader(false, streams, &["pg_1"])];
        assert!(droppable(&leads(false)).is_empty(), "one is not back yet");
        assert_eq!(droppable(&leads(true)), [(1, "pg_1")]);
    }
}
