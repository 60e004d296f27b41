//! The network driven over HTTP, as tools in other languages do.

use crate::client::{ACCOUNT, ANA, Device, LIMIT, network, pn};
use serde_json::{Value, json};
use wasim::{NetEvent, Network};

/// The HTTP control of a network.
struct Control {
    net: Network,
    url: String,
}

impl Control {
    async fn start() -> Self {
        let net = network().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = wasim::control::router(net.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { net, url }
    }

    /// Calls a route; returns status and JSON.
    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .body(body.to_string())
            .unwrap();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .new_agent();
        let answer = tokio::task::spawn_blocking(move || agent.run(request));
        let mut answer = answer.await.unwrap().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&text).unwrap_or(json!(text)))
    }

    /// Calls a route that must work.
    async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        self.done("GET", path, json!({})).await
    }

    async fn with_people() -> Self {
        let control = Self::start().await;
        let owner = json!({"number": ACCOUNT, "push_name": "Owner"});
        control.done("POST", "/phones", owner).await;
        let ana = json!({"number": ANA, "push_name": "Ana", "lid": "4711"});
        control.done("POST", "/contacts", ana).await;
        control
    }
}

#[tokio::test]
async fn people_are_added_and_listed() {
    let control = Control::with_people().await;
    let about = control.get("/").await;
    assert_eq!(about["ws_url"], control.net.ws_url());
    assert_eq!(about["media_url"], control.net.media_url());
    assert_eq!(
        about["root_public_key"],
        hex::encode(control.net.root_public_key())
    );
    assert_eq!(control.get("/phones").await["phones"], json!([ACCOUNT]));
    assert_eq!(control.get("/contacts").await["contacts"], json!([ANA]));
    assert_eq!(control.net.contact(ANA).unwrap().lid(), "4711");
    let devices = control.get(&format!("/phones/{ACCOUNT}/devices")).await;
    assert_eq!(devices["devices"], json!([]));
    control.net.shutdown().await;
}

#[tokio::test]
async fn a_group_is_made_changed_and_written_to() {
    let control = Control::with_people().await;
    let ben = json!({"number": "971500000003", "push_name": "Ben"});
    control.done("POST", "/contacts", ben).await;
    let new = json!({"subject": "Family", "creator": ANA, "members": [ACCOUNT]});
    let group = control.done("POST", "/groups", new).await;
    let path = format!("/groups/{}", group["id"].as_str().unwrap());
    assert_eq!(control.get("/groups").await["groups"], json!([group["id"]]));
    for change in [
        json!({"change": "add", "by": ANA, "numbers": ["971500000003"]}),
        json!({"change": "promote", "by": ANA, "numbers": [ACCOUNT]}),
        json!({"change": "remove", "by": ANA, "numbers": ["971500000003"]}),
        json!({"change": "subject", "by": ANA, "subject": "Cousins"}),
    ] {
        control.done("PATCH", &path, change).await;
    }
    let shown = control.get(&path).await;
    assert_eq!(shown["subject"], "Cousins");
    assert_eq!(shown["members"].as_array().unwrap().len(), 2, "{shown}");
    let said = json!({"from": ANA, "content": {"kind": "text", "text": "hello all"}});
    let sent = control.done("POST", &format!("{path}/send"), said).await;
    assert!(sent["id"].is_string(), "{sent}");
    let stranger = json!({"from": "971500000003", "content": {"kind": "text", "text": "me?"}});
    let (status, _) = control
        .call("POST", &format!("{path}/send"), stranger)
        .await;
    assert_eq!(status, 404, "Ben was removed");
    control.net.shutdown().await;
}

#[tokio::test]
async fn a_phone_is_given_a_past_and_may_demand_a_passkey() {
    let control = Control::with_people().await;
    let phone = format!("/phones/{ACCOUNT}");
    let past =
        json!({"with": ANA, "by": "contact", "text": "last year", "seconds_ago": 31_536_000});
    let past = json!({"messages": [past]});
    control
        .done("POST", &format!("{phone}/history"), past)
        .await;
    let help = json!({"help": "when_asked"});
    control
        .done("POST", &format!("{phone}/placeholder-help"), help)
        .await;
    let sharing = json!({"sharing": "breaks_off"});
    control
        .done("POST", &format!("{phone}/history-sharing"), sharing)
        .await;
    let passkey = json!({"policy": "passkey_demanded"});
    control
        .done("POST", &format!("{phone}/link-policy"), passkey)
        .await;
    let shown = json!({"to": ACCOUNT, "state": "available"});
    control
        .done("POST", &format!("/contacts/{ANA}/presence"), shown)
        .await;
    let unknown = json!({"id": "3EBNOBODY"});
    let (status, _) = control
        .call("POST", &format!("/contacts/{ANA}/read"), unknown)
        .await;
    assert_eq!(status, 404);
    control.net.shutdown().await;
}

#[tokio::test]
async fn a_seed_stands_for_the_same_faults_every_time() {
    let control = Control::with_people().await;
    let seed = json!({"account": ACCOUNT, "seed": 7});
    let first = control.done("POST", "/faults", seed.clone()).await;
    assert_eq!(control.done("POST", "/faults", seed).await, first);
    let other = control.done("POST", "/faults", json!({"seed": 8})).await;
    assert_ne!(first, other);
    control.net.shutdown().await;
}

#[tokio::test]
async fn a_wrong_call_is_answered_with_a_sentence() {
    let control = Control::with_people().await;
    let nobody = "971599999999";
    let scan = json!({"qr": "2@x"});
    for (method, path, body, status) in [
        ("POST", format!("/phones/{nobody}/scan"), scan.clone(), 404),
        (
            "POST",
            format!("/contacts/{nobody}/typing"),
            json!({"to": ACCOUNT, "state": "composing"}),
            404,
        ),
        ("POST", format!("/phones/{ACCOUNT}/scan"), scan, 422),
        ("POST", "/phones".into(), json!({"number": ACCOUNT}), 409),
        (
            "POST",
            "/contacts".into(),
            json!({"number": "not a number"}),
            422,
        ),
        (
            "DELETE",
            format!("/phones/{ACCOUNT}/devices/7"),
            json!({}),
            404,
        ),
        ("GET", "/nonsense".into(), json!({}), 404),
    ] {
        let (got, answer) = control.call(method, &path, body).await;
        assert_eq!(got, status, "{method} {path}: {answer}");
        let sentence = answer["error"].as_str().unwrap_or_default();
        assert!(sentence.contains(' '), "{method} {path}: {answer}");
    }
    let (_, answer) = control
        .call("POST", &format!("/phones/{nobody}/kick"), json!({}))
        .await;
    let sentence = answer["error"].as_str().unwrap();
    assert!(sentence.contains(nobody), "{sentence}");
    control.net.shutdown().await;
}

#[tokio::test]
async fn faults_are_set_for_one_or_all_and_cleared() {
    let control = Control::with_people().await;
    let refusal = json!({"reason": 503, "times": 2});
    let one = json!({"account": ACCOUNT, "plan": {"duplicate": 0.5, "refuse_login": refusal}});
    control.done("POST", "/faults", one).await;
    let all = json!({"plan": {"silent": true}});
    control.done("POST", "/faults", all).await;
    let faults = control.net.faults();
    let plan = faults.plan(ACCOUNT);
    assert!((plan.duplicate - 0.5).abs() < f64::EPSILON);
    assert_eq!(
        plan.refuse_login.map(|r| (r.reason, r.times)),
        Some((503, Some(2)))
    );
    assert!(!plan.silent && faults.plan("971500000055").silent);
    control.done("DELETE", "/faults", json!({})).await;
    assert_eq!(faults.plan(ACCOUNT), wasim::FaultPlan::default());
    assert!(!faults.plan("971500000055").silent);
    control.net.shutdown().await;
}

#[tokio::test]
async fn a_run_is_driven_and_judged_over_http() {
    let control = Control::with_people().await;
    let device = Device::start(&control.net).await;
    let scan = json!({"qr": device.qr().await});
    let linked = control
        .done("POST", &format!("/phones/{ACCOUNT}/scan"), scan)
        .await;
    assert_eq!(linked["device"], 1);
    device.connected().await;

    let send = |text: &str| json!({"to": ACCOUNT, "content": {"kind": "text", "text": text}});
    let route = format!("/contacts/{ANA}/send");
    let sent = control.done("POST", &route, send("question #1")).await;
    let heard = device.message().await;
    assert_eq!(
        (sent["id"].as_str(), heard.text.as_str()),
        (Some(heard.id.as_str()), "question #1")
    );
    device.client.send_text(pn(ANA), "answer #1").await.unwrap();
    let answered =
        |e: &NetEvent| matches!(e, NetEvent::MessageReceived { text, .. } if text == "answer #1");
    control.net.wait_for(LIMIT, answered).await.unwrap();
    let acked = |e: &NetEvent| matches!(e, NetEvent::Acked { id, .. } if *id == heard.id);
    control.net.wait_for(LIMIT, acked).await.unwrap();
    let verdict = control.get("/ledger/judgement").await;
    assert_eq!(
        (
            &verdict["clean"],
            &verdict["expected"],
            &verdict["answered"]
        ),
        (&json!(true), &json!(1), &json!(1))
    );
    assert!(verdict["latency_ms"]["p99"].as_f64().unwrap() > 0.0);
    let counts = control.get(&format!("/ledger?account={ACCOUNT}")).await;
    assert_eq!(
        (&counts["sent_to_account"], &counts["raw_received"]),
        (&json!(1), &json!(1))
    );

    control.done("POST", &route, send("question #2")).await;
    device.message().await;
    let verdict = control.get("/ledger/judgement").await;
    assert_eq!(
        (&verdict["clean"], &verdict["lost"]),
        (&json!(false), &json!(["2"]))
    );
    control.done("DELETE", "/ledger", json!({})).await;
    assert_eq!(control.get("/ledger").await["sent_to_account"], 0);

    let unlink = format!("/phones/{ACCOUNT}/devices/1");
    control.done("DELETE", &unlink, json!({})).await;
    assert!(
        control
            .net
            .phone(ACCOUNT)
            .unwrap()
            .linked_devices()
            .is_empty()
    );
    device.stop().await;
    control.net.shutdown().await;
}
