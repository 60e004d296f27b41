//! A program that is measured: started, looked at from outside, stopped.

use crate::clock::until;
use crate::machine::field;
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long a program may take to end after being asked to.
const STOP_MAX: Duration = Duration::from_secs(60);

/// The unit in which Linux tells processes' times; the same on every machine it runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running program. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

/// Memory of a process, in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Everything of it that is in memory.
    pub(crate) rss: f64,
    /// The same with shared pages counted by their share.
    pub(crate) pss: f64,
}

impl Program {
    /// Starts a program. What it says on its error output goes to a log in `folder`; its output
    /// can be read with [`Program::output`].
    pub(crate) fn start(name: &'static str, folder: &Path, command: &mut Command) -> Result<Self> {
        Self::spawn(name, folder, command.stdin(Stdio::null()))
    }

    /// The same with an input to talk to.
    pub(crate) fn start_talking(
        name: &'static str,
        folder: &Path,
        command: &mut Command,
    ) -> Result<(Self, ChildStdin)> {
        let mut program = Self::spawn(name, folder, command.stdin(Stdio::piped()))?;
        let input = program
            .child
            .stdin
            .take()
            .context("its input is not piped")?;
        Ok((program, input))
    }

    fn spawn(name: &'static str, folder: &Path, command: &mut Command) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let errors = File::options().create(true).append(true).open(&log)?;
        command.stderr(errors).kill_on_drop(true);
        let child = command.spawn().with_context(|| {
            let program = command
                .as_std()
                .get_program()
                .to_string_lossy()
                .into_owned();
            format!("`{program}` cannot be started; build it first")
        })?;
        Ok(Self { name, child, log })
    }

    /// Its standard output, once, when it was piped.
    pub(crate) fn output(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().context("its output is not piped")
    }

    /// Fails when it has ended.
    pub(crate) fn alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}):\n{}", self.name, self.last_words()),
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Asks it to end and waits for it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.end().await
    }

    /// The same where it is started again.
    pub(crate) async fn end(&mut self) -> Result<()> {
        self.alive()?;
        let pid = Pid::from_raw(self.id()?.cast_signed()).context("no process id")?;
        kill_process(pid, Signal::TERM)?;
        match tokio::time::timeout(STOP_MAX, self.child.wait()).await {
            Ok(ended) => ended.map(|_| ()).map_err(Into::into),
            Err(_) => bail!("{} did not end:\n{}", self.name, self.last_words()),
        }
    }

    /// Ends it without a warning, and waits for its end.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.alive()?;
        self.child.kill().await.map_err(Into::into)
    }

    /// Processor time it has used so far, in seconds, all threads together.
    pub(crate) fn cpu_s(&self) -> Result<f64> {
        cpu_s(self.id()?)
    }

    /// Its memory now.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/smaps_rollup", self.id()?);
        let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
        let mib = |name| {
            let kib = field(&text, name)?
                .trim_end_matches("kB")
                .trim()
                .parse::<f64>();
            Some(kib.ok()? / 1024.0)
        };
        let (rss, pss) = mib("Rss").zip(mib("Pss")).context("no Rss and Pss")?;
        Ok(Memory { rss, pss })
    }

    fn id(&self) -> Result<u32> {
        self.child
            .id()
            .with_context(|| format!("{} has ended", self.name))
    }

    /// Waits until `ready` says so, failing at once should the program end.
    pub(crate) async fn wait(
        &mut self,
        what: &str,
        times: (Duration, Duration),
        mut ready: impl AsyncFnMut() -> bool,
    ) -> Result<()> {
        until(what, times, async || {
            self.alive()?;
            Ok(ready().await.then_some(()))
        })
        .await
    }
}

/// Processor time of a process in seconds; of this one with its own id.
pub(crate) fn cpu_s(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    let ticks = ticks(&stat).with_context(|| format!("{path} has another shape"))?;
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// User and system time together. The name in brackets may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system) = (fields.next()?, fields.next()?);
    Some(user.parse::<u64>().ok()? + system.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn processor_time_is_user_and_system_time() {
        let stat = "4242 (a) b) S 1 4242 4242 0 -1 4194560 900 0 3 0 120 30 0 0 20 0 8 0 77";
        assert_eq!(ticks(stat), Some(150));
        assert_eq!(ticks("nonsense"), None);
    }
}
