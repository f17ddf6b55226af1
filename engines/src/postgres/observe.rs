//! LOOK. Asks all members at once, and keeps their answers word for word.

use std::sync::Arc;

use futures::future::join_all;
use tokio::time::timeout;

use super::connections::{Connections, PATIENCE, ask, failure};
use super::{Answers, MemberAnswers};
use crate::{Endpoint, ServerError};

/// All questions in one round trip. Functions that a server in recovery (or out of it) refuses are not called there.
/// The timeline of a primary is in the name of the file it writes: the control file learns it with the next checkpoint
/// only. Of the libraries that sort text one collation is enough: its version is the library's, and all would take longer than the
/// rest. Texts of queries are not asked for: they may hold anything. Nor is a standby's whole connection string: the server
/// masks the password in it at first, and shows it once its receiver has switched to another timeline (seen with 15.18;
/// `RequestXLogStreaming` writes the string anew and does not mask it).
const QUESTIONS: &str = "\
SELECT pg_is_in_recovery() AS in_recovery,
    current_setting('server_version') AS server_version,
    (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
    (SELECT timeline_id FROM pg_control_checkpoint()) AS checkpoint_timeline,
    CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_walfile_name(pg_current_wal_lsn()) END AS wal_file,
    CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_flush_lsn() END AS flush_lsn,
    CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS replay_paused,
    pg_last_wal_receive_lsn() AS receive_lsn,
    pg_last_wal_replay_lsn() AS replay_lsn,
    current_setting('synchronous_standby_names') AS synchronous_standby_names,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('cluster_name') AS cluster_name,
    current_setting('data_directory') AS data_directory,
    current_setting('fsync') AS fsync,
    current_setting('archive_mode') AS archive_mode,
    current_setting('shared_preload_libraries') AS shared_preload_libraries,
    CASE WHEN EXISTS (SELECT FROM pg_database d WHERE datallowconn AND datcollate NOT IN ('C', 'POSIX')
            AND datcollate NOT ILIKE 'C.%' AND coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') = 'c')
        THEN concat_ws(' ', substring(version() FROM 'linux-([a-z]+)'),
            (SELECT pg_collation_actual_version(oid) FROM pg_collation WHERE collprovider = 'c'
            AND collcollate NOT IN ('C', 'POSIX') AND collcollate NOT ILIKE 'C.%' ORDER BY oid LIMIT 1))
        ELSE 'unused' END AS c_library,
    CASE WHEN EXISTS (SELECT FROM pg_database d WHERE to_jsonb(d) ->> 'datlocprovider' = 'i')
        THEN coalesce((SELECT pg_collation_actual_version(oid) FROM pg_collation WHERE collprovider = 'i'
            ORDER BY oid LIMIT 1), 'unknown')
        ELSE 'unused' END AS icu_library,
    (SELECT string_agg(name, ' ' ORDER BY name) FROM pg_settings WHERE source = 'command line') AS command_line,
    (SELECT string_agg(name, ' ' ORDER BY name) FROM pg_settings WHERE pending_restart) AS pending_restart;
SELECT *, extract(epoch FROM clock_timestamp() - reply_time)::bigint AS seconds_since_reply FROM pg_stat_replication;
SELECT pid, status, receive_start_lsn, received_tli, latest_end_lsn, slot_name, sender_host, sender_port,
    substring(conninfo FROM 'application_name=''?([^'' ]*)') AS application_name FROM pg_stat_wal_receiver;
SELECT * FROM pg_replication_slots;
SELECT pid, usename, application_name, state, extract(epoch FROM clock_timestamp() - xact_start)::bigint AS seconds
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND xact_start < clock_timestamp() - interval '3 seconds' ORDER BY xact_start;
SELECT gid, database, extract(epoch FROM clock_timestamp() - prepared)::bigint AS seconds FROM pg_prepared_xacts;
SELECT pid, phase FROM pg_stat_progress_basebackup;
SELECT archived_count, failed_count, last_archived_time, last_failed_time FROM pg_stat_archiver";

/// Asks every member. A silent member does not delay the others: each has its own deadline.
pub(super) async fn observe(connections: &Connections, endpoints: &[Endpoint]) -> Vec<MemberAnswers> {
    join_all(endpoints.iter().map(|endpoint| async move {
        let answer = match timeout(PATIENCE, question(connections, endpoint)).await {
            Ok(answer) => answer.map_err(|why| why.to_string()),
            Err(_) => Err(ServerError::NoAnswer(PATIENCE).to_string()),
        };
        if answer.is_err() {
            connections.forget(endpoint).await;
        }
        MemberAnswers {
            member: endpoint.member.clone(),
            address: endpoint.address.clone(),
            kept: endpoint.kept.clone(),
            starts: Arc::clone(&endpoint.starts),
            answer,
        }
    }))
    .await
}

/// Asks one member.
pub(super) async fn question(connections: &Connections, endpoint: &Endpoint) -> Result<Answers, ServerError> {
    let client = connections.to(endpoint).await?;
    let answers = ask(&client, QUESTIONS).await.map_err(|error| failure(&error))?;
    let asked: Result<[_; 8], _> = answers.try_into();
    let [server, replication, receiver, slots, transactions, prepared, backups, archiver] =
        asked.map_err(|_| ServerError::Unreadable("it left questions open"))?;
    let server = server.into_iter().next().ok_or(ServerError::Unreadable("it says nothing of itself"))?;
    Ok(Answers { server, replication, receiver, slots, transactions, prepared, backups, archiver })
}
