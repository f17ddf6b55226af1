//! Which node has a copy of which shard (manual, "Shard Management").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The shard map of one database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ShardMap {
    /// The newer one wins; odd while the database is there.
    pub(crate) generation: u64,
    /// How many copies each shard is to have.
    pub(crate) n: usize,
    /// The nodes of each range.
    pub(crate) by_range: BTreeMap<String, Vec<String>>,
}

impl ShardMap {
    /// That of a new database: `q` ranges of equal size, the copies of each on the next `n` nodes in turn.
    pub(crate) fn new(generation: u64, q: usize, n: usize, nodes: &[String]) -> Self {
        let n = n.min(nodes.len());
        let size = (1_u64 << 32) / q as u64;
        let range = |index: usize| {
            let first = size * index as u64;
            let last = if index + 1 == q { u64::from(u32::MAX) } else { first + size - 1 };
            let copies = (0..n).map(|copy| nodes[(index + copy) % nodes.len()].clone()).collect();
            (format!("{first:08x}-{last:08x}"), copies)
        };
        Self { generation, n, by_range: (0..q).map(range).collect() }
    }

    /// Whether the database is there.
    pub(crate) const fn is_there(&self) -> bool {
        self.generation % 2 == 1
    }

    /// The quorum of its copies: half of them plus one (manual, "Theory").
    pub(crate) const fn quorum(&self) -> usize {
        self.n / 2 + 1
    }

    /// The range of a document, and the nodes that hold it.
    pub(crate) fn of(&self, id: &str) -> Option<(&String, &Vec<String>)> {
        let hash = crc32(id.as_bytes());
        self.by_range.iter().find(|(range, _)| {
            let ends = range
                .split_once('-')
                .map(|(first, last)| (u32::from_str_radix(first, 16), u32::from_str_radix(last, 16)));
            matches!(ends, Some((Ok(first), Ok(last))) if (first..=last).contains(&hash))
        })
    }

    /// As the document of the `_dbs` database shows it.
    pub(crate) fn shown(&self, database: &str) -> Value {
        let mut by_node: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
        for (range, nodes) in &self.by_range {
            for node in nodes {
                by_node.entry(node).or_default().push(range);
            }
        }
        let rev = format!("{}-{:032x}", self.generation, self.by_range.len());
        json!({"_id": database, "_rev": rev, "by_node": by_node, "by_range": self.by_range})
    }
}

/// The hash CouchDB finds a document's shard by.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xEDB8_8320 })
    })
}

#[cfg(test)]
mod tests {
    use super::{ShardMap, crc32};

    #[test]
    fn every_document_is_in_one_shard_with_as_many_copies_as_asked_for() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926, "the check value of CRC-32");
        let nodes: Vec<String> = (0..5).map(|node| format!("couchdb@{node}")).collect();
        let map = ShardMap::new(1, 4, 3, &nodes);
        assert_eq!(map.by_range.keys().next().map(String::as_str), Some("00000000-3fffffff"));
        for id in ["joan", "robert", ""] {
            assert_eq!(map.of(id).map(|(_, nodes)| nodes.len()), Some(3), "{id}");
        }
        assert_eq!((map.quorum(), ShardMap::new(1, 1, 9, &nodes).n), (2, 5));
    }
}
