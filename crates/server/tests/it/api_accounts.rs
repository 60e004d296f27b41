//! Accounts and linking.

use super::api_scene::{Scene, problem};
use reqwest::Method;
use serde_json::json;
use waypost_engine::fleet::{BreakerState, Call, Doing, ErrorClass, LivenessView, Recovery, Rung};
use waypost_engine::model::{AccountState, Reason, Timestamp};
use waypost_server::api::ports::{Condition, FleetError};
use waypost_server::clock;

#[tokio::test]
async fn an_account_is_created_changed_and_deleted() {
    let scene = Scene::start().await;
    let made = scene
        .post(
            "/accounts",
            json!({"name": " Office ", "phone": "+971 50 576 0056"}),
        )
        .await;
    assert_eq!(made["name"], "Office");
    assert_eq!(made["phone"], "+971505760056");
    assert_eq!(
        (&made["state"], &made["priority"]),
        (&json!("new"), &json!(999))
    );
    assert_eq!(scene.fleet.asked(), ["account_added"]);

    let path = format!("/accounts/{}", made["id"].as_str().unwrap());
    let changed = scene
        .call(
            Method::PATCH,
            &path,
            json!({"role": "servant", "priority": 5}),
        )
        .await;
    assert_eq!(
        (&changed["role"], &changed["priority"]),
        (&json!("secondary"), &json!(5))
    );
    assert_eq!(changed["name"], "Office");

    scene.call(Method::DELETE, &path, json!({})).await;
    assert_eq!(scene.fleet.asked(), ["account_removed"]);
    assert_eq!(scene.refused(Method::GET, &path, json!({})).await.0, 404);
}

#[tokio::test]
async fn a_proxy_is_set_once_and_never_shown_with_its_password() {
    let scene = Scene::start().await;
    let made = scene.post("/accounts", json!({"name": "Office"})).await;
    assert_eq!(made["proxy"], json!(null));
    let path = format!("/accounts/{}", made["id"].as_str().unwrap());
    scene.fleet.asked();
    let change = async |wish: serde_json::Value| scene.call(Method::PATCH, &path, wish).await;
    let secret = "socks5://sales:p%40ss@proxy.example.com:1080";
    let changed = change(json!({"proxy": secret})).await;
    let shown = json!("socks5://sales:***@proxy.example.com:1080");
    assert_eq!(changed["proxy"], shown);
    assert_eq!(
        scene.fleet.asked(),
        [format!("set_proxy {:?}", Some(secret))]
    );
    // What is not mentioned stays; what is not understood changes nothing.
    assert_eq!(change(json!({"name": "Shop"})).await["proxy"], shown);
    assert_eq!(scene.fleet.asked(), [""; 0]);
    for wrong in [json!("proxy.example.com"), json!("ftp://p:1"), json!(7)] {
        let wish = json!({"name": "Other", "proxy": wrong});
        let (status, problem) = scene.refused(Method::PATCH, &path, wish).await;
        assert_eq!(
            (status, &problem["field"]),
            (422, &json!("proxy")),
            "{problem}"
        );
    }
    let now = scene.get(&path).await;
    assert_eq!((&now["name"], &now["proxy"]), (&json!("Shop"), &shown));
    let checked = scene.post(&format!("{path}/proxy/check"), json!({})).await;
    assert_eq!(checked["works"], false);
    assert_eq!(checked["code"], "proxy_refused");
    assert_eq!(checked["took_ms"], 7);
    assert_eq!(change(json!({"proxy": null})).await["proxy"], json!(null));
    assert_eq!(scene.fleet.asked(), ["check_proxy", "set_proxy None"]);
}

#[tokio::test]
async fn mistakes_are_answered_with_the_field_and_what_to_do() {
    let scene = Scene::start().await;
    scene.post("/accounts", json!({"name": "Office"})).await;
    let check = async |body: serde_json::Value, status: u16, field: &str| {
        let (got, problem) = scene.refused(Method::POST, "/accounts", body).await;
        assert_eq!(got, status, "{problem}");
        if !field.is_empty() {
            assert_eq!(problem["field"], field, "{problem}");
        }
    };
    check(json!({"name": "Office"}), 409, "").await;
    check(json!({"name": "  "}), 422, "name").await;
    check(json!({"name": "x".repeat(101)}), 422, "name").await;
    check(json!({"name": "A", "phone": "abc"}), 422, "phone").await;
    check(json!({"name": 7}), 422, "name").await;
    check(json!({"name": "A", "fone": "1"}), 422, "fone").await;
    check(json!({}), 422, "").await;
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let scene = Scene::start().await;
    for i in 0..5 {
        scene
            .post("/accounts", json!({"name": format!("A{i}")}))
            .await;
    }
    let (mut names, mut path) = (Vec::new(), "/accounts?limit=2".to_owned());
    loop {
        let page = scene.get(&path).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        names.extend(items.iter().map(|a| a["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/accounts?limit=2&cursor={next}");
    }
    assert_eq!(names, ["A0", "A1", "A2", "A3", "A4"]);
    assert_eq!(
        scene
            .refused(Method::GET, "/accounts?limit=0", json!({}))
            .await
            .0,
        422
    );
    assert_eq!(
        scene
            .refused(Method::GET, "/accounts?limit=201", json!({}))
            .await
            .0,
        422
    );
    assert_eq!(
        scene
            .refused(Method::GET, "/accounts?cursor=x", json!({}))
            .await
            .0,
        422
    );
    assert_eq!(
        scene
            .refused(Method::GET, "/accounts?nonsense=1", json!({}))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn a_state_shows_its_reason_and_its_history() {
    let scene = Scene::start().await;
    let id = scene.account("Office").await;
    let (to, why) = (AccountState::LoggedOut, Reason::DeviceRemoved);
    scene
        .store
        .set_account_state(id, to, why, clock::now())
        .await
        .unwrap();
    let now = scene.get(&format!("/accounts/{id}")).await;
    assert_eq!(now["state"], "logged_out");
    assert_eq!(now["reason"]["code"], "device_removed");
    assert!(
        now["reason"]["text"]
            .as_str()
            .unwrap()
            .contains("link it again"),
        "{now}"
    );
    let history = scene.get(&format!("/accounts/{id}/history")).await;
    let steps: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["to"].as_str().unwrap())
        .collect();
    assert_eq!(steps[..2], ["logged_out", "online"]);
}

#[tokio::test]
async fn a_qr_code_is_shown_as_text_and_picture_until_it_is_cancelled() {
    let scene = Scene::start().await;
    let id = scene.account("Office").await;
    scene.fleet.asked();
    let path = format!("/accounts/{id}/link");
    assert_eq!(scene.get(&path).await["status"], "idle");
    let link = scene.post(&path, json!({"method": "qr"})).await;
    assert_eq!(
        (&link["status"], &link["method"]),
        (&json!("showing_qr"), &json!("qr"))
    );
    assert!(link["qr"].as_str().unwrap().starts_with("2@"));
    assert_eq!(link["qr_expires_at"], "2027-01-15T08:01:00.000Z");
    for (end, kind) in [
        ("png", "image/png"),
        ("svg", "image/svg+xml"),
        ("txt", "text/plain; charset=utf-8"),
    ] {
        let response = scene
            .request(Method::GET, &format!("{path}/qr.{end}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], kind);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(response.bytes().await.unwrap().len() > 300);
    }
    let cancelled = scene.call(Method::DELETE, &path, json!({})).await;
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(
        scene
            .refused(Method::GET, &format!("{path}/qr.png"), json!({}))
            .await
            .0,
        404
    );
    assert_eq!(scene.fleet.asked(), ["link Qr", "cancel_link"]);
}

#[tokio::test]
async fn a_pairing_code_needs_a_number() {
    let scene = Scene::start().await;
    let made = scene.post("/accounts", json!({"name": "No number"})).await;
    let path = format!("/accounts/{}/link", made["id"].as_str().unwrap());
    let (status, problem) = scene
        .refused(Method::POST, &path, json!({"method": "code"}))
        .await;
    assert_eq!((status, &problem["field"]), (422, &json!("phone")));
    let link = scene
        .post(&path, json!({"method": "code", "phone": "+971501234567"}))
        .await;
    assert_eq!(
        (&link["status"], &link["code"]),
        (&json!("showing_code"), &json!("ABCD-1234"))
    );
}

#[tokio::test]
async fn what_the_fleet_refuses_is_told_as_it_is() {
    let scene = Scene::start().await;
    let id = scene.account("Office").await;
    let path = format!("/accounts/{id}/reconnect");
    scene.fleet.refuse_next(FleetError::NotConnected);
    let (status, body) = scene.refused(Method::POST, &path, json!({})).await;
    assert_eq!((status, &body["code"]), (409, &json!("not_connected")));
    scene.fleet.refuse_next(FleetError::Busy);
    let request = scene.request(Method::POST, &format!("/accounts/{id}/link"));
    let response = request.json(&json!({"method": "qr"})).send().await.unwrap();
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(problem(response).await.0, 429);
    for action in ["pause", "resume", "reconnect", "unlink"] {
        scene.fleet.asked();
        scene
            .post(&format!("/accounts/{id}/{action}"), json!({}))
            .await;
        assert_eq!(scene.fleet.asked(), [action]);
    }
}

#[tokio::test]
async fn an_account_shows_what_is_wrong_what_is_done_next_and_when() {
    let scene = Scene::start().await;
    let id = scene.account("Office").await;
    let shown = scene.get(&format!("/accounts/{id}")).await;
    assert!(shown["recovery"].is_null(), "{shown}");
    assert!(shown["liveness"]["heard_at"].is_null(), "{shown}");

    let at = Timestamp(1_800_000_060_000);
    scene.fleet.is(
        id,
        Condition {
            recovery: Some(Recovery {
                rung: Rung::Rebuild,
                doing: Doing::Waiting { at },
                then: Rung::Rebuild,
                reason: Reason::ServerError { status: 503 },
                class: ErrorClass::Network,
                since: Timestamp(1_800_000_000_000),
                failures: 15,
                breaker: BreakerState::Open { until: at },
                breaker_errors: 5,
                call: Call::Made,
            }),
            liveness: LivenessView {
                phone_at: Some(Timestamp(1_800_000_000_000)),
                ..LivenessView::default()
            },
        },
    );
    let shown = scene.get(&format!("/accounts/{id}")).await;
    assert_eq!(
        shown["recovery"],
        json!({
            "rung": "rebuild", "rung_number": 4,
            "rung_text": "Building everything anew from the store and connecting.",
            "doing": "waiting", "at": "2027-01-15T08:01:00.000Z", "then": "rebuild",
            "reason": {
                "code": "server_error",
                "text": "WhatsApp's server answered with error 503; Waypost tries again.",
            },
            "class": "network", "since": "2027-01-15T08:00:00.000Z", "failures": 15,
            "breaker": {"state": "open", "errors": 5, "until": "2027-01-15T08:01:00.000Z"},
            "person_called": true,
        })
    );
    assert_eq!(
        shown["liveness"]["phone_seen_at"],
        "2027-01-15T08:00:00.000Z"
    );
    let metrics = scene.bare(Method::GET, "//metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let counted = "waypost_accounts_recovering{rung=\"rebuild\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
}
