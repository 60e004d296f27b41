//! The real `waypost` and a `wasim` beside it, each a process of its own, driven over HTTP.

use crate::Setting;
use crate::clock::{self, until};
use crate::process::Program;
use anyhow::{Context as _, Result, bail};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// Longest that anything on the stage may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(900);
/// Pause between two looks at something awaited.
pub(crate) const LOOK: Duration = Duration::from_millis(50);
/// Accounts linked at the same time.
const LINKS_AT_ONCE: usize = 8;
/// The most items that one page of the API holds.
const PAGE: usize = 200;
/// The oldest message that a rule may answer, in milliseconds: a day. Ten minutes, the default, pass in a
/// long run while the network keeps a message back.
const AGE_MAX_MS: u64 = 24 * 3_600_000;

/// Settings under which the limits for sending do not decide what is measured.
const SETTINGS: &str = r#"
[link]
at_once = 8
[send]
account_burst = 100000
account_gap_ms = 0
recipient_burst = 100000
recipient_gap_ms = 0
unasked_per_day = 0
new_chats_per_day = 0
new_chat_gap_s = 0
number_check = "off"
[webhooks]
allow_private = ["127.0.0.0/8"]
"#;

/// A linked account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) number: String,
}

/// Both programs, running.
pub(crate) struct Stage {
    pub(crate) wasim: Program,
    pub(crate) waypost: Program,
    pub(crate) network: Api,
    program: PathBuf,
    listen: SocketAddr,
    folder: TempDir,
    about: Value,
}

impl Stage {
    /// Starts both with an empty data folder.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(crate) async fn start(setting: &Setting) -> Result<Self> {
        Self::start_with(setting, "").await
    }

    /// The same with more sections in the settings file.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(crate) async fn start_with(setting: &Setting, more: &str) -> Result<Self> {
        let folder = setting.scratch()?;
        let mut command = Command::new(&setting.wasim);
        command
            .args(["serve", "--port", "0"])
            .stdout(Stdio::piped())
            .current_dir(folder.path());
        let mut wasim = Program::start("wasim", folder.path(), &mut command)?;
        let mut lines = BufReader::new(wasim.output()?).lines();
        let about = lines.next_line().await?.context("wasim said nothing")?;
        let about: Value = serde_json::from_str(&about)?;
        let network = Api::new(text(&about, "control_url")?.to_owned(), None)?;
        let listen = free_address()?;
        let settings = format!(
            "data_dir = {:?}\n[server]\nlisten = \"{listen}\"\n[whatsapp]\nurl = {}\n{SETTINGS}{more}",
            folder.path().join("data"),
            about["ws_url"],
        );
        std::fs::write(folder.path().join("waypost.toml"), settings)?;
        let waypost = launch(&setting.waypost, folder.path())?;
        let mut stage = Self {
            wasim,
            waypost,
            network,
            program: setting.waypost.clone(),
            listen,
            folder,
            about,
        };
        stage.ready().await?;
        Ok(stage)
    }

    /// What wasim said about itself: its addresses and its root key.
    pub(crate) fn about(&self) -> &Value {
        &self.about
    }

    /// Where Waypost listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listen
    }

    /// The key that Waypost leaves for its own command line; a new one with every start.
    pub(crate) fn key(&self) -> Result<String> {
        let path = self.folder.path().join("data/cli.key");
        let key = std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(key.trim().to_owned())
    }

    /// Waypost's API.
    pub(crate) fn api(&self) -> Result<Api> {
        Api::new(format!("http://{}/api/v1", self.listen), Some(self.key()?))
    }

    async fn ready(&mut self) -> Result<()> {
        let (client, url) = (Client::new(), format!("http://{}/readyz", self.listen));
        let ready = async || {
            let answer = client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        self.waypost
            .wait("waypost to be ready", (LOOK, LIMIT), ready)
            .await
    }

    /// Stops Waypost, starts it again and waits until `accounts` accounts are online. Returns how
    /// long that took from its start.
    pub(crate) async fn restart(mut self, accounts: usize) -> Result<(Self, Duration)> {
        self.waypost.stop().await?;
        let started = clock::now();
        self.waypost = launch(&self.program, self.folder.path())?;
        self.ready().await?;
        let api = self.api()?;
        until("all accounts to be online", (LOOK, LIMIT), async || {
            self.waypost.alive()?;
            let online = online(&api).await?;
            Ok((online >= accounts).then_some(()))
        })
        .await?;
        Ok((self, started.elapsed()))
    }

    /// Ends Waypost, with or without a warning, starts it again and waits until it listens. Its
    /// accounts come back by themselves.
    pub(crate) async fn begin_again(&mut self, end: End) -> Result<()> {
        match end {
            End::Asked => self.waypost.end().await?,
            End::Killed => self.waypost.kill().await?,
        }
        self.waypost = launch(&self.program, self.folder.path())?;
        self.ready().await
    }

    /// Adds phones to the network and links each to an account of its own.
    pub(crate) async fn link(&self, numbers: &[String]) -> Result<Vec<Account>> {
        let api = self.api()?;
        stream::iter(numbers)
            .map(|number| link(&api, &self.network, number))
            .buffered(LINKS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Adds contacts to the network.
    pub(crate) async fn contacts(&self, numbers: &[String]) -> Result<()> {
        for number in numbers {
            let contact = json!({"number": number, "push_name": format!("Contact {number}")});
            self.network.post("/contacts", &contact).await?;
        }
        Ok(())
    }

    /// Lets a rule answer every message that contains `word`, however late it comes. Returns its path.
    pub(crate) async fn answer(&self, word: &str) -> Result<String> {
        let rule = json!({
            "name": word, "matches": {"on": "contains", "text": word},
            "answer": "Thank you, {name}, we got: {text}", "max_age": AGE_MAX_MS,
        });
        let made = self.api()?.post("/rules", &rule).await?;
        Ok(format!("/rules/{}", text(&made, "id")?))
    }

    /// Lets Waypost tell this address of every message received. Returns the endpoint's path.
    pub(crate) async fn tell(&self, address: SocketAddr) -> Result<String> {
        let url = format!("http://{address}/hook");
        let endpoint = json!({"url": url, "kinds": ["message.received"]});
        let made = self.api()?.post("/webhooks", &endpoint).await?;
        Ok(format!("/webhooks/{}", text(&made, "id")?))
    }

    /// Waits until Waypost has learnt to read messages, which costs its first start some seconds of processor
    /// time. What it learnt is kept for later starts.
    pub(crate) async fn learnt(&self) -> Result<()> {
        let anything = json!({"text": "hello"});
        self.api()?.post("/insight/analyze", &anything).await?;
        Ok(())
    }

    /// Stops both programs.
    pub(crate) async fn stop(self) -> Result<()> {
        self.waypost.stop().await?;
        self.wasim.stop().await
    }

    /// Stops both programs and leaves what Waypost stored, for whoever looks into it.
    pub(crate) async fn stop_and_keep(self) -> Result<PathBuf> {
        self.waypost.stop().await?;
        self.wasim.stop().await?;
        Ok(self.folder.keep())
    }
}

/// How a program is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is asked to.
    Asked,
    /// It is not.
    Killed,
}

fn launch(program: &Path, folder: &Path) -> Result<Program> {
    let mut command = Command::new(program);
    command
        .arg("--config")
        .arg(folder.join("waypost.toml"))
        .arg("serve")
        .stdout(Stdio::null())
        .current_dir(folder);
    Program::start("waypost", folder, &mut command)
}

/// A loopback address that nothing listens on at the moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

async fn online(api: &Api) -> Result<usize> {
    let page = api.get(&format!("/accounts?limit={PAGE}")).await?;
    let items = page["items"].as_array().context("no list of accounts")?;
    Ok(items.iter().filter(|a| a["state"] == "online").count())
}

async fn link(api: &Api, network: &Api, number: &str) -> Result<Account> {
    let phone = json!({"number": number, "push_name": "Owner"});
    network.post("/phones", &phone).await?;
    let account = json!({"name": format!("Account {number}"), "phone": format!("+{number}")});
    let account = api.post("/accounts", &account).await?;
    let id = text(&account, "id")?.to_owned();
    let path = format!("/accounts/{id}/link");
    api.post(&path, &json!({"method": "qr"})).await?;
    let qr = until("a QR code", (LOOK, LIMIT), async || {
        let shown = api.get(&path).await?;
        Ok(shown["qr"].as_str().map(str::to_owned))
    })
    .await?;
    scan(network, number, &qr).await?;
    until("the account to be online", (LOOK, LIMIT), async || {
        let account = api.get(&format!("/accounts/{id}")).await?;
        Ok((account["state"] == "online").then_some(()))
    })
    .await?;
    Ok(Account {
        number: number.to_owned(),
    })
}

/// Lets a phone scan a code.
pub(crate) async fn scan(network: &Api, number: &str, qr: &str) -> Result<()> {
    let path = format!("/phones/{number}/scan");
    network.post(&path, &json!({"qr": qr})).await?;
    Ok(())
}

/// Numbers of a kind, counted.
pub(crate) fn numbers(prefix: &str, range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("{prefix}{n:06}")).collect()
}

/// A text in an answer.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    let found = value[field].as_str();
    found.with_context(|| format!("an answer has no `{field}`: {value}"))
}

/// A JSON interface on loopback.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    base: String,
    key: Option<String>,
}

impl Api {
    fn new(base: String, key: Option<String>) -> Result<Self> {
        let client = Client::builder().timeout(LIMIT).build()?;
        Ok(Self { client, base, key })
    }

    /// `GET`.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// `POST` with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `DELETE`.
    pub(crate) async fn delete(&self, path: &str) -> Result<()> {
        self.call(Method::DELETE, path, None).await.map(|_| ())
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let what = format!("{method} {path}");
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| what.clone())?;
        let (status, said) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("{what} was answered with {status}: {said}");
        }
        Ok(serde_json::from_str(&said).unwrap_or(Value::Null))
    }
}
