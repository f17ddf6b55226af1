//! LOOK. Receives the end of a primary's log.
//!
//! A server in a fast stop ends its WAL senders only when each receiver has everything, the shutdown checkpoint included, and then
//! closes the stream in order (`WalSndDone` in `walsender.c`): the last byte received before that *is* the end of its log. Anything
//! else, a connection that breaks, a timeout, a last record that is not a shutdown, proves nothing.
//!
//! This receiver confirms what it has *written* and never what it has *flushed*: the server waits for the first when it
//! stops, and counts the second alone for a commit (`SyncRepGetCandidateStandbys`), even under
//! `synchronous_standby_names = '*'`. It stores nothing, so no commit may rely on it.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use postgres_protocol::message::frontend::CopyData;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::shutdown_record::LogTail;
use super::wire::Wire;
use crate::postgres::connections::PATIENCE;
use crate::postgres::lsn::Lsn;
use crate::{Credentials, DialConfig, ServerError};

/// How long a fast stop may take. Right after a checkpoint it is a matter of milliseconds; a receiver that hangs holds it
/// up for `wal_sender_timeout` (a minute), which is not worth waiting for: this receiver itself is disconnected long before.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// A replication connection that receives a primary's log until the server stops.
pub(super) struct WalReceiver {
    task: JoinHandle<Result<Lsn, ServerError>>,
}

impl Drop for WalReceiver {
    /// Closes the connection: left open, it would delay the server's next stop.
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl WalReceiver {
    /// Begins to receive at the present end of the log.
    pub(super) async fn start(target: &DialConfig, credentials: &Credentials) -> Result<Self, ServerError> {
        let begun = timeout(PATIENCE, begin(target, credentials)).await;
        let (wire, tail) = begun.map_err(|_| ServerError::NoAnswer(PATIENCE))??;
        Ok(Self { task: tokio::spawn(receive_to_end(wire, tail)) })
    }

    /// Where the log ended, once the server has stopped; an error when the end was not received.
    pub(super) async fn end_of_log(mut self) -> Result<Lsn, ServerError> {
        match timeout(STOPPED_WITHIN, &mut self.task).await {
            Ok(Ok(received)) => received,
            Ok(Err(error)) => Err(ServerError::Connection(error.to_string())),
            Err(_) => Err(ServerError::NotStopped(STOPPED_WITHIN)),
        }
    }
}

async fn begin(target: &DialConfig, credentials: &Credentials) -> Result<(Wire, LogTail), ServerError> {
    let mut wire = Wire::open(target, credentials).await?;
    let here = wire.ask("IDENTIFY_SYSTEM").await?;
    let (Some(timeline), Some(start)) = (here.get(1), here.get(2).and_then(|text| Lsn::parse(text))) else {
        return Err(ServerError::Unreadable("it does not say where its log ends"));
    };
    wire.ask(&format!("START_REPLICATION PHYSICAL {start} TIMELINE {timeline}")).await?;
    Ok((wire, LogTail::at(start)))
}

async fn receive_to_end(mut wire: Wire, mut tail: LogTail) -> Result<Lsn, ServerError> {
    loop {
        let (tag, body) = wire.receive().await?;
        match tag {
            b'd' => {
                receive(&mut tail, body)?;
                let confirmed = confirmation(tail.end());
                wire.send(|buffer| {
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
fn receive(tail: &mut LogTail, mut body: Bytes) -> Result<(), ServerError> {
    const BEFORE_PIECE: usize = 1 + 8 + 8 + 8;
    if body.first() != Some(&b'w') {
        return Ok(());
    }
    if body.remaining() < BEFORE_PIECE {
        return Err(ServerError::Unreadable("it speaks another protocol"));
    }
    let start = Lsn((&body[1..9]).get_u64());
    body.advance(BEFORE_PIECE);
    if tail.receive(start, &body) {
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
    fn a_commit_never_counts_on_this_receiver() {
        let status = confirmation(Lsn(0x0102_0304_0506_0708));
        assert_eq!(status.len(), 34);
        assert_eq!(&status[..9], b"r\x01\x02\x03\x04\x05\x06\x07\x08");
        assert!(status[9..25].iter().all(|byte| *byte == 0), "neither flushed nor replayed");
    }
}
