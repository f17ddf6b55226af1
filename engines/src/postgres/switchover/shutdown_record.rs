//! THINK. Does a log end with the record of a shutdown? The last bytes are kept as they are received, without the headers of
//! pages, and the last record is checked (`access/xlogrecord.h`, `access/xlog_internal.h`, `catalog/pg_control.h`).

use crate::postgres::lsn::Lsn;

/// The default size of a page of the log. For a server built with another size this proof fails, and both members are asked
/// instead, which is slower.
const PAGE: u64 = 8_192;

/// Length of a page's header.
const HEADER: usize = 24;

/// Length of the header of a file's first page, which this bit in its flags tells.
const LONG_HEADER: usize = 40;
const IS_LONG: u8 = 0x02;

/// The header of a record.
const RECORD_HEADER: usize = 24;

/// A shutdown checkpoint's record has 114 bytes up to release 17; this is more than any will have.
const KEPT: usize = 512;

/// The end of a log as far as it was received.
#[derive(Debug)]
pub(super) struct LogTail {
    end: Lsn,
    /// The last bytes of records.
    bytes: Vec<u8>,
    /// What is left of a page's header to pass over.
    header: usize,
}

impl LogTail {
    /// Nothing received yet; the log will go on from there.
    pub(super) const fn at(start: Lsn) -> Self {
        Self { end: start, bytes: Vec::new(), header: 0 }
    }

    /// Where the log ends as far as it was received.
    pub(super) const fn end(&self) -> Lsn {
        self.end
    }

    /// Takes the next piece. Returns false for a piece that does not continue what was received: a gap in the log.
    pub(super) fn receive(&mut self, start: Lsn, piece: &[u8]) -> bool {
        if start != self.end {
            return false;
        }
        let mut rest = piece;
        while !rest.is_empty() {
            let into_page = self.end.0 % PAGE;
            if into_page == 0 {
                // Flags are the third and fourth byte, in the server's own order.
                let flags = rest.get(2..4).unwrap_or_default();
                self.header = if flags.iter().any(|byte| byte & IS_LONG != 0) { LONG_HEADER } else { HEADER };
            }
            let left = usize::try_from(PAGE - into_page).unwrap_or(usize::MAX).min(rest.len());
            let (page, after) = rest.split_at(left);
            let passed = self.header.min(page.len());
            self.header -= passed;
            self.bytes.extend_from_slice(&page[passed..]);
            self.bytes.drain(..self.bytes.len().saturating_sub(KEPT));
            self.end = Lsn(self.end.0 + page.len() as u64);
            rest = after;
        }
        true
    }

    /// Whether the last record is the checkpoint a server writes when it stops: resource manager 0 (`RM_XLOG_ID`), info 0
    /// (`XLOG_CHECKPOINT_SHUTDOWN`), of no transaction, and its length reaching exactly to the end.
    pub(super) fn ends_with_shutdown(&self) -> bool {
        let starts =
            (0..self.bytes.len().saturating_sub(RECORD_HEADER)).filter(|at| (self.bytes.len() - at).is_multiple_of(8));
        let mut records = starts.map(|at| &self.bytes[at..]);
        records.any(|record| {
            let number =
                |at: usize| record[at..at + 4].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            let (length, transaction) = (number(0), number(4));
            let (info, manager) = (record[16], record[17]);
            length > RECORD_HEADER
                && length.next_multiple_of(8) == record.len()
                && (transaction, info, manager) == (0, 0, 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, LogTail, Lsn, PAGE};

    /// A record as the server writes it: header, payload, filled up to eight bytes.
    fn record(transaction: u8, info: u8, manager: u8, length: u8) -> Vec<u8> {
        let mut bytes = vec![0xAA; usize::from(length).next_multiple_of(8)];
        bytes[..8].copy_from_slice(&[length, 0, 0, 0, transaction, 0, 0, 0]);
        (bytes[16], bytes[17]) = (info, manager);
        bytes
    }

    fn received(start: u64, pieces: &[&[u8]]) -> LogTail {
        let mut tail = LogTail::at(Lsn(start));
        for piece in pieces {
            let end = tail.end();
            assert!(tail.receive(end, piece));
        }
        tail
    }

    #[test]
    fn a_log_that_ends_with_the_shutdown_checkpoint_is_told_from_any_other() {
        let (insert, shutdown) = (record(7, 0, 10, 80), record(0, 0, 0, 114));
        assert!(received(64, &[&insert, &shutdown]).ends_with_shutdown());
        assert!(!received(64, &[&shutdown, &insert]).ends_with_shutdown(), "something came after");
        assert!(!received(64, &[&insert, &shutdown[..72]]).ends_with_shutdown(), "cut off");
        assert!(!received(64, &[&record(0, 0x10, 0, 114)]).ends_with_shutdown(), "an online checkpoint");
        assert!(!received(64, &[]).ends_with_shutdown());
    }

    #[test]
    fn a_record_across_two_pages_is_put_together() {
        let shutdown = record(0, 0, 0, 114);
        let (before, after) = shutdown.split_at(40);
        let mut page = vec![0xD1; HEADER];
        (page[2], page[3]) = (0, 0);
        page.extend_from_slice(after);
        let whole: Vec<u8> = before.iter().chain(&page).copied().collect();
        assert!(received(PAGE - 40, &[&whole]).ends_with_shutdown());
        assert!(received(PAGE - 40, &[before, &page]).ends_with_shutdown());
        assert_eq!(received(PAGE - 40, &[&whole]).end(), Lsn(PAGE - 40 + 120 + 24));
    }

    #[test]
    fn a_gap_in_what_is_received_is_noticed() {
        let mut tail = LogTail::at(Lsn(100));
        assert!(tail.receive(Lsn(100), &[0; 8]));
        assert!(!tail.receive(Lsn(116), &[0; 8]));
    }
}
