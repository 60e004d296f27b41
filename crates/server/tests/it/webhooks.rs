//! Deliveries to endpoints that work, fail, hang, redirect and go away.

use super::api_scene::Scene;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use waypost_engine::model::{AccountId, Content};
use waypost_server::config::Config;
use waypost_server::webhooks::Worker;
use waypost_store::OwnerEpoch;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// How long anything may take; far beyond what it does.
const DEADLINE: Duration = Duration::from_secs(40);

struct Post {
    scene: Scene,
    receiver: MockServer,
    stop: CancellationToken,
    worker: Option<Worker>,
    account: AccountId,
    owner: OwnerEpoch,
    endpoint: Value,
}

fn loopback(config: &mut Config) {
    config.webhooks.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    config.webhooks.timeout_s = 2;
}

impl Post {
    async fn start(mock: Mock) -> Self {
        let scene = Scene::with(loopback).await;
        let receiver = MockServer::start().await;
        mock.mount(&receiver).await;
        let account = scene.account("Office").await;
        let owner = scene.own(account).await;
        let url = format!("{}/hook", receiver.uri());
        let body = json!({"url": url, "kinds": ["message.received"]});
        let endpoint = scene.post("/webhooks", body).await;
        let mut post = Self {
            scene,
            receiver,
            stop: CancellationToken::new(),
            worker: None,
            account,
            owner,
            endpoint,
        };
        post.work();
        post
    }

    fn work(&mut self) {
        let mut config = Config::default();
        loopback(&mut config);
        self.stop = CancellationToken::new();
        self.worker = Some(Worker::start(
            &config.webhooks,
            self.scene.store.clone(),
            self.scene.fleet.clone(),
            self.stop.clone(),
        ));
    }

    async fn rest(&mut self) {
        self.stop.cancel();
        let worker = self.worker.take().unwrap();
        tokio::time::timeout(DEADLINE, worker.drain())
            .await
            .expect("the worker stops");
    }

    async fn says(&self, from: &str, wire: &str) {
        self.scene
            .receives(self.account, self.owner, from, wire, Content::text(wire))
            .await;
    }

    fn path(&self) -> String {
        format!("/webhooks/{}", self.endpoint["id"].as_str().unwrap())
    }

    /// Waits until the endpoint's log has this many entries; newest first.
    async fn log(&self, count: usize) -> Vec<Value> {
        log(&self.scene, &self.path(), count).await
    }

    async fn received(&self) -> Vec<Request> {
        self.receiver.received_requests().await.unwrap()
    }
}

/// Asks again and again until there is an answer.
async fn eventually<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asking)
        .await
        .expect("it happens in time")
}

async fn log(scene: &Scene, endpoint: &str, count: usize) -> Vec<Value> {
    let path = format!("{endpoint}/deliveries");
    eventually(async || {
        let log = scene.get(&path).await;
        let items = log["items"].as_array().unwrap();
        (items.len() >= count).then(|| items.clone())
    })
    .await
}

fn id(request: &Request) -> String {
    request.headers["webhook-id"].to_str().unwrap().to_owned()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// Checks a request as a receiver would.
fn verify(secret: &str, request: &Request) -> bool {
    let key = STANDARD
        .decode(secret.trim_start_matches("whsec_"))
        .unwrap();
    let time = request.headers["webhook-timestamp"].to_str().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{time}.", id(request)).as_bytes());
    mac.update(&request.body);
    let right = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    request.headers["webhook-signature"]
        .to_str()
        .unwrap()
        .split(' ')
        .any(|given| given == right)
}

#[tokio::test]
async fn a_message_reaches_the_endpoint_signed() {
    let mut post =
        Post::start(Mock::given(method("POST")).respond_with(ResponseTemplate::new(204))).await;
    post.says("11", "W1").await;
    let log = post.log(1).await;
    assert_eq!(
        (&log[0]["status"], &log[0]["error"]),
        (&json!(204), &Value::Null)
    );
    assert_eq!(log[0]["kind"], "message.received");
    let request = post.received().await.remove(0);
    assert!(verify(post.endpoint["secret"].as_str().unwrap(), &request));
    let sent = body(&request);
    assert_eq!(
        (&sent["type"], &sent["id"]),
        (&json!("message.received"), &json!(id(&request)))
    );
    assert_eq!(sent["account"], post.account.to_string());
    assert!(sent["timestamp"].is_string() && sent["data"].is_object());
    let ours = post.scene.get(&post.path()).await;
    assert!(ours["succeeded_at"].is_string());
    post.rest().await;
}

#[tokio::test]
async fn during_a_rotation_the_old_secret_still_verifies() {
    let mut post =
        Post::start(Mock::given(method("POST")).respond_with(ResponseTemplate::new(200))).await;
    let new = post
        .scene
        .post(&format!("{}/rotate-secret", post.path()), json!({}))
        .await;
    post.says("11", "W1").await;
    post.log(1).await;
    let request = post.received().await.remove(0);
    assert!(verify(post.endpoint["secret"].as_str().unwrap(), &request));
    assert!(verify(new["secret"].as_str().unwrap(), &request));
    post.rest().await;
}

#[tokio::test]
async fn a_failure_is_tried_again_with_the_same_body_and_holds_up_its_own_conversation_only() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    let answer = |request: &Request| {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let first_of_eleven = text.contains("W11-1");
        if first_of_eleven && TRIES.fetch_add(1, Ordering::SeqCst) == 0 {
            return ResponseTemplate::new(500).set_body_string("broken");
        }
        ResponseTemplate::new(200)
    };
    let mut post = Post::start(Mock::given(method("POST")).respond_with(answer)).await;
    post.rest().await;
    for (from, wire) in [
        ("11", "W11-1"),
        ("22", "W22-1"),
        ("11", "W11-2"),
        ("22", "W22-2"),
    ] {
        post.says(from, wire).await;
    }
    post.work();
    let log = post.log(5).await;
    assert_eq!(
        log.iter().filter(|entry| entry["status"] == 500).count(),
        1,
        "{log:?}"
    );
    assert_eq!(
        log.iter().find(|entry| entry["status"] == 500).unwrap()["response"],
        "broken"
    );
    let requests = post.received().await;
    let order = |part: &str| -> Vec<String> {
        let said = |r: &Request| String::from_utf8_lossy(&r.body).into_owned();
        let names = ["W11-1", "W11-2", "W22-1", "W22-2"];
        let found = requests
            .iter()
            .filter_map(|r| names.iter().find(|n| said(r).contains(**n)));
        found
            .filter(|n| n.starts_with(part))
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(order("W11"), ["W11-1", "W11-1", "W11-2"]);
    assert_eq!(order("W22"), ["W22-1", "W22-2"]);
    let again: Vec<&Request> = requests
        .iter()
        .filter(|r| String::from_utf8_lossy(&r.body).contains("W11-1"))
        .collect();
    assert_eq!(
        (id(again[0]), &again[0].body),
        (id(again[1]), &again[1].body)
    );
    // The other conversation did not wait for the retry.
    let position = |name: &str, nth: usize| {
        let at: Vec<usize> = requests
            .iter()
            .enumerate()
            .filter(|(_, r)| String::from_utf8_lossy(&r.body).contains(name))
            .map(|(i, _)| i)
            .collect();
        at[nth]
    };
    assert!(position("W22-2", 0) < position("W11-1", 1));
    post.rest().await;
}

#[tokio::test]
async fn gone_switches_the_endpoint_off_with_an_event_and_it_goes_on_where_it_was() {
    static GONE: AtomicUsize = AtomicUsize::new(0);
    let answer = |_: &Request| match GONE.fetch_add(1, Ordering::SeqCst) {
        0 => ResponseTemplate::new(410),
        _ => ResponseTemplate::new(200),
    };
    let mut post = Post::start(Mock::given(method("POST")).respond_with(answer)).await;
    let cursor = post.scene.get("/events").await["next"]
        .as_str()
        .unwrap()
        .to_owned();
    post.says("11", "W1").await;
    post.log(1).await;
    let off = eventually(async || {
        let now = post.scene.get(&post.path()).await;
        (now["enabled"] == false).then_some(now)
    })
    .await;
    assert_eq!(off["disabled_reason"], "gone");
    let events = post
        .scene
        .get(&format!("/events?after={cursor}&kinds=endpoint.disabled"))
        .await;
    assert_eq!(events["items"].as_array().unwrap().len(), 1);

    post.says("11", "W2").await;
    post.scene
        .call(Method::PATCH, &post.path(), json!({"enabled": true}))
        .await;
    post.log(3).await;
    let ids: Vec<String> = post.received().await.iter().map(id).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    post.rest().await;
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let elsewhere = MockServer::start().await;
    let to = format!("{}/secret", elsewhere.uri());
    let redirect = ResponseTemplate::new(302).insert_header("location", to.as_str());
    let mut post = Post::start(Mock::given(method("POST")).respond_with(redirect)).await;
    post.says("11", "W1").await;
    let log = post.log(1).await;
    assert_eq!(log[0]["status"], 302);
    assert!(
        log[0]["error"].as_str().unwrap().contains("redirect"),
        "{log:?}"
    );
    post.rest().await;
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_silent_or_endless_endpoint_is_left_within_its_limits() {
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    let mut post = Post::start(Mock::given(method("POST")).respond_with(slow)).await;
    post.says("11", "W1").await;
    let log = post.log(1).await;
    assert_eq!(log[0]["status"], Value::Null);
    assert!(
        log[0]["error"].as_str().unwrap().contains("in time"),
        "{log:?}"
    );
    post.rest().await;

    let long = ResponseTemplate::new(200).set_body_string("x".repeat(3_000_000));
    let mut post = Post::start(Mock::given(method("POST")).respond_with(long)).await;
    post.says("11", "W1").await;
    let log = post.log(1).await;
    assert_eq!(log[0]["response"].as_str().unwrap().len(), 1_024);
    post.rest().await;
}

#[tokio::test]
async fn what_was_delivered_can_be_had_again() {
    let mut post =
        Post::start(Mock::given(method("POST")).respond_with(ResponseTemplate::new(200))).await;
    for wire in ["W1", "W2", "W3"] {
        post.says("11", wire).await;
    }
    post.log(3).await;
    post.scene
        .post(
            &format!("{}/recover", post.path()),
            json!({"since": "2020-01-01T00:00:00Z"}),
        )
        .await;
    post.log(6).await;
    let ids: Vec<String> = post.received().await.iter().map(id).collect();
    assert_eq!(ids[..3], ids[3..6]);
    post.rest().await;
}

#[tokio::test]
async fn a_name_that_leads_into_the_private_network_is_not_called() {
    let mut config = Config::default();
    config.webhooks.allow_private = Vec::new();
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let owner = scene.own(account).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    let endpoint = scene.post("/webhooks", json!({"url": url})).await;
    let stop = CancellationToken::new();
    let (store, fleet) = (scene.store.clone(), scene.fleet.clone());
    let worker = Worker::start(&config.webhooks, store, fleet, stop.clone());
    scene
        .receives(account, owner, "11", "W1", Content::text("secret"))
        .await;
    let path = format!("/webhooks/{}", endpoint["id"].as_str().unwrap());
    let log = log(&scene, &path, 1).await;
    let error = log[0]["error"].as_str().unwrap();
    assert!(error.contains("private network"), "{error}");
    let called = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(called.is_err(), "a connection was made");
    stop.cancel();
    worker.drain().await;
}

#[tokio::test]
async fn a_test_event_is_sent_at_once_and_says_what_came_of_it() {
    let mut post = Post::start(
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(418).set_body_string("tea")),
    )
    .await;
    let answer = post
        .scene
        .post(&format!("{}/test", post.path()), json!({}))
        .await;
    assert_eq!(
        (&answer["delivered"], &answer["status"], &answer["response"]),
        (&json!(false), &json!(418), &json!("tea"))
    );
    let request = post.received().await.remove(0);
    assert!(verify(post.endpoint["secret"].as_str().unwrap(), &request));
    assert_eq!(body(&request)["type"], "endpoint.test");
    post.rest().await;
}
