//! A PostgreSQL database for one test of the whole program.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the tests find a server on which they may make databases.
const SERVER: &str = "WAYPOST_TEST_POSTGRES_URL";

/// A database for one test; gone after it.
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    pub(crate) fn make() -> Self {
        let server = std::env::var(SERVER).unwrap_or_else(|_| {
            panic!(
                "{SERVER} is not set, so there is no PostgreSQL to test on; \
                 `cargo xtask test rust` starts one"
            )
        });
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("program_{}_{number}", std::process::id());
        let made = Self { server, name };
        made.run("createdb", &["--template=template0", "--encoding=UTF8"]);
        made
    }

    /// Runs one of PostgreSQL's programs on this database.
    fn run(&self, program: &str, words: &[&str]) {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        let beside = format!("{server}/postgres");
        let said = Command::new(program)
            .args(words)
            .args(["--maintenance-db", &beside, &self.name])
            .output()
            .unwrap_or_else(|e| panic!("{program}, which comes with PostgreSQL, is missing: {e}"));
        let words = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{program}: {words}");
    }

    /// Host and port of the server.
    pub(crate) fn authority(&self) -> &str {
        let (_, place) = self.server.split_once('@').unwrap();
        place.split('/').next().unwrap()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    /// Its address at the end of a wire.
    pub(crate) fn url_through(&self, wire: SocketAddr) -> String {
        self.url().replacen(self.authority(), &wire.to_string(), 1)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.run("dropdb", &["--force"]);
    }
}
