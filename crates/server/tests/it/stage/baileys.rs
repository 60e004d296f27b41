//! Baileys as the client that an account moves in from: a Node process with its session in a folder.

use super::in_time;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use wasim::{Network, Phone};

pub(crate) struct Baileys {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    waiting: Vec<Value>,
}

impl Baileys {
    /// Starts it and links it with the phone; its session is in `session` from then on.
    pub(crate) async fn linked(net: &Network, phone: &Phone, session: &Path) -> Self {
        let mut child = Command::new("node")
            .arg("client.mjs")
            .arg(net.ws_url())
            .arg(net.media_url().trim_start_matches("http://"))
            .arg(hex::encode(net.root_public_key()))
            .arg(session)
            .current_dir(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("install Node 20 or newer: Baileys runs in it");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut baileys = Self {
            child,
            input,
            output,
            waiting: Vec::new(),
        };
        baileys.event("ready", |_| true).await;
        baileys.tell(json!({"op": "start"})).await;
        let qr = baileys.event("qr", |_| true).await;
        phone.scan(qr["qr"].as_str().unwrap()).await.unwrap();
        baileys.event("open", |_| true).await;
        baileys
    }

    pub(crate) async fn tell(&mut self, command: Value) {
        let line = format!("{command}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    /// Takes the oldest event of this name that `wanted` accepts.
    pub(crate) async fn event(
        &mut self,
        name: &str,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        let mut matches = |event: &Value| event["event"] == name && wanted(event);
        if let Some(place) = self.waiting.iter().position(&mut matches) {
            return self.waiting.remove(place);
        }
        let (output, waiting) = (&mut self.output, &mut self.waiting);
        let search = async {
            loop {
                let line = output.next_line().await.unwrap();
                let event: Value = serde_json::from_str(&line.expect("Baileys has ended")).unwrap();
                if matches(&event) {
                    return event;
                }
                assert_ne!(event["event"], "failed", "Baileys failed: {event}");
                waiting.push(event);
            }
        };
        in_time(&format!("Baileys to tell of '{name}'"), search).await
    }

    /// Waits until it has read this message.
    pub(crate) async fn hears(&mut self, id: &str) {
        let readable = |e: &Value| e["key"]["id"] == id && e["stub"].is_null();
        self.event("message", readable).await;
    }

    pub(crate) async fn says(&mut self, to: &str, words: &str) {
        self.tell(json!({"op": "send", "jid": to, "content": {"text": words}}))
            .await;
        self.event("sent", |_| true).await;
    }

    /// Disconnects, and ends once everything is on disk.
    pub(crate) async fn stop(mut self) {
        self.tell(json!({"op": "leave"})).await;
        self.event("close", |_| true).await;
        self.tell(json!({"op": "stop"})).await;
        let ended = in_time("Baileys to stop", self.child.wait()).await;
        assert!(ended.unwrap().success());
    }
}

fn folder() -> PathBuf {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../wasim/baileys");
    let folder = std::env::var_os("BAILEYS_DIR").map_or_else(|| own.into(), PathBuf::from);
    assert!(
        folder.join("node_modules/baileys").is_dir(),
        "Baileys is not installed: run `npm ci` in crates/wasim/baileys, or `cargo xtask test --install`"
    );
    folder
}
