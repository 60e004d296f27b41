//! What the process is: where it listens and stores, how it appears to WhatsApp, its logs.

use super::ClientVersion;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use waypost_store::DatabaseUrl;

/// The HTTP side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on. Loopback unless `allow_remote` is set.
    pub listen: SocketAddr,
    /// Listen beyond loopback. Put a TLS proxy in front before you do.
    pub allow_remote: bool,
    /// The address people type, when a proxy is in front; for the Origin check and links.
    pub public_url: Option<String>,
    /// Largest JSON body accepted, in bytes.
    pub json_bytes_max: usize,
    /// Largest file accepted, in bytes.
    pub blob_bytes_max: usize,
    /// Requests worked on at once; further ones wait.
    pub requests_max: usize,
    /// Longest a request may take, in seconds.
    pub request_timeout_s: u64,
    /// Longest that a shutdown waits for work in progress, in seconds.
    pub shutdown_s: u64,
}

/// Which database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// A PostgreSQL database, `postgres://user:password@host:5432/database`. Without it the
    /// database is an SQLite file in `data_dir`, where files and keys are in both cases.
    pub url: Option<DatabaseUrl>,
    /// How long another process that has the database may be silent before this one takes its place, in
    /// seconds. The same for all that share one.
    pub stale_s: u64,
}

/// How we appear to WhatsApp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whatsapp {
    /// Client version sent to WhatsApp. A stale one is the likeliest outage: raise it when
    /// accounts report `client_outdated`.
    pub version: ClientVersion,
    /// The name shown on the phone under linked devices.
    pub device_name: String,
    /// Where WhatsApp is. Only a loopback address may be set here, and only a build for the
    /// simulator accepts what it finds there.
    pub url: Option<String>,
    /// Messages of one account accepted but not yet processed before its connection is closed,
    /// so that WhatsApp keeps the rest.
    pub backlog_max: usize,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// What is logged, e.g. `info` or `waypost_server=debug,info`.
    pub filter: String,
    /// Text for people or JSON for machines.
    pub format: LogFormat,
}

/// The two forms of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
