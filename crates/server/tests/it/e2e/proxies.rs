//! Accounts that are shown to WhatsApp from another address, through real proxies.

use crate::stage::proxy::{FAR, Kind, Proxy, USER};
use crate::stage::{Stage, text, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use wasim::Outgoing;

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
/// Where this machine's own connections come from.
const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How many connections WhatsApp saw from the proxy, and how many from this machine itself.
fn seen(stage: &Stage) -> (u64, u64) {
    let callers = stage.net.callers();
    let from = |address| callers.get(&address).copied().unwrap_or_default();
    (from(FAR), from(NEAR))
}

/// Waits until the account is as wanted and a connection of it came through the proxy.
async fn set(stage: &Stage, account: &str, proxy: Value) -> Value {
    let path = format!("/accounts/{account}");
    stage.patch(&path, json!({"proxy": proxy})).await
}

/// A new account that has a proxy before it is linked.
async fn behind(stage: &Stage, proxy: &Proxy) -> String {
    let body = json!({"name": "Sales", "phone": format!("+{OWNER}")});
    let account = text(&stage.post("/accounts", body).await, "/id");
    set(
        stage,
        &account,
        json!(proxy.address(USER, proxy.password())),
    )
    .await;
    account
}

async fn everything_goes_through(kind: Kind) {
    let proxy = Proxy::start(kind);
    let stage = Stage::start().await;
    let account = behind(&stage, &proxy).await;
    // Linking, both its sockets.
    let phone = stage.phone(OWNER);
    let path = format!("/accounts/{account}/link");
    stage.post(&path, json!({"method": "qr"})).await;
    let qr = stage.shown(&account, "qr").await;
    phone.scan(&qr).await.unwrap();
    stage.account_state(&account, "online").await;

    // A message with a file in, and one out.
    let ana = stage.contact(ANA);
    let bytes = b"%PDF-1.4 a plan".to_vec();
    let sent = Outgoing::Document {
        bytes: bytes.clone(),
        name: "plan.pdf".into(),
        mime: "application/pdf".into(),
        caption: None,
    };
    ana.send(OWNER, sent).await.unwrap();
    let message = stage.messages(&account, 1).await.remove(0);
    let path = format!("/messages/{}", text(&message, "/id"));
    until("the file to be fetched", async || {
        let shown = stage.get(&path).await;
        if shown["media"]["state"] == "stored" {
            Ok(())
        } else {
            Err(shown)
        }
    })
    .await;
    let upload = stage
        .request(Method::POST, "/blobs?file_name=plan.pdf")
        .header("content-type", "application/pdf");
    let blob: Value = upload
        .body(bytes)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let content = json!({"kind": "document", "blob": text(&blob, "/id"), "file_name": "plan.pdf"});
    let body = json!({"account": account, "to": format!("+{ANA}"), "content": content});
    let sent = stage.post("/messages", body).await;
    stage.send_state(&sent, "delivered").await;

    // Two sockets for linking, one or more connections for files; none of them direct.
    let (through, direct) = seen(&stage);
    assert!(through >= 3, "{:?}", stage.net.callers());
    assert_eq!(
        direct,
        0,
        "something went past the proxy: {:?}",
        stage.net.callers()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_an_account_goes_through_its_http_proxy() {
    everything_goes_through(Kind::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_an_account_goes_through_its_socks_proxy() {
    everything_goes_through(Kind::Socks5).await;
}

async fn nothing_goes_past_a_dead(kind: Kind) {
    let mut proxy = Proxy::start(kind);
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let account = linked.id.as_str();
    // It was direct until now; from here on it must not be.
    set(
        &stage,
        account,
        json!(proxy.address(USER, proxy.password())),
    )
    .await;
    until("the account to go through the proxy", async || {
        let shown = stage.get(&format!("/accounts/{account}")).await;
        if seen(&stage).0 > 0 && shown["state"] == "online" {
            Ok(())
        } else {
            Err((shown, stage.net.callers()))
        }
    })
    .await;
    let (_, direct) = seen(&stage);

    proxy.stop();
    let shown = stage
        .account_is(account, "recovering", "proxy_unreachable")
        .await;
    assert!(text(&shown, "/reason/text").contains("never connects without it"));
    let checked = stage
        .post(&format!("/accounts/{account}/proxy/check"), json!({}))
        .await;
    assert_eq!(
        (&checked["works"], text(&checked, "/code")),
        (&json!(false), "proxy_unreachable".into())
    );
    // Somebody is impatient.
    for _ in 0..3 {
        stage
            .post(&format!("/accounts/{account}/reconnect"), json!({}))
            .await;
        stage
            .account_is(account, "recovering", "proxy_unreachable")
            .await;
    }
    assert_eq!(seen(&stage).1, direct, "it was tried without the proxy");

    // What was said meanwhile arrives when the proxy is there again.
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("anybody there?"))
        .await
        .unwrap();
    proxy.begin();
    stage
        .post(&format!("/accounts/{account}/reconnect"), json!({}))
        .await;
    stage.account_is(account, "online", "connected").await;
    stage.messages(account, 1).await;
    assert_eq!(seen(&stage).1, direct, "it was tried without the proxy");
    let checked = stage
        .post(&format!("/accounts/{account}/proxy/check"), json!({}))
        .await;
    assert_eq!(checked["works"], true, "{checked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_past_a_dead_http_proxy() {
    nothing_goes_past_a_dead(Kind::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_past_a_dead_socks_proxy() {
    nothing_goes_past_a_dead(Kind::Socks5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_behind_a_dead_proxy_says_so_instead_of_waiting_for_a_scan() {
    let mut proxy = Proxy::start(Kind::Socks5);
    let stage = Stage::start().await;
    let account = behind(&stage, &proxy).await;
    proxy.stop();
    let path = format!("/accounts/{account}/link");
    stage.post(&path, json!({"method": "qr"})).await;
    until("the link to fail", async || {
        let link = stage.get(&path).await;
        let why = link["message"].as_str().unwrap_or_default();
        if link["status"] == "failed" && why.contains("proxy") {
            Ok(())
        } else {
            Err(link)
        }
    })
    .await;
    stage
        .account_is(&account, "needs_attention", "proxy_unreachable")
        .await;
    assert_eq!(seen(&stage), (0, 0));
}

async fn a_wrong_password_is_a_persons_task(kind: Kind) {
    let proxy = Proxy::start(kind);
    let mut stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let account = linked.id.as_str();
    let (_, direct) = seen(&stage);
    let changed = set(&stage, account, json!(proxy.address(USER, "wrong"))).await;
    let shown = text(&changed, "/proxy");
    assert!(
        shown.contains("sales:***@127.0.0.1") && !shown.contains("wrong"),
        "{shown}"
    );
    stage
        .account_is(account, "needs_attention", "proxy_refused")
        .await;
    // Neither a restart nor an unlink makes it forget its proxy.
    stage.restart().await;
    stage
        .account_is(account, "needs_attention", "proxy_refused")
        .await;
    assert_eq!(
        text(&stage.get(&format!("/accounts/{account}")).await, "/proxy"),
        shown
    );
    assert_eq!(seen(&stage).1, direct, "it was tried without the proxy");
    // The right password is all it takes.
    set(
        &stage,
        account,
        json!(proxy.address(USER, proxy.password())),
    )
    .await;
    stage.account_is(account, "online", "connected").await;
    stage
        .post(&format!("/accounts/{account}/unlink"), json!({}))
        .await;
    stage.account_state(account, "logged_out").await;
    assert_eq!(
        text(&stage.get(&format!("/accounts/{account}")).await, "/proxy"),
        shown
    );
    assert_eq!(seen(&stage).1, direct, "it was tried without the proxy");
    // The password is nowhere to be read, at rest or in the log.
    stage.stop().await;
    let address = proxy.address(USER, proxy.password());
    let (encoded, _) = address.rsplit_once('@').unwrap();
    let encoded = encoded.rsplit_once(':').unwrap().1.to_owned();
    let secrets = [proxy.password().to_owned(), encoded];
    for entry in walk(stage.folder.path()) {
        let bytes = std::fs::read(&entry).unwrap();
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "the password stands in {}", entry.display());
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_for_an_http_proxy_is_a_persons_task() {
    a_wrong_password_is_a_persons_task(Kind::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_for_a_socks_proxy_is_a_persons_task() {
    a_wrong_password_is_a_persons_task(Kind::Socks5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_is_set_and_removed_from_the_terminal() {
    let proxy = Proxy::start(Kind::Socks5);
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let account = linked.id.as_str();
    let address = proxy.address(USER, proxy.password());
    let run = async |more: &[&str]| {
        let words = [&["account", "proxy", account], more].concat();
        stage.command(&words).await
    };
    let shown = run(&[&address]).await;
    assert!(
        text(&shown, "/proxy").starts_with("socks5://sales:***@"),
        "{shown}"
    );
    let checked = run(&["--check"]).await;
    assert_eq!(checked["works"], true, "{checked}");
    let shown = run(&["--remove"]).await;
    assert_eq!(shown["proxy"], Value::Null);
    stage.account_is(account, "online", "connected").await;
    let refused = stage
        .request(Method::PATCH, &format!("/accounts/{account}"))
        .json(&json!({"proxy": "https://proxy.example.com"}))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 422);
}
