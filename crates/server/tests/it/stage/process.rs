//! The program as a child process.

use super::{Failpoint, Provoked};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Pause between two looks at the log.
const LOOK: Duration = Duration::from_millis(10);
/// Lines of the log that a failed test shows.
const LAST_WORDS: usize = 60;

pub(super) struct Process {
    child: Child,
    log: PathBuf,
    /// Where it listens, once it does.
    pub(super) address: String,
}

impl Process {
    /// Starts the program in `folder`, where its settings are.
    pub(super) fn spawn(program: &str, folder: &Path, provoked: Provoked) -> Self {
        Self::logging_to("server.log", program, folder, provoked)
    }

    /// The same, beside another one.
    pub(super) fn logging_to(log: &str, program: &str, folder: &Path, provoked: Provoked) -> Self {
        let log = folder.join(log);
        let out = std::fs::File::create(&log).unwrap();
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(folder.join("waypost.toml"))
            .arg("serve");
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(out);
        command
            .env_remove("WAYPOST_FAILPOINT")
            .env("RUST_BACKTRACE", "1")
            .kill_on_drop(true);
        if let Some(Failpoint { name, passing }) = provoked.failpoint {
            command.env("WAYPOST_FAILPOINT", format!("{name}:{passing}"));
        }
        if let Some(mutant) = provoked.mutant {
            command.env("WAYPOST_FAILPOINT", format!("mutant:{mutant}"));
        }
        Self {
            child: command.spawn().unwrap(),
            log,
            address: String::new(),
        }
    }

    /// Waits until it listens.
    pub(super) async fn listening(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while self.address.is_empty() {
            assert!(Instant::now() < deadline, "never listened:\n{}", self.log());
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ended with {status} before it listened:\n{}", self.log());
            }
            tokio::time::sleep(LOOK).await;
            self.address = address(&self.log()).unwrap_or_default();
        }
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(super) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
    }

    /// SIGTERM; it must end well within the limit.
    pub(super) async fn terminate(&mut self, limit: Duration) {
        self.signal(Signal::TERM);
        let status = self.ended(limit).await;
        assert!(
            status.success(),
            "ended with {status}:\n{}",
            self.last_words()
        );
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = self
            .child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// SIGKILL.
    pub(super) async fn kill_9(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Whether it was killed from within; any other end is a failure.
    pub(super) fn is_killed(&mut self) -> bool {
        let Some(status) = self.child.try_wait().unwrap() else {
            return false;
        };
        assert_eq!(
            status.signal(),
            Some(Signal::KILL.as_raw()),
            "{status}:\n{}",
            self.last_words()
        );
        true
    }

    pub(super) async fn ended(&mut self, limit: Duration) -> ExitStatus {
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("it runs on after {limit:?}:\n{}", self.last_words()),
        }
    }
}

/// The address in the line that says where it listens.
fn address(log: &str) -> Option<String> {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|line| {
            let fields = &line["fields"];
            (fields["message"] == "listening")
                .then(|| fields["address"].as_str().map(str::to_owned))?
        })
}
