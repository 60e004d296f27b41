//! Another gateway's published client, in a process of its own that takes calls line by line.

use super::{Stage, in_time};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The Python that has the clients.
const PYTHON: &str = "WAYPOST_TEST_PYTHON";
/// A picture of one pixel, as a PNG in base64.
pub(crate) const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub(crate) struct Bot {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Bot {
    /// Starts a script in `tests/parts` on the front of that name, with an API key.
    pub(crate) fn start(stage: &Stage, script: &str, front: &str, key: &str) -> Self {
        let python = std::env::var(PYTHON).unwrap_or_else(|_| {
            panic!(
                "{PYTHON} is not set, so there is no Python with the client for {front}; \
                 `cargo xtask test rust` makes one"
            )
        });
        let parts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parts");
        let mut child = Command::new(python)
            .arg(parts.join(script))
            .arg(format!("http://{}/{front}", stage.address()))
            .arg(key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the Python of the tests cannot be started");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            _child: child,
            input,
            output,
        }
    }

    /// Has something done; answers with what the script says.
    pub(crate) async fn ask(&mut self, command: Value) -> Value {
        let line = format!("{command}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
        let answer = in_time("the bot to answer", self.output.next_line()).await;
        serde_json::from_str(&answer.unwrap().expect("the bot has ended")).unwrap()
    }

    /// Makes a call that works; answers what the client made of it.
    pub(crate) async fn call(&mut self, api: &str, call: &str, with: Value) -> Value {
        let command = json!({"api": api, "call": call, "with": with});
        let mut answer = self.ask(command).await;
        assert!(answer.get("failed").is_none(), "{api}.{call}: {answer}");
        answer["ok"].take()
    }

    /// Makes a call that is refused; answers with what the client was told.
    pub(crate) async fn refused(&mut self, api: &str, call: &str, with: Value) -> String {
        let command = json!({"api": api, "call": call, "with": with});
        let answer = self.ask(command).await;
        let failed = answer["failed"].as_str();
        let failed = failed.unwrap_or_else(|| panic!("{api}.{call}: {answer}"));
        match &answer["said"] {
            Value::Null => failed.to_owned(),
            said => format!("{failed} {said}"),
        }
    }
}
