//! How a store is opened.

use crate::blobs::blobs_folder;
use crate::error::StoreError;
use crate::owner::STALE_AFTER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use waypost_engine::model::Duration;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key that wraps every other key: 32 random bytes, never stored in the database.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// From its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new one from the operating system's random numbers.
    #[must_use]
    pub fn generate() -> Self {
        Self(crate::chance::bytes())
    }

    /// Its bytes, to be kept by whoever starts the program.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// When a commit counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// When the disk has it. A power loss loses nothing that was acknowledged.
    #[default]
    Full,
    /// When the operating system has it: a mutant, by which the crash proofs check themselves.
    #[cfg(feature = "fault-injection")]
    OffForTests,
}

/// Where a PostgreSQL database is and who signs in: `postgres://user:password@host/database`.
///
/// Shown without its password. An empty database is enough; tables are made in the first schema of
/// its `search_path`, which `?options=-csearch_path%3Dname` sets. With `sslmode=require` the
/// connection is encrypted and the server's certificate checked, against the system's roots or
/// those in the file that `sslrootcert` names; otherwise it is neither.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Arc<Address>);

#[derive(PartialEq, Eq)]
struct Address {
    config: tokio_postgres::Config,
    roots: Option<PathBuf>,
}

impl DatabaseUrl {
    pub(crate) fn config(&self) -> &tokio_postgres::Config {
        &self.0.config
    }

    /// The file with the certificates to trust in place of the system's.
    pub(crate) fn roots(&self) -> Option<&Path> {
        self.0.roots.as_deref()
    }
}

/// Takes `sslrootcert` out of an address: the driver does not know it.
fn without_roots(text: &str) -> (String, Option<PathBuf>) {
    let Some((place, query)) = text.split_once('?') else {
        return (text.to_owned(), None);
    };
    let (roots, others): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|pair| pair.starts_with("sslrootcert="));
    let file = roots.last().and_then(|pair| pair.split_once('='));
    let file = file.map(|(_, path)| PathBuf::from(path));
    (format!("{place}?{}", others.join("&")), file)
}

/// As shown: without the password, so that settings can be printed.
impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    /// [`StoreError::Invalid`] for what is no such URL. The text is never repeated: it may hold a
    /// password.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let scheme = ["postgres://", "postgresql://"];
        if !scheme.iter().any(|scheme| text.starts_with(scheme)) {
            return Err(StoreError::invalid(
                "the address of a database starts with postgres://; leave it out for SQLite",
            ));
        }
        let (text, roots) = without_roots(text);
        let config: tokio_postgres::Config = text.parse().map_err(|_| {
            StoreError::invalid(
                "this is no PostgreSQL address; write postgres://user:password@host:5432/database",
            )
        })?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(StoreError::invalid(
                "the PostgreSQL address names no host or no database; write \
                 postgres://user:password@host:5432/database",
            ));
        }
        Ok(Self(Arc::new(Address { config, roots })))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        let config = self.config();
        for (nth, host) in config.get_hosts().iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            match host {
                tokio_postgres::config::Host::Tcp(name) => write!(f, "{comma}{name}")?,
                tokio_postgres::config::Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
            }
            if let Some(port) = config.get_ports().get(nth).or(config.get_ports().first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Which database, and where.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file of ours.
    Sqlite {
        /// The file; made when missing. Its WAL and the stored files lie beside it.
        file: PathBuf,
    },
    /// A server.
    Postgres {
        /// Where it is.
        url: DatabaseUrl,
        /// The folder of stored files; made when missing.
        files: PathBuf,
    },
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { file } => file.display().fmt(f),
            Self::Postgres { url, .. } => url.fmt(f),
        }
    }
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Which database, and where.
    pub database: Database,
    /// The key that opens it.
    pub master_key: MasterKey,
    /// This node's number (0..1024), part of every id it makes.
    pub node: u16,
    /// This cell's number, part of every cursor.
    pub cell: u16,
    /// When a commit counts as durable.
    pub synchronous: Synchronous,
    /// How long another process that has a PostgreSQL database may be silent before this one may take
    /// its place.
    pub stale_after: Duration,
    /// A registered SQLite VFS to use in place of the operating system's files.
    #[cfg(feature = "fault-injection")]
    pub vfs: Option<String>,
    /// Which deliberate faults are on.
    #[cfg(feature = "fault-injection")]
    pub mutation: Option<crate::fault::Mutation>,
}

impl StoreConfig {
    /// The store of node 0 and cell 0 in this SQLite file, durable.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, master_key: MasterKey) -> Self {
        let file = file.into();
        Self::of(Database::Sqlite { file }, master_key)
    }

    /// The store of node 0 and cell 0 in this PostgreSQL database, durable, with its stored files
    /// in the folder `files`.
    #[must_use]
    pub fn postgres(url: DatabaseUrl, files: impl Into<PathBuf>, master_key: MasterKey) -> Self {
        let files = files.into();
        Self::of(Database::Postgres { url, files }, master_key)
    }

    fn of(database: Database, master_key: MasterKey) -> Self {
        Self {
            database,
            master_key,
            node: 0,
            cell: 0,
            synchronous: Synchronous::Full,
            stale_after: STALE_AFTER,
            #[cfg(feature = "fault-injection")]
            vfs: None,
            #[cfg(feature = "fault-injection")]
            mutation: None,
        }
    }

    /// The SQLite file, if that is what the settings name.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.database {
            Database::Sqlite { file } => Some(file),
            Database::Postgres { .. } => None,
        }
    }

    /// The folder of stored files.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        match &self.database {
            Database::Sqlite { file } => blobs_folder(file),
            Database::Postgres { files, .. } => files.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let url: DatabaseUrl = "postgres://ana:hunter2@db.example:5433/waypost?sslmode=disable"
            .parse()
            .unwrap();
        assert_eq!(url.to_string(), "postgres://db.example:5433/waypost");
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for wrong in [
            "mysql://ana:hunter2@db/waypost",
            "postgres://ana:hunter2@db:port/waypost",
            "postgres://ana:hunter2@db",
        ] {
            let said = wrong.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(said.contains("postgres://"), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
