//! A throw-away PostgreSQL for the tests: its own data, its own port, gone at the end.

use crate::parts::postgres_bin;
use crate::place::Place;
use crate::service::{free_address, pause};
use crate::shell::Run;
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// How often we look whether the server answers: 20 s in all.
const READY_TRIES: u32 = 200;

/// The account that the tests sign in with; trusted on loopback.
const USER: &str = "waypost";

/// A running server; stopped and removed when dropped, however the tests ended.
#[derive(Debug)]
pub(crate) struct Postgres {
    place: Place,
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// Makes a database cluster in the temporary folder and starts it on a free loopback port. It
    /// doesn't wait for the disk (`fsync` off): these tests are about behaviour, not power cuts.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start within 20 s.
    pub(crate) fn start(place: &Place) -> Result<Self> {
        let bin = postgres_bin().context("PostgreSQL is missing; run with --install")?;
        let port = free_address()?.port();
        let name = format!("waypost-postgres-{}-{port}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let mut this = Self {
            place: place.clone(),
            bin,
            folder,
            port,
            server: None,
        };
        this.make_cluster()?;
        this.server = Some(this.spawn()?);
        this.wait_ready()?;
        let port = this.port.to_string();
        this.as_owner(&this.bin.join("createdb"))
            .args(["-h", "127.0.0.1", "-p", &port, "-U", USER, "waypost_test"])
            .read()?;
        Ok(this)
    }

    /// Where the tests find it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/waypost_test", self.port)
    }

    fn make_cluster(&self) -> Result<()> {
        std::fs::create_dir(&self.folder)
            .with_context(|| format!("cannot create {}", self.folder.display()))?;
        if crate::parts::is_root(&self.place) {
            Run::new(&self.place, "chown")
                .args(["postgres"])
                .args([&self.folder])
                .read()?;
        }
        let data = self.data();
        self.as_owner(&self.bin.join("initdb"))
            .args([
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "-U",
                USER,
                "-D",
            ])
            .args([&data])
            .read()?;
        Ok(())
    }

    /// The server as our own child, which the kernel stops should we die without a word.
    fn spawn(&self) -> Result<Child> {
        let log = std::fs::File::create(self.place.target().join("postgres.log"))
            .context("cannot write the server's log")?;
        let port = self.port.to_string();
        let sockets = format!("unix_socket_directories={}", self.folder.display());
        let settings = [
            "listen_addresses=127.0.0.1",
            &sockets,
            "fsync=off",
            "max_connections=200",
        ];
        let mut run = self
            .as_owner(&self.bin.join("postgres"))
            .args(["-p", &port, "-D"]);
        run = run.args([self.data()]);
        for setting in settings {
            run = run.args(["-c", setting]);
        }
        let mut command = run.into_command();
        command.stdout(Stdio::null()).stderr(log);
        command.spawn().context("cannot start PostgreSQL")
    }

    /// Runs a program as a user that PostgreSQL agrees to run as: never root.
    fn as_owner(&self, program: &Path) -> Run {
        let run = Run::new(&self.place, "setpriv").args(["--pdeathsig", "INT"]);
        let run = if crate::parts::is_root(&self.place) {
            run.args([
                "--reuid",
                "postgres",
                "--regid",
                "postgres",
                "--init-groups",
            ])
        } else {
            run
        };
        run.args([program]).dir(Path::new("/"))
    }

    fn wait_ready(&self) -> Result<()> {
        let port = self.port.to_string();
        for _ in 0..READY_TRIES {
            let answers = Run::new(&self.place, self.bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port])
                .succeeds();
            if answers {
                return Ok(());
            }
            pause();
        }
        let log = self.place.target().join("postgres.log");
        bail!("PostgreSQL did not start; its log is {}", log.display())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let stopped = self
                .as_owner(&self.bin.join("pg_ctl"))
                .args(["stop", "-s", "-m", "immediate", "-D"])
                .args([self.data()])
                .succeeds();
            if !stopped && let Err(e) = server.kill() {
                eprintln!("xtask: PostgreSQL could not be stopped: {e}");
            }
            if let Err(e) = server.wait() {
                eprintln!("xtask: PostgreSQL could not be waited for: {e}");
            }
        }
        if let Err(e) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("xtask: cannot remove {}: {e}", self.folder.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_while_it_is_needed_and_leaves_nothing_behind() -> Result<()> {
        let target = tempfile::tempdir()?;
        let place = Place::at(target.path(), target.path());
        let postgres = Postgres::start(&place)?;
        let (folder, url) = (postgres.folder.clone(), postgres.url());
        let ask = || {
            Run::new(&place, postgres_bin().unwrap_or_default().join("psql"))
                .args(["-At", "-c", "show listen_addresses", &url])
                .read()
        };
        assert_eq!(ask()?.trim(), "127.0.0.1");
        drop(postgres);
        assert!(ask().is_err(), "it still answers");
        assert!(!folder.exists());
        Ok(())
    }
}
