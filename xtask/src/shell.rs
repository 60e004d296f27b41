//! Running other programs.

use crate::place::Place;
use anyhow::{Context as _, Result, bail};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program with its arguments, run in the checkout with builds going to the build folder.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    secret_from: Option<usize>,
}

impl Run {
    /// Prepares a program; nothing is started yet. It gets no standard input.
    pub(crate) fn new(place: &Place, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command
            .current_dir(place.root())
            .env("CARGO_TARGET_DIR", place.target())
            .stdin(Stdio::null());
        // Set by `cargo run` for this tool; a build script of another crate must not see them.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        Self {
            command,
            secret_from: None,
        }
    }

    /// `cargo` itself.
    pub(crate) fn cargo(place: &Place) -> Self {
        Self::new(
            place,
            std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        )
    }

    /// `npm` in a folder of the checkout.
    pub(crate) fn npm(place: &Place, folder: &str) -> Self {
        Self::new(place, "npm").dir(&place.path(folder))
    }

    /// Adds arguments.
    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    /// Adds arguments that are not shown, nor those after them.
    pub(crate) fn secret_args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(self, args: I) -> Self {
        let from = self.command.get_args().count();
        let mut this = self.args(args);
        this.secret_from.get_or_insert(from);
        this
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in this folder instead.
    pub(crate) fn dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Lets the program read what the person types.
    pub(crate) fn interactive(mut self) -> Self {
        self.command.stdin(Stdio::inherit());
        self
    }

    /// Prints the command, runs it to its end and fails unless it succeeded.
    pub(crate) fn go(mut self) -> Result<()> {
        println!("$ {}", self.shown());
        let status = self.command.status().with_context(|| self.not_found())?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.shown());
        }
        Ok(())
    }

    /// Runs it quietly and returns what it printed; fails unless it succeeded.
    pub(crate) fn read(mut self) -> Result<String> {
        let out = self
            .command
            .stderr(Stdio::piped())
            .output()
            .with_context(|| self.not_found())?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            bail!(
                "`{}` failed ({}): {}",
                self.shown(),
                out.status,
                said.trim()
            );
        }
        String::from_utf8(out.stdout)
            .with_context(|| format!("`{}` did not print text", self.shown()))
    }

    /// Whether it can be run and succeeds; nothing is shown.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// The command itself, for those that start something and keep it running.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    fn shown(&self) -> String {
        let shown = self.secret_from.unwrap_or(usize::MAX);
        let hidden = self.secret_from.map(|_| "…".into());
        let words = std::iter::once(self.command.get_program())
            .chain(self.command.get_args().take(shown))
            .map(|word| word.to_string_lossy())
            .chain(hidden);
        words.collect::<Vec<_>>().join(" ")
    }

    fn not_found(&self) -> String {
        format!(
            "`{}` could not be started",
            self.command.get_program().to_string_lossy()
        )
    }
}
