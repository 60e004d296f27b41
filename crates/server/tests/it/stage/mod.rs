//! The real program as a child process, against a WhatsApp network inside the test.
//!
//! A stage has a data folder of its own and lets the system pick the ports. When a test fails, the
//! end of the server's log is printed.

pub(crate) mod baileys;
pub(crate) mod bot;
pub(crate) mod database;
mod process;
pub(crate) mod proxy;

use process::Process;
use reqwest::{Method, RequestBuilder};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wasim::{Contact, ContactSpec, Network, NetworkConfig, Phone, PhoneSpec};

/// How long anything may take before a test calls it broken.
pub(crate) const LIMIT: Duration = Duration::from_secs(45);
/// Pause between two looks at something awaited.
const LOOK: Duration = Duration::from_millis(25);

/// How a stage is set up.
pub(crate) struct Plan {
    pub(crate) network: NetworkConfig,
    /// Sections of the settings file, beside those that every stage needs.
    pub(crate) settings: String,
    /// The program to run; the one built with this test unless another is named.
    pub(crate) program: String,
    /// A fault to build into the program, by its name.
    pub(crate) mutant: Option<&'static str>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            network: NetworkConfig::default(),
            settings: String::new(),
            program: env!("CARGO_BIN_EXE_waypost").to_owned(),
            mutant: None,
        }
    }
}

impl Plan {
    /// With every part that reads messages.
    pub(crate) fn reading() -> Self {
        Self {
            settings: "[pipeline]\noff = []\n".into(),
            ..Self::default()
        }
    }
}

/// A failpoint of the program, and at which passing it dies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failpoint {
    pub(crate) name: &'static str,
    pub(crate) passing: u32,
}

/// What is done to the program on purpose.
#[derive(Debug, Clone, Copy, Default)]
struct Provoked {
    failpoint: Option<Failpoint>,
    mutant: Option<&'static str>,
}

/// An account that is linked.
pub(crate) struct Linked {
    pub(crate) id: String,
    pub(crate) phone: Phone,
}

/// A program in whose place another one was started.
pub(crate) struct Replaced(Process);

impl Replaced {
    /// Wakes it up; it must end by itself, as failed, and say this.
    pub(crate) async fn wakes_and_ends(mut self, saying: &str) {
        self.0.signal(Signal::CONT);
        let status = self.0.ended(LIMIT).await;
        let said = self.0.log();
        assert!(!status.success(), "{status}: {said}");
        assert!(said.contains(saying), "{said}");
    }
}

/// The program and its network.
pub(crate) struct Stage {
    pub(crate) net: Network,
    pub(crate) folder: TempDir,
    program: String,
    mutant: Option<&'static str>,
    process: Process,
    http: reqwest::Client,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- the server's last words ---\n{}",
                self.process.last_words()
            );
        }
    }
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::with(Plan::default()).await
    }

    pub(crate) async fn with(plan: Plan) -> Self {
        // The second and later tests of the process find it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let net = Network::start(plan.network).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = String::new();
        writeln!(settings, "data_dir = {:?}", folder.path().join("data")).unwrap();
        let learnt = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models");
        writeln!(settings, "[insight]\nmodels_dir = {learnt:?}").unwrap();
        writeln!(settings, "[server]\nlisten = \"127.0.0.1:0\"").unwrap();
        writeln!(settings, "[whatsapp]\nurl = {:?}", net.ws_url()).unwrap();
        writeln!(settings, "[webhooks]\nallow_private = [\"127.0.0.0/8\"]").unwrap();
        writeln!(settings, "[log]\nformat = \"json\"").unwrap();
        settings.push_str(&plan.settings);
        if !plan.settings.contains("[send]") {
            // Strangers are written to as fast as a test wants, unless it is about that.
            settings.push_str("[send]\nwarm_up = \"off\"\nnew_chat_gap_s = 0\n");
        }
        if !plan.settings.contains("[pipeline]") {
            // Learning to read takes a moment at every start.
            settings.push_str(
                "[pipeline]\noff = [\"entities\", \"flow\", \"intent\", \"sentiment\", \"threads\"]\n",
            );
        }
        if !plan.settings.contains("[load]") {
            // A busy machine changes nothing that a test is not about.
            settings.push_str("[load]\nshedding = \"off\"\n");
        }
        std::fs::write(folder.path().join("waypost.toml"), settings).unwrap();
        let provoked = Provoked {
            mutant: plan.mutant,
            ..Provoked::default()
        };
        let mut process = Process::spawn(&plan.program, folder.path(), provoked);
        process.listening(LIMIT).await;
        let http = reqwest::Client::builder().timeout(LIMIT).build().unwrap();
        Self {
            net,
            folder,
            program: plan.program,
            mutant: plan.mutant,
            process,
            http,
        }
    }

    /// Where the program listens; changes with every start.
    pub(crate) fn address(&self) -> String {
        self.process.address.clone()
    }

    pub(crate) fn key(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("data/cli.key"))
            .unwrap()
            .trim()
            .to_owned()
    }

    /// Ends the program as an operator would, and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.begin(None).await;
    }

    /// Ends the program as an operator would. Start it again with [`Stage::begin`].
    pub(crate) async fn stop(&mut self) {
        self.process.terminate(LIMIT).await;
    }

    /// Runs another command of the program with the same settings; answers its JSON.
    pub(crate) async fn command(&self, args: &[&str]) -> Value {
        let done = self.run_command(args).await;
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&done.stdout).unwrap()
    }

    /// The same for a command that is to be refused; answers what it says.
    pub(crate) async fn refused_command(&self, args: &[&str]) -> String {
        let done = self.run_command(args).await;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success(), "{args:?} was not refused");
        said
    }

    async fn run_command(&self, args: &[&str]) -> std::process::Output {
        let command = tokio::process::Command::new(&self.program)
            .arg("--config")
            .arg(self.folder.path().join("waypost.toml"))
            // The settings leave the port to the system.
            .arg("--url")
            .arg(format!("http://{}", self.process.address))
            .arg("--json")
            .args(args)
            .output();
        in_time(&format!("{args:?}"), command).await.unwrap()
    }

    /// Ends the program without a warning. Start it again with [`Stage::begin`].
    pub(crate) async fn kill_9(&mut self) {
        self.process.kill_9().await;
    }

    /// Starts the program again after its end. With a failpoint it may be dead before it listens.
    pub(crate) async fn begin(&mut self, failpoint: Option<Failpoint>) {
        let mutant = self.mutant;
        let provoked = Provoked { failpoint, mutant };
        self.process = Process::spawn(&self.program, self.folder.path(), provoked);
        if failpoint.is_none() {
            self.process.listening(LIMIT).await;
        }
    }

    /// Stops the program in mid-air, as a machine that sleeps does.
    pub(crate) fn hang(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Starts the program a second time; the stage goes on with that one. The one before is given back.
    pub(crate) async fn replace(&mut self) -> Replaced {
        let provoked = Provoked::default();
        let folder = self.folder.path();
        let mut other = Process::logging_to("other.log", &self.program, folder, provoked);
        other.listening(LIMIT).await;
        Replaced(std::mem::replace(&mut self.process, other))
    }

    /// Waits until the program listens.
    pub(crate) async fn listens(&mut self) {
        self.process.listening(LIMIT).await;
    }

    /// Whether the failpoint has killed the program; any other end fails the test.
    pub(crate) fn is_dead(&mut self) -> bool {
        self.process.is_killed()
    }

    pub(crate) fn phone(&self, number: &str) -> Phone {
        let spec = PhoneSpec {
            number: number.into(),
            push_name: "Owner".into(),
            ..Default::default()
        };
        self.net.add_phone(spec).unwrap()
    }

    pub(crate) fn contact(&self, number: &str) -> Contact {
        let push_name = format!("Contact {number}");
        self.net
            .add_contact(ContactSpec {
                number: number.into(),
                push_name,
                ..Default::default()
            })
            .unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}/api/v1{path}", self.process.address);
        self.http.request(method, url).bearer_auth(self.key())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Value {
        answer(self.request(Method::PATCH, path).json(&body)).await
    }

    /// What Prometheus would read.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.process.address);
        self.http
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// The items of a list.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        self.get(path).await["items"].as_array().unwrap().clone()
    }

    /// Creates an account and begins to link it.
    pub(crate) async fn begin_link(&self, number: &str, method: &str) -> String {
        let body = json!({"name": format!("Account {number}"), "phone": format!("+{number}")});
        let account = text(&self.post("/accounts", body).await, "/id");
        self.post(
            &format!("/accounts/{account}/link"),
            json!({"method": method}),
        )
        .await;
        account
    }

    /// Waits until the link shows something; `field` is `qr` or `code`.
    pub(crate) async fn shown(&self, account: &str, field: &str) -> String {
        until(&format!("a {field} on show"), async || {
            let link = self.get(&format!("/accounts/{account}/link")).await;
            link[field].as_str().map(str::to_owned).ok_or(link)
        })
        .await
    }

    /// Links a new account by QR code and waits until it is online.
    pub(crate) async fn link(&self, number: &str) -> Linked {
        let phone = self.phone(number);
        self.link_phone(phone).await
    }

    /// As [`Stage::link`], with a phone that was prepared before.
    pub(crate) async fn link_phone(&self, phone: Phone) -> Linked {
        let id = self.begin_link(phone.number(), "qr").await;
        let qr = self.shown(&id, "qr").await;
        phone.scan(&qr).await.unwrap();
        self.account_state(&id, "online").await;
        Linked { id, phone }
    }

    /// Waits for a state of an account; answers the account.
    pub(crate) async fn account_state(&self, account: &str, state: &str) -> Value {
        until(&format!("state {state}"), async || {
            let shown = self.get(&format!("/accounts/{account}")).await;
            if shown["state"] == state {
                Ok(shown)
            } else {
                Err(shown)
            }
        })
        .await
    }

    /// Waits for a state with a reason; answers the account.
    pub(crate) async fn account_is(&self, account: &str, state: &str, reason: &str) -> Value {
        until(&format!("state {state} because of {reason}"), async || {
            let shown = self.get(&format!("/accounts/{account}")).await;
            let there = shown["state"] == state && shown["reason"]["code"] == reason;
            if there { Ok(shown) } else { Err(shown) }
        })
        .await
    }

    /// A rule that answers every direct message with what it said, after `Echo: `.
    pub(crate) async fn rule_echo(&self) {
        let rule = json!({"name": "echo", "matches": {"on": "any"}, "scope": "everywhere", "answer": "Echo: {text}"});
        self.post("/rules", rule).await;
    }

    pub(crate) async fn send_text(&self, account: &str, to: &str, body: &str) -> Value {
        let content = json!({"kind": "text", "body": body});
        self.post(
            "/messages",
            json!({"account": account, "to": to, "content": content}),
        )
        .await
    }

    /// Waits for a send to come this far; answers the message.
    pub(crate) async fn send_state(&self, message: &Value, state: &str) -> Value {
        let path = format!("/messages/{}", text(message, "/id"));
        until(&format!("the send to be {state}"), async || {
            let shown = self.get(&path).await;
            if shown["state"] == state {
                Ok(shown)
            } else {
                Err(shown)
            }
        })
        .await
    }

    /// Waits for the conversation list of an account to have `count` entries; answers them.
    pub(crate) async fn conversations(&self, account: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} conversations"), async || {
            let items = self
                .items(&format!("/conversations?account={account}"))
                .await;
            if items.len() == count {
                Ok(items)
            } else {
                Err(items)
            }
        })
        .await
    }

    /// Waits for the only conversation of an account to hold `count` messages; answers them,
    /// newest first.
    pub(crate) async fn messages(&self, account: &str, count: usize) -> Vec<Value> {
        let conversation = text(&self.conversations(account, 1).await[0], "/id");
        until(&format!("{count} messages"), async || {
            let items = self
                .items(&format!("/conversations/{conversation}/messages"))
                .await;
            if items.len() == count {
                Ok(items)
            } else {
                Err(items)
            }
        })
        .await
    }

    /// Waits until nothing received is unfinished and nothing is left to send.
    pub(crate) async fn settled(&self, account: &str) -> Value {
        until("nothing left to do", async || {
            let shown = self.get(&format!("/accounts/{account}")).await;
            let counts = &shown["counts"];
            let idle = counts["unfinished"] == 0 && counts["waiting_to_send"] == 0;
            if idle { Ok(shown) } else { Err(shown) }
        })
        .await
    }

    /// What the apps on the other side show of an account's messages.
    pub(crate) fn apps_show(&self, number: &str) -> Vec<String> {
        self.net.with_ledger(|l| {
            l.shown_from(number)
                .iter()
                .map(|s| s.text.clone())
                .collect()
        })
    }

    /// Waits until the apps on the other side show exactly this.
    pub(crate) async fn apps_come_to_show(&self, number: &str, texts: &[&str]) {
        until(&format!("the apps to show {texts:?}"), async || {
            let shown = self.apps_show(number);
            if shown == texts { Ok(()) } else { Err(shown) }
        })
        .await;
    }
}

/// A text inside a JSON value.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("no text at {pointer} of {value}"))
        .to_owned()
}

/// The body of a successful answer.
async fn answer(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {body}");
    serde_json::from_str(&body).unwrap_or(Value::Null)
}

/// Looks again and again until `look` finds what it waits for; fails at [`LIMIT`] with what it
/// saw last.
pub(crate) async fn until<T, E: std::fmt::Debug>(
    what: &str,
    look: impl AsyncFn() -> Result<T, E>,
) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() > deadline => panic!("waited for {what}, but saw {seen:?}"),
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Fails when `future` takes longer than anything may.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(LIMIT, future).await;
    done.unwrap_or_else(|_| panic!("waited too long for {what}"))
}
