//! LOOK. Hears the end of a primary's log.
//!
//! A server that stops fast lets its senders go only when each receiver has everything, the shutdown checkpoint included,
//! and then says goodbye (`WalSndDone` in `walsender.c`): the last byte heard before that *is* the end of its log. Anything
//! else, a connection that breaks, a timeout, a last record that is no shutdown, says nothing.
//!
//! The witness confirms what it has *written* and never what it has *flushed*: the server waits for the first when it
//! stops, and counts the second alone for a commit (`SyncRepGetCandidateStandbys`), even under
//! `synchronous_standby_names = '*'`. It keeps nothing, so nothing may rely on it.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use postgres_protocol::message::frontend::CopyData;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::shutdown_record::Tail;
use super::wire::Wire;
use crate::postgres::connections::PATIENCE;
use crate::postgres::lsn::Lsn;
use crate::{Credentials, DialConfig, ServerError};

/// How long a fast stop may take. Right after a checkpoint it is a matter of milliseconds; a receiver that hangs holds it
/// up for `wal_sender_timeout` (a minute), which is not worth waiting for: the witness itself is let go long before.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// Somebody listening.
pub(super) struct Witness {
    hearing: JoinHandle<Result<Lsn, ServerError>>,
}

impl Drop for Witness {
    /// Nobody waits for it any more; an open connection would only hold up the server's next stop.
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

impl Witness {
    /// Begins to listen at the present end of the log.
    pub(super) async fn listen(target: &DialConfig, credentials: &Credentials) -> Result<Self, ServerError> {
        let begun = timeout(PATIENCE, begin(target, credentials)).await;
        let (wire, tail) = begun.map_err(|_| ServerError::NoAnswer(PATIENCE))??;
        Ok(Self { hearing: tokio::spawn(listen(wire, tail)) })
    }

    /// Where the log ended, once the server has stopped; an error when that was not heard.
    pub(super) async fn last_words(mut self) -> Result<Lsn, ServerError> {
        match timeout(STOPPED_WITHIN, &mut self.hearing).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(error)) => Err(ServerError::Connection(error.to_string())),
            Err(_) => Err(ServerError::NotStopped(STOPPED_WITHIN)),
        }
    }
}

async fn begin(target: &DialConfig, credentials: &Credentials) -> Result<(Wire, Tail), ServerError> {
    let mut wire = Wire::open(target, credentials).await?;
    let here = wire.ask("IDENTIFY_SYSTEM").await?;
    let (Some(timeline), Some(start)) = (here.get(1), here.get(2).and_then(|text| Lsn::parse(text))) else {
        return Err(ServerError::Unreadable("it does not say where its log ends"));
    };
    wire.ask(&format!("START_REPLICATION PHYSICAL {start} TIMELINE {timeline}")).await?;
    Ok((wire, Tail::at(start)))
}

async fn listen(mut wire: Wire, mut tail: Tail) -> Result<Lsn, ServerError> {
    loop {
        let (tag, body) = wire.hear().await?;
        match tag {
            b'd' => {
                hear(&mut tail, body)?;
                let confirmed = confirmation(tail.end());
                wire.say(|buffer| {
                    CopyData::new(&confirmed[..])?.write(buffer);
                    Ok(())
                })
                .await?;
            }
            b'C' if tail.ends_with_shutdown() => return Ok(tail.end()),
            b'C' => return Err(ServerError::Unreadable("the log ended without the record of a shutdown")),
            _ => {}
        }
    }
}

/// A piece of the log (`w`: where it begins, the end of the log, a clock, the piece), or a sign of life (`k`).
fn hear(tail: &mut Tail, mut body: Bytes) -> Result<(), ServerError> {
    const BEFORE_PIECE: usize = 1 + 8 + 8 + 8;
    if body.first() != Some(&b'w') {
        return Ok(());
    }
    if body.remaining() < BEFORE_PIECE {
        return Err(ServerError::Unreadable("it speaks another protocol"));
    }
    let start = Lsn((&body[1..9]).get_u64());
    body.advance(BEFORE_PIECE);
    if tail.hear(start, &body) {
        Ok(())
    } else {
        Err(ServerError::Connection(format!("a piece of the log is missing before {start}")))
    }
}

/// A standby's status (`r`): written, flushed, replayed, a clock, no answer wanted.
fn confirmation(written: Lsn) -> BytesMut {
    let mut status = BytesMut::with_capacity(34);
    status.put_u8(b'r');
    status.put_u64(written.0);
    status.put_u64(0);
    status.put_u64(0);
    status.put_i64(0);
    status.put_u8(0);
    status
}

#[cfg(test)]
mod tests {
    use super::{Lsn, confirmation};

    #[test]
    fn a_commit_never_counts_on_the_witness() {
        let status = confirmation(Lsn(0x0102_0304_0506_0708));
        assert_eq!(status.len(), 34);
        assert_eq!(&status[..9], b"r\x01\x02\x03\x04\x05\x06\x07\x08");
        assert!(status[9..25].iter().all(|byte| *byte == 0), "neither flushed nor replayed");
    }
}
