//! The writers' keys, chosen by hash slot so that every shard is written to.

/// Every Redis Cluster has this many hash slots.
const SLOTS: u16 = 16_384;

/// `redis-cli --cluster create` gives three masters a third each, in order.
const SHARDS: usize = 3;

/// The key of a writer: writers 0, 1, 2 have keys in the first, second and third third of the slots, and so on.
pub(super) fn key(writer: usize) -> String {
    let third = |name: &String| usize::from(slot(name.as_bytes())) * SHARDS / usize::from(SLOTS);
    (0..64)
        .map(|attempt| format!("writer-{writer}-{attempt}"))
        .find(|name| third(name) == writer % SHARDS)
        .unwrap_or_default() // one name in three fits: 64 misses do not happen, and the test below would say so
}

/// CRC16 (XMODEM) of the name; these names have no `{tag}`, so all of it counts.
fn slot(name: &[u8]) -> u16 {
    let crc = name.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            },
        )
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::{key, slot};

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot(b"123456789"), 0x31C3); // the check value of the Redis Cluster specification, below 16384
        assert_eq!(slot(b"foo"), 12_182);
    }

    #[test]
    fn three_writers_reach_three_shards() {
        let thirds: Vec<u16> = (0..3).map(|writer| slot(key(writer).as_bytes()) / 5_462).collect();
        assert_eq!(thirds, [0, 1, 2]);
    }
}
