//! A Node process with bare Baileys sockets, for comparison.

use crate::Setting;
use crate::process::{Memory, Program};
use crate::stage::{LIMIT, Stage, scan, text};
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

/// The program that holds the sockets.
const SCRIPT: &str = include_str!("fleet.mjs");

/// The process.
pub(crate) struct Node {
    program: Program,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _folder: tempfile::TempDir,
}

impl Node {
    /// Starts it on the stage's network, without any socket.
    ///
    /// # Errors
    /// When Node or Baileys is missing.
    pub(crate) async fn start(setting: &Setting, stage: &Stage) -> Result<Self> {
        let baileys = std::path::absolute(&setting.baileys)?;
        if !baileys.join("node_modules/baileys").is_dir() {
            bail!(
                "Baileys is missing: run `npm ci` in crates/wasim/baileys, or name another folder \
                 with BAILEYS_DIR"
            );
        }
        let folder = setting.scratch()?;
        let script = folder.path().join("fleet.mjs");
        std::fs::write(&script, SCRIPT)?;
        let mut command = Command::new("node");
        command
            .arg("--expose-gc")
            .arg(&script)
            .arg(&baileys)
            .arg(text(stage.about(), "ws_url")?)
            .arg(text(stage.about(), "root_public_key")?)
            .stdout(Stdio::piped());
        let (mut program, input) = Program::start_talking("node", folder.path(), &mut command)?;
        let output = BufReader::new(program.output()?).lines();
        let mut node = Self {
            program,
            input,
            output,
            _folder: folder,
        };
        node.event("ready").await?;
        Ok(node)
    }

    /// Links one more socket, to a phone that is on the network already.
    pub(crate) async fn link(&mut self, stage: &Stage, number: &str) -> Result<()> {
        self.write(&json!({"op": "open", "name": number})).await?;
        let shown = self.event("qr").await?;
        scan(&stage.network, number, text(&shown, "qr")?).await?;
        self.event("open").await.map(|_| ())
    }

    /// Its memory after its garbage is collected.
    pub(crate) async fn memory(&mut self) -> Result<Memory> {
        self.write(&json!({"op": "rest"})).await?;
        self.event("rested").await?;
        self.program.memory()
    }

    /// Ends it.
    pub(crate) async fn stop(self) -> Result<()> {
        self.program.stop().await
    }

    async fn write(&mut self, command: &Value) -> Result<()> {
        let line = format!("{command}\n");
        Ok(self.input.write_all(line.as_bytes()).await?)
    }

    /// The next event of this name; a failure ends the benchmark.
    async fn event(&mut self, name: &str) -> Result<Value> {
        let search = async {
            while let Some(line) = self.output.next_line().await? {
                let event: Value = serde_json::from_str(&line)?;
                if event["event"] == "failed" {
                    bail!("Baileys failed: {event}");
                }
                if event["event"] == name {
                    return Ok(event);
                }
            }
            bail!("the Node process ended:\n{}", self.program.last_words())
        };
        let limit = tokio::time::timeout(LIMIT, search).await;
        limit.with_context(|| format!("no `{name}` from Baileys"))?
    }
}
