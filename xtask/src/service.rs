//! A program that is kept running while a step needs it.

use crate::place::Place;
use crate::shell::Run;
use anyhow::{Context as _, Result, bail};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

/// How often, and how long apart, we look whether a service is ready: 60 s in all.
const READY_TRIES: u32 = 600;
/// How often we look whether a service has stopped after being asked to: 30 s in all.
const STOP_TRIES: u32 = 300;
const PAUSE: Duration = Duration::from_millis(100);
/// How long one HTTP probe may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// A running program; asked to stop when dropped, killed if it doesn't.
#[derive(Debug)]
pub(crate) struct Service {
    place: Place,
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts a program with its output going to a log in the build folder. The kernel stops it
    /// should we die without a word.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(
        place: &Place,
        name: &'static str,
        prepare: impl FnOnce(Run) -> Run,
    ) -> Result<Self> {
        let folder = place.target().join("logs");
        fs::create_dir_all(&folder).with_context(|| format!("no folder {}", folder.display()))?;
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let run = prepare(Run::new(place, "setpriv").args(["--pdeathsig", "TERM"]));
        let mut command = run.into_command();
        command.stdout(file.try_clone()?).stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            place: place.clone(),
            name,
            child,
            log,
        })
    }

    /// Waits until a path answers 200, at most 60 s.
    ///
    /// # Errors
    /// When the program ends first or takes too long; both name its log.
    pub(crate) fn wait_ready(&mut self, address: SocketAddr, path: &str) -> Result<()> {
        for _ in 0..READY_TRIES {
            if answers_ok(address, path) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended ({status}); its log is {}",
                    self.name,
                    self.log.display()
                );
            }
            pause();
        }
        bail!(
            "{} was not ready in time; its log is {}",
            self.name,
            self.log.display()
        )
    }

    /// What it has printed so far.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub(crate) fn said(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("cannot read {}", self.log.display()))
    }

    /// Waits until it ends by itself, and prints what it said.
    ///
    /// # Errors
    /// When it did not succeed.
    pub(crate) fn finish(mut self) -> Result<()> {
        let status = self.child.wait()?;
        print!("{}", self.said()?);
        if !status.success() {
            bail!("{} failed ({status})", self.name);
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        let id = self.child.id().to_string();
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        if Run::new(&self.place, "kill")
            .args(["-TERM", &id])
            .succeeds()
        {
            for _ in 0..STOP_TRIES {
                if self.child.try_wait()?.is_some() {
                    return Ok(());
                }
                pause();
            }
            eprintln!("xtask: {} did not stop when asked; killed", self.name);
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Err(e) = self.stop() {
            eprintln!("xtask: {} could not be stopped: {e}", self.name);
        }
    }
}

/// A loopback address that nothing listens on at the moment.
///
/// # Errors
/// When there is none.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
    Ok(listener.local_addr()?)
}

/// Waits a moment between two looks.
pub(crate) fn pause() {
    #[expect(
        clippy::disallowed_methods,
        reason = "another program can only be looked at again"
    )]
    std::thread::sleep(PAUSE);
}

fn answers_ok(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, PROBE_LIMIT)?;
        stream.set_read_timeout(Some(PROBE_LIMIT))?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut head = [0_u8; 12];
        stream.read_exact(&mut head)?;
        Ok(String::from_utf8_lossy(&head).into_owned())
    };
    ask().is_ok_and(|head| head.ends_with(" 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_that_says(answer: &'static str) -> Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || -> std::io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            // All of the request is read: closing over unread bytes resets the connection, and the answer
            // is lost with it.
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0_u8];
                stream.read_exact(&mut byte)?;
                asked.extend(byte);
            }
            stream.write_all(answer.as_bytes())
        });
        Ok(address)
    }

    #[test]
    fn only_an_answer_of_200_is_ready() -> Result<()> {
        assert!(answers_ok(
            server_that_says("HTTP/1.1 200 OK\r\n\r\n")?,
            "/readyz"
        ));
        assert!(!answers_ok(
            server_that_says("HTTP/1.1 503 Not yet\r\n\r\n")?,
            "/readyz"
        ));
        assert!(!answers_ok(free_address()?, "/readyz"), "nobody listens");
        Ok(())
    }

    #[test]
    fn a_service_is_gone_when_it_is_dropped() -> Result<()> {
        let target = tempfile::tempdir()?;
        let place = Place::at(target.path(), target.path());
        let service = Service::start(&place, "sleeper", |run| run.args(["sleep", "600"]))?;
        let id = service.child.id();
        drop(service);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
        Ok(())
    }

    #[test]
    fn one_that_ends_by_itself_says_whether_it_succeeded() -> Result<()> {
        let target = tempfile::tempdir()?;
        let place = Place::at(target.path(), target.path());
        Service::start(&place, "good", |run| run.args(["true"]))?.finish()?;
        let failed = Service::start(&place, "bad", |run| run.args(["false"]))?.finish();
        assert!(matches!(failed, Err(e) if e.to_string().contains("bad failed")));
        Ok(())
    }

    #[test]
    fn one_that_ends_at_once_is_told_with_its_log() -> Result<()> {
        let target = tempfile::tempdir()?;
        let place = Place::at(target.path(), target.path());
        let mut service = Service::start(&place, "brief", |run| run.args(["echo", "no disk"]))?;
        let said = service
            .wait_ready(free_address()?, "/")
            .map_err(|e| e.to_string());
        assert!(matches!(said, Err(text) if text.contains("brief ended")));
        assert_eq!(service.said()?.trim(), "no disk");
        Ok(())
    }
}
