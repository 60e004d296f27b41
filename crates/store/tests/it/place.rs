//! The two places a store can be in, each made for one test and gone after it.

use crate::scene::key;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use waypost_store::StoreConfig;

/// Where the tests find a PostgreSQL server on which they may make databases.
const SERVER: &str = "WAYPOST_TEST_POSTGRES_URL";

/// A place for one store.
pub(crate) trait Place: Sized {
    async fn make() -> Self;
    /// How a store is opened in it.
    fn config(&self) -> StoreConfig;
    /// Every byte that is stored, while no store is open.
    async fn contents(&self) -> Vec<u8>;
    /// Makes the database say that it has this version; the one it had.
    async fn set_schema_version(&self, version: u32) -> u32;
}

/// A folder with an SQLite file.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("waypost.db")
    }
}

impl Place for Folder {
    async fn make() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn config(&self) -> StoreConfig {
        StoreConfig::new(self.file(), key())
    }

    async fn contents(&self) -> Vec<u8> {
        std::fs::read(self.file()).unwrap()
    }

    async fn set_schema_version(&self, version: u32) -> u32 {
        // `user_version` is the big-endian number at offset 60 of an SQLite file.
        let mut bytes = std::fs::read(self.file()).unwrap();
        let before: [u8; 4] = bytes[60..64].try_into().unwrap();
        bytes[60..64].copy_from_slice(&version.to_be_bytes());
        std::fs::write(self.file(), &bytes).unwrap();
        u32::from_be_bytes(before)
    }
}

/// What a store gets of a PostgreSQL server.
pub(crate) trait Part {
    /// The statement that makes it.
    fn make(name: &str) -> String;
    /// The statement that removes it with all that is in it.
    fn remove(name: &str) -> String;
    /// Its address, from that of the server's database for tests.
    fn url(server: &str, name: &str) -> String;
}

/// A schema, which is quickly made.
pub(crate) struct Schema;

impl Part for Schema {
    fn make(name: &str) -> String {
        format!("CREATE SCHEMA {name}")
    }

    fn remove(name: &str) -> String {
        format!("DROP SCHEMA {name} CASCADE")
    }

    fn url(server: &str, name: &str) -> String {
        format!("{server}?options=-csearch_path%3D{name}")
    }
}

/// A database, whose sessions can be told from those of others.
pub(crate) struct Whole;

impl Part for Whole {
    fn make(name: &str) -> String {
        format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    }

    fn remove(name: &str) -> String {
        format!("DROP DATABASE {name} WITH (FORCE)")
    }

    fn url(server: &str, name: &str) -> String {
        let (server, _) = server.rsplit_once('/').unwrap();
        format!("{server}/{name}")
    }
}

/// A part of a PostgreSQL server.
pub(crate) struct OnServer<P: Part> {
    server: String,
    name: String,
    files: TempDir,
    part: PhantomData<P>,
}

/// The server, or a sentence that says how to get one.
fn server() -> String {
    std::env::var(SERVER).unwrap_or_else(|_| {
        panic!(
            "{SERVER} is not set, so there is no PostgreSQL to test on; \
             `cargo xtask test rust` starts one"
        )
    })
}

async fn connected(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl<P: Part> OnServer<P> {
    fn url(&self) -> String {
        P::url(&self.server, &self.name)
    }

    /// Host and port of the server.
    fn authority(&self) -> &str {
        let (_, place) = self.server.split_once('@').unwrap();
        place.split('/').next().unwrap()
    }

    /// Where the server is; the tests' one has a number for a host.
    pub(crate) fn server_at(&self) -> SocketAddr {
        self.authority().parse().unwrap()
    }

    /// The address of this part as seen from somewhere else.
    pub(crate) fn url_at(&self, other: SocketAddr) -> String {
        self.url().replacen(self.authority(), &other.to_string(), 1)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A connection to the server that is no part of this one.
    pub(crate) async fn beside(&self) -> Client {
        connected(&self.server).await
    }
}

impl<P: Part> Place for OnServer<P> {
    async fn make() -> Self {
        let server = server();
        let files = tempfile::tempdir().unwrap();
        // Unique among the processes of a test run, as the folder is.
        let name = files.path().file_name().unwrap().to_str().unwrap();
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("store_{}_{}", name.to_lowercase(), std::process::id());
        let client = connected(&server).await;
        client.batch_execute(&P::make(&name)).await.unwrap();
        Self {
            server,
            name,
            files,
            part: PhantomData,
        }
    }

    fn config(&self) -> StoreConfig {
        let url = self.url().parse().unwrap();
        StoreConfig::postgres(url, self.files.path().join("blobs"), key())
    }

    async fn contents(&self) -> Vec<u8> {
        use futures_util::TryStreamExt as _;
        let client = connected(&self.url()).await;
        let tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()";
        let mut all = Vec::new();
        for table in client.query(tables, &[]).await.unwrap() {
            let name: String = table.get(0);
            // Bytes as they are, not in hexadecimal.
            let copy = format!("COPY {name} TO STDOUT (FORMAT binary)");
            let copied = client.copy_out(&copy).await.unwrap();
            let chunks: Vec<bytes::Bytes> = copied.try_collect().await.unwrap();
            all.extend(chunks.concat());
        }
        all
    }

    async fn set_schema_version(&self, version: u32) -> u32 {
        let client = connected(&self.url()).await;
        let found = client.query_one("SELECT version FROM waypost_schema", &[]);
        let before: i64 = found.await.unwrap().get(0);
        let set = "UPDATE waypost_schema SET version = $1";
        client.execute(set, &[&i64::from(version)]).await.unwrap();
        u32::try_from(before).unwrap()
    }
}

impl<P: Part> Drop for OnServer<P> {
    fn drop(&mut self) {
        let (server, remove) = (self.server.clone(), P::remove(&self.name));
        // A runtime of its own: the test's may be stopping.
        let gone = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async { connected(&server).await.batch_execute(&remove).await })
        });
        match gone.join() {
            Ok(Ok(())) => {}
            left => eprintln!("{} is left behind: {left:?}", self.name),
        }
    }
}
