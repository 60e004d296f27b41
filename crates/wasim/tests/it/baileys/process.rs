//! The Node process that Baileys runs in.

use crate::client::LIMIT;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use wasim::Network;

/// Events that one story may leave unlooked at; more means that the story is wrong.
const MAX_WAITING: usize = 10_000;

pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    waiting: Vec<Value>,
}

impl Process {
    pub(super) fn spawn(net: &Network) -> Self {
        let mut child = Command::new("node")
            .arg("client.mjs")
            .arg(net.ws_url())
            .arg(net.media_url().trim_start_matches("http://"))
            .arg(hex::encode(net.root_public_key()))
            .current_dir(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log())
            .kill_on_drop(true)
            .spawn()
            .expect("install Node 20 or newer: Baileys runs in it");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            input,
            output,
            waiting: Vec::new(),
        }
    }

    pub(super) async fn write(&mut self, command: &Value) {
        let line = format!("{command}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    /// Takes the oldest event of this name that `wanted` accepts, waiting for it if need be. A
    /// failure that Baileys reports ends the test, unless it is what is waited for.
    pub(super) async fn event(&mut self, name: &str, wanted: impl FnMut(&Value) -> bool) -> Value {
        self.event_within(LIMIT, name, wanted).await
    }

    pub(super) async fn event_within(
        &mut self,
        limit: Duration,
        name: &str,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        let mut matches = |event: &Value| event["event"] == name && wanted(event);
        if let Some(place) = self.waiting.iter().position(&mut matches) {
            return self.waiting.remove(place);
        }
        let search = async {
            loop {
                let event = self.next().await;
                if matches(&event) {
                    return event;
                }
                assert_ne!(event["event"], "failed", "Baileys failed: {event}");
                assert!(self.waiting.len() < MAX_WAITING, "too many events");
                self.waiting.push(event);
            }
        };
        let found = tokio::time::timeout(limit, search).await;
        found.unwrap_or_else(|_| {
            let had: Vec<String> = self.waiting.iter().map(brief).collect();
            panic!("no {name} within {limit:?}; there was: {had:#?}")
        })
    }

    async fn next(&mut self) -> Value {
        let line = self.output.next_line().await.unwrap();
        let line = line.expect("Baileys has ended");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    }

    pub(super) async fn stop(mut self) {
        self.write(&serde_json::json!({"op": "stop"})).await;
        let ended = tokio::time::timeout(LIMIT, self.child.wait()).await;
        assert!(ended.expect("Baileys does not stop").unwrap().success());
    }
}

fn brief(event: &Value) -> String {
    const MAX_CHARS: usize = 300;
    event.to_string().chars().take(MAX_CHARS).collect()
}

/// Baileys' own log, seen only by who asks for it.
fn log() -> Stdio {
    match std::env::var_os("BAILEYS_LOG") {
        Some(_) => Stdio::inherit(),
        None => Stdio::null(),
    }
}

fn folder() -> PathBuf {
    let folder = std::env::var_os("BAILEYS_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("baileys"),
        PathBuf::from,
    );
    assert!(
        folder.join("node_modules/baileys").is_dir(),
        "Baileys is not installed: run `npm ci` in crates/wasim/baileys, or `cargo xtask test --install`"
    );
    folder
}
