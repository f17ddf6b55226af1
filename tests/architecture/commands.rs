//! What is sent to a Redis server, and from where.

use crate::source::files;

/// Questions; all code of the adapter may ask them.
const QUESTIONS: &[&str] = &[
    "INFO",
    "CLUSTER INFO",
    "CLUSTER NODES",
    "CLUSTER SHARDS",
    "CLUSTER KEYSLOT",
    "CLIENT LIST",
    "CONFIG GET",
    "ROLE",
    "PING",
    "SENTINEL MASTER",
    "SENTINEL MASTERS",
    "SENTINEL REPLICAS",
    "SENTINEL GET-MASTER-ADDR-BY-NAME",
];

/// The canary's own keys.
const CANARY: &[&str] = &["HSET", "HKEYS", "EXPIRE", "UNLINK"];

/// What moves a primary: the order itself, and what makes it lossless and undoes its own preparations.
const HAND_OVER: &[&str] = &[
    "CLUSTER FAILOVER",
    "FAILOVER TO",
    "SENTINEL FAILOVER",
    "SENTINEL CKQUORUM",
    "CLIENT PAUSE",
    "CLIENT UNPAUSE",
    "CLIENT KILL",
    "CONFIG SET",
    "CONFIG REWRITE",
    "REPLICAOF",
    "SENTINEL SET",
];

/// Words that promise a switchover and lose writes, or writes themselves.
const NEVER: &[&str] = &["FORCE", "TAKEOVER", "FLUSHALL", "FLUSHDB", "RESET", "SHUTDOWN", "DEBUG"];

/// Every command in a text, with the first word of its arguments where that is one.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for call in ["cmd(\"", ".cmd(\""] {
        for (at, _) in text.match_indices(call) {
            if call.starts_with('c') && text[..at].ends_with('.') {
                continue; // found by the other spelling
            }
            let rest = &text[at + call.len()..];
            let Some((name, after)) = rest.split_once('"') else { continue };
            let word = after.strip_prefix(").arg(\"").and_then(|after| after.split_once('"')).map(|(word, _)| word);
            found.push(word.map_or_else(|| name.to_owned(), |word| format!("{name} {word}")));
        }
    }
    found
}

#[test]
fn only_switchover_and_the_canary_say_anything_but_questions() {
    for file in files("engines/src/redis") {
        for command in commands(&file.joined()) {
            let asks = QUESTIONS.contains(&command.as_str());
            let canary = file.is_in("engines/src/redis/canary/") && CANARY.contains(&command.as_str());
            let moves = file.is_in("engines/src/redis/switchover/") && HAND_OVER.contains(&command.as_str());
            assert!(asks || canary || moves, "{} sends {command}", file.path);
        }
    }
}

/// What changes a CouchDB, beside the questions (`GET`) that all code of the adapter may ask.
const CHANGES: &[&str] = &["Method::PUT", "Method::DELETE", "Method::POST", "Method::PATCH"];

#[test]
fn only_switchover_and_the_canary_send_a_couchdb_anything_but_questions() {
    let may = ["engines/src/couchdb/switchover/", "engines/src/couchdb/canary/"];
    let changing: Vec<String> = files("engines/src/couchdb")
        .into_iter()
        .filter(|file| CHANGES.iter().any(|change| file.joined().contains(change)))
        .map(|file| file.path)
        .collect();
    assert_eq!(changing, ["engines/src/couchdb/canary/database.rs", "engines/src/couchdb/switchover/mod.rs"]);
    assert!(changing.iter().all(|path| may.iter().any(|folder| path.starts_with(folder))));
    // The settings it changes are two, and neither is to outlive the process.
    let joined = files("engines/src/couchdb/switchover").remove(0).joined();
    assert_eq!(joined.matches("/_node/_local/_config/").count(), 2, "{joined}");
    assert!(joined.contains("connection.ask(method, path, UNTIL_RESTARTED, body)"), "{joined}");
}

#[test]
fn the_words_that_lose_writes_are_nowhere() {
    for file in files("engines/src") {
        for word in NEVER {
            assert!(!file.joined().contains(&format!("\"{word}\"")), "{} knows {word}", file.path);
        }
    }
}

#[test]
fn the_scan_sees_what_is_sent() {
    let found = commands(r#"query(&mut link, cmd("CLUSTER").arg("NODES"));pipe().cmd("HKEYS").arg(&key)"#);
    assert_eq!(found, ["CLUSTER NODES", "HKEYS"]);
    let all: Vec<String> = files("engines/src/redis").iter().flat_map(|file| commands(&file.joined())).collect();
    assert!(all.contains(&"CLUSTER FAILOVER".to_owned()), "{all:?}");
}
