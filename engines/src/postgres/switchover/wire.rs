//! The few messages of the replication protocol that the WAL receiver needs (manual, "Frontend/Backend Protocol"): the driver
//! the rest of this adapter uses does not speak it.

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::postgres::connections::{SUPERUSER, reach};
use crate::postgres::tls::encrypt;
use crate::{Credentials, DialConfig, Secret, ServerError};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A replication connection.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    unread: BytesMut,
}

/// A message: its tag and its body.
pub(super) type Message = (u8, Bytes);

/// What an `R` message asks for (manual, "Message Formats", Authentication…).
mod ask {
    pub(super) const OK: i32 = 0;
    pub(super) const CLEARTEXT: i32 = 3;
    pub(super) const MD5: i32 = 5;
    pub(super) const SASL: i32 = 10;
    pub(super) const SASL_CONTINUE: i32 = 11;
    pub(super) const SASL_FINAL: i32 = 12;
}

impl Wire {
    /// Opens a connection with these credentials, and waits until the server is ready. `wal_sender_timeout` is for this connection
    /// alone: if this process falls silent, the server's stop does not wait for it any longer than that.
    pub(super) async fn open(target: &DialConfig, credentials: &Credentials) -> Result<Self, ServerError> {
        let mut plain = reach(target).await?;
        let stream: Box<dyn Stream> = match &target.tls {
            None => Box::new(plain),
            Some(tls) => {
                let mut request = BytesMut::new();
                frontend::ssl_request(&mut request);
                plain.write_all(&request).await.map_err(|error| ServerError::Connection(error.to_string()))?;
                if plain.read_u8().await.map_err(|error| ServerError::Connection(error.to_string()))? != b'S' {
                    return Err(ServerError::Unreadable("it does not speak TLS"));
                }
                Box::new(encrypt(tls, plain).await.map_err(|error| ServerError::Connection(error.to_string()))?)
            }
        };
        let mut wire = Self { stream, unread: BytesMut::new() };
        let user = credentials.username.as_deref().unwrap_or(SUPERUSER);
        let parameters = [
            ("user", user),
            ("replication", "true"),
            ("application_name", "kubectl_stateful_witness"),
            ("options", "-c wal_sender_timeout=5s"),
        ];
        wire.send(|buffer| frontend::startup_message(parameters, buffer)).await?;
        wire.authenticate(user, credentials.password.as_ref(), target.tls.is_some()).await?;
        while wire.receive().await?.0 != b'Z' {}
        Ok(wire)
    }

    /// Logs in: with SCRAM over any connection, with methods that send a readable password only under TLS.
    async fn authenticate(
        &mut self,
        user: &str,
        password: Option<&Secret>,
        encrypted: bool,
    ) -> Result<(), ServerError> {
        let password = || {
            password
                .map(|password| password.reveal().as_bytes())
                .ok_or(ServerError::Unreadable("it asks for a password"))
        };
        let insecure = || Err(ServerError::Unreadable("it asks for a readable password over a connection without TLS"));
        let mut scram: Option<ScramSha256> = None;
        loop {
            let (tag, mut body) = self.receive().await?;
            if tag != b'R' {
                continue; // notices
            }
            if body.remaining() < 4 {
                return Err(ServerError::Unreadable("it speaks another protocol"));
            }
            match (body.get_i32(), &mut scram) {
                (ask::OK, _) => return Ok(()),
                (ask::CLEARTEXT | ask::MD5, _) if !encrypted => return insecure(),
                (ask::CLEARTEXT, _) => {
                    let password = password()?;
                    self.send(|buffer| frontend::password_message(password, buffer)).await?;
                }
                (ask::MD5, _) => {
                    let salt =
                        <[u8; 4]>::try_from(&body[..]).map_err(|_| ServerError::Unreadable("it sends no salt"))?;
                    let hash = md5_hash(user.as_bytes(), password()?, salt);
                    self.send(|buffer| frontend::password_message(hash.as_bytes(), buffer)).await?;
                }
                (ask::SASL, _) if body.split(|byte| *byte == 0).any(|name| name == SCRAM_SHA_256.as_bytes()) => {
                    let begun = scram.insert(ScramSha256::new(password()?, ChannelBinding::unsupported()));
                    let first = begun.message().to_vec();
                    self.send(|buffer| frontend::sasl_initial_response(SCRAM_SHA_256, &first, buffer)).await?;
                }
                (ask::SASL_CONTINUE, Some(scram)) => {
                    scram.update(&body).map_err(|error| ServerError::Connection(error.to_string()))?;
                    let second = scram.message().to_vec();
                    self.send(|buffer| frontend::sasl_response(&second, buffer)).await?;
                }
                (ask::SASL_FINAL, Some(scram)) => {
                    scram.finish(&body).map_err(|error| ServerError::Connection(error.to_string()))?;
                }
                _ => {
                    return Err(ServerError::Unreadable(
                        "it asks for an authentication method that this tool does not know",
                    ));
                }
            }
        }
    }

    /// Sends a command, and returns the columns of the answer's row, empty where there is none. With `START_REPLICATION` the server
    /// switches to sending the log instead, and this returns as soon as it has.
    pub(super) async fn ask(&mut self, question: &str) -> Result<Vec<String>, ServerError> {
        self.send(|buffer| frontend::query(question, buffer)).await?;
        let mut row = Vec::new();
        loop {
            match self.receive().await? {
                (b'D', body) => row = columns(body),
                (b'Z' | b'W', _) => return Ok(row),
                _ => {}
            }
        }
    }

    /// Sends a message.
    pub(super) async fn send(
        &mut self,
        message: impl FnOnce(&mut BytesMut) -> std::io::Result<()>,
    ) -> Result<(), ServerError> {
        let mut buffer = BytesMut::new();
        message(&mut buffer).map_err(|error| ServerError::Connection(error.to_string()))?;
        self.stream.write_all(&buffer).await.map_err(|error| ServerError::Connection(error.to_string()))?;
        self.stream.flush().await.map_err(|error| ServerError::Connection(error.to_string()))
    }

    /// Receives the next message. An error of the server and a connection that ends are errors.
    pub(super) async fn receive(&mut self) -> Result<Message, ServerError> {
        loop {
            if let Some((tag, body)) = self.whole()? {
                return if tag == b'E' { Err(ServerError::Refused(error_text(&body))) } else { Ok((tag, body)) };
            }
            let read = self
                .stream
                .read_buf(&mut self.unread)
                .await
                .map_err(|error| ServerError::Connection(error.to_string()))?;
            if read == 0 {
                return Err(ServerError::Connection("the connection ended".to_owned()));
            }
        }
    }

    /// A whole message, if that much has come: a tag, a length that counts itself, a body.
    fn whole(&mut self) -> Result<Option<Message>, ServerError> {
        let Some(length) = self.unread.get(1..5).and_then(|length| <[u8; 4]>::try_from(length).ok()) else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(length) as usize;
        if length < 4 {
            return Err(ServerError::Unreadable("it speaks another protocol"));
        }
        if self.unread.len() < length + 1 {
            self.unread.reserve(length + 1 - self.unread.len());
            return Ok(None);
        }
        let mut message = self.unread.split_to(length + 1).freeze();
        let tag = message.get_u8();
        message.advance(4);
        Ok(Some((tag, message)))
    }
}

fn columns(mut body: Bytes) -> Vec<String> {
    let mut found = Vec::new();
    if body.remaining() < 2 {
        return found;
    }
    for _ in 0..body.get_u16() {
        if body.remaining() < 4 {
            break;
        }
        let length = usize::try_from(body.get_i32()).unwrap_or(0).min(body.remaining()); // -1 is NULL
        found.push(String::from_utf8_lossy(&body.split_to(length)).into_owned());
    }
    found
}

/// The sentence in a server's error: the field `M`, with its code, `C`.
fn error_text(body: &[u8]) -> String {
    let field = |tag: u8| {
        let field = body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[tag]));
        field.map(String::from_utf8_lossy).unwrap_or_default()
    };
    format!("{} ({})", field(b'M'), field(b'C'))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{columns, error_text};

    #[test]
    fn a_row_and_a_complaint_are_read_as_they_are_sent() {
        let row = Bytes::from_static(b"\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\x02bc");
        assert_eq!(columns(row), ["a", "", "bc"]);
        assert_eq!(columns(Bytes::from_static(b"\0\x02\0\0\0\x09x")), ["x"], "cut off");
        assert_eq!(error_text(b"SFATAL\0C28000\0Mno pg_hba.conf entry\0\0"), "no pg_hba.conf entry (28000)");
    }
}
