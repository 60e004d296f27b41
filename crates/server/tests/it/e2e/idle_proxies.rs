//! Proxies that die while nobody needs them, and what a person sees of that.

use crate::stage::proxy::{FAR, Kind, Proxy, USER};
use crate::stage::{Plan, Stage, text, until};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use wasim::Outgoing;

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
/// Where this machine's own connections come from.
const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn stage() -> Stage {
    Stage::with(Plan {
        settings: "[proxies]\ncheck_ms = 1000\nagain_ms = 1000\n".into(),
        ..Plan::default()
    })
    .await
}

/// Waits until this is known of the account's proxy; answers the account.
async fn proxy_is(stage: &Stage, account: &str, state: &str) -> Value {
    until(&format!("the proxy to be {state}"), async || {
        let shown = stage.get(&format!("/accounts/{account}")).await;
        if shown["proxy_state"]["state"] == state {
            Ok(shown)
        } else {
            Err(shown)
        }
    })
    .await
}

/// What was told of proxies since `start`: whether they work, and why not.
async fn told(stage: &Stage, start: &str) -> Vec<(bool, String)> {
    let path = format!("/events?after={start}&kinds=account.proxy");
    let events = stage.items(&path).await;
    let of = |event: &Value| {
        let why = event["data"]["reason"]["code"].as_str().unwrap_or_default();
        (event["data"]["works"] == true, why.to_owned())
    };
    events.iter().map(of).collect()
}

fn direct(stage: &Stage) -> u64 {
    stage.net.callers().get(&NEAR).copied().unwrap_or_default()
}

async fn dies_and_comes_back_while_the_account_is_off(kind: Kind) {
    let mut proxy = Proxy::start(kind);
    let stage = stage().await;
    let start = text(&stage.get("/events").await, "/next");
    // An account that has a proxy and was never linked: nothing of it connects.
    let account = text(
        &stage.post("/accounts", json!({"name": "Sales"})).await,
        "/id",
    );
    let path = format!("/accounts/{account}");
    let address = proxy.address(USER, proxy.password());
    let set = stage.patch(&path, json!({"proxy": address})).await;
    assert_eq!(set["proxy_state"]["state"], "unknown");
    let works = proxy_is(&stage, &account, "works").await;
    assert_eq!(works["state"], "new");
    assert!(works["proxy_state"]["next_check_at"].is_string(), "{works}");

    proxy.stop();
    let dead = proxy_is(&stage, &account, "failing").await;
    assert_eq!(text(&dead, "/proxy_state/reason/code"), "proxy_unreachable");
    assert!(text(&dead, "/proxy_state/reason/text").contains("never connects without it"));
    assert!(dead["proxy_state"]["failing_since"].is_string(), "{dead}");
    // Its own state is what it was: nobody wanted it to connect.
    assert_eq!(dead["state"], "new");
    let shown = stage.command(&["account", "proxy", &account]).await;
    assert_eq!(shown["proxy_state"]["state"], "failing");
    let said = stage.metrics().await;
    assert!(
        said.contains("waypost_proxies{state=\"failing\"} 1"),
        "{said}"
    );
    assert!(
        said.contains("waypost_proxy_checks_total{outcome=\"unreachable\"}"),
        "{said}"
    );

    proxy.begin();
    let back = proxy_is(&stage, &account, "works").await;
    assert_eq!(back["proxy_state"]["failing_since"], Value::Null);
    until("both to be told", async || {
        let told = told(&stage, &start).await;
        let expected = [
            (false, "proxy_unreachable".to_owned()),
            (true, String::new()),
        ];
        if told == expected { Ok(()) } else { Err(told) }
    })
    .await;
    assert_eq!(direct(&stage), 0, "a trial went past the proxy");
    assert!(stage.net.callers().contains_key(&FAR), "nothing was tried");
    // Without a proxy there is nothing to be known.
    let removed = stage.patch(&path, json!({"proxy": null})).await;
    assert_eq!(removed["proxy_state"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http_proxy_that_dies_while_its_account_is_off_is_noticed() {
    dies_and_comes_back_while_the_account_is_off(Kind::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socks_proxy_that_dies_while_its_account_is_off_is_noticed() {
    dies_and_comes_back_while_the_account_is_off(Kind::Socks5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_ran_out_is_known_before_the_connection_needs_it() {
    let proxy = Proxy::start(Kind::Http);
    let stage = stage().await;
    let linked = stage.link(OWNER).await;
    let account = linked.id.as_str();
    let address = proxy.address(USER, proxy.password());
    let path = format!("/accounts/{account}");
    stage.patch(&path, json!({"proxy": address})).await;
    until("the account to go through the proxy", async || {
        let shown = stage.get(&path).await;
        let through = stage.net.callers().contains_key(&FAR);
        if through && shown["state"] == "online" && shown["proxy_state"]["state"] == "works" {
            Ok(())
        } else {
            Err(shown)
        }
    })
    .await;
    let before = direct(&stage);

    // The provider changes the password. What is open stays open.
    proxy.takes_only("Another.1");
    let shown = proxy_is(&stage, account, "failing").await;
    assert_eq!(text(&shown, "/proxy_state/reason/code"), "proxy_refused");
    assert_eq!(shown["state"], "online", "{shown}");
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("still there?"))
        .await
        .unwrap();
    stage.messages(account, 1).await;
    // Then the connection breaks, and no new one can be had.
    linked.phone.kick();
    stage
        .account_is(account, "needs_attention", "proxy_refused")
        .await;
    assert_eq!(direct(&stage), before, "it was tried without the proxy");

    // The old password is good again: nobody has to press anything.
    proxy.takes_only(proxy.password());
    stage.account_is(account, "online", "connected").await;
    proxy_is(&stage, account, "works").await;
    assert_eq!(direct(&stage), before, "it was tried without the proxy");
}
