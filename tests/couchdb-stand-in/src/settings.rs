//! What a node is told at its start: the variables of CouchDB's official image, and the one setting of its files that the
//! examples use.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::PathBuf;

/// Where the official image reads settings that a user mounts.
const INI: &str = "/opt/couchdb/etc/default.d/cluster.ini";

/// Where the official image keeps its data.
const DATA: &str = "/opt/couchdb/data";

/// What a node is told at its start.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Its name, `couchdb@HOST`.
    pub(crate) name: String,
    /// The version it claims to be.
    pub(crate) version: String,
    /// The nodes it joins (`[cluster] seedlist`).
    pub(crate) seeds: Vec<String>,
    /// What it listens on.
    pub(crate) listen: String,
    /// Where its data is.
    pub(crate) data: PathBuf,
    /// The administrator.
    pub(crate) user: String,
    /// Their password.
    pub(crate) password: String,
    /// What nodes of one cluster share.
    pub(crate) cookie: String,
    /// Where hosts are that no name service knows; for a cluster on one machine.
    pub(crate) hosts: HashMap<String, String>,
}

impl Settings {
    /// As the environment and the mounted file have it.
    pub(crate) fn read() -> Result<Self, String> {
        let needed = |name: &str| env::var(name).map_err(|_| format!("the variable {name} is not set"));
        let or = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
        let ini = fs::read_to_string(or("COUCHDB_STAND_IN_INI", INI)).unwrap_or_default();
        let hosts = or("COUCHDB_STAND_IN_HOSTS", "");
        Ok(Self {
            name: format!("couchdb@{}", needed("NODENAME")?),
            version: or("COUCHDB_STAND_IN_VERSION", "3.3.3"),
            seeds: seeds(&ini),
            listen: or("COUCHDB_STAND_IN_LISTEN", "0.0.0.0:5984"),
            data: PathBuf::from(or("COUCHDB_STAND_IN_DATA", DATA)),
            user: needed("COUCHDB_USER")?,
            password: needed("COUCHDB_PASSWORD")?,
            cookie: or("COUCHDB_ERLANG_COOKIE", "monster"),
            hosts: hosts.split(',').filter_map(|pair| pair.split_once('=')).map(owned).collect(),
        })
    }

    /// Where a node is dialled.
    pub(crate) fn address(&self, node: &str) -> String {
        let host = node.split_once('@').map_or(node, |(_, host)| host);
        self.hosts.get(host).cloned().unwrap_or_else(|| format!("{host}:5984"))
    }
}

fn owned((host, address): (&str, &str)) -> (String, String) {
    (host.to_owned(), address.to_owned())
}

fn seeds(ini: &str) -> Vec<String> {
    let setting = ini.lines().find_map(|line| line.trim().strip_prefix("seedlist")?.trim_start().strip_prefix('='));
    setting.into_iter().flat_map(|list| list.split(',')).map(|node| node.trim().to_owned()).collect()
}
