//! The linked device, bringing an account back, what went through, and what may be sent.

use super::api_scene::Scene;
use reqwest::Method;
use serde_json::{Value, json};
use waypost_engine::fleet::LivenessView;
use waypost_engine::model::{AccountId, AccountState, Reason, Timestamp};
use waypost_server::api::ports::{Condition, Device, FleetError};
use waypost_server::clock;
use waypost_wa::{KeysError, StoredDevice};

fn device(faults: Vec<String>) -> Device {
    Device {
        stored: StoredDevice {
            address: "971505760056:5@s.whatsapp.net".into(),
            lid: None,
            device: 5,
            push_name: String::new(),
            registration_id: 77,
            version: (2, 3000, 1),
            faults,
            sessions: 3,
            group_keys: 2,
            one_time_keys: 1,
        },
        shown_as: "Waypost".into(),
    }
}

async fn account(scene: &Scene) -> (AccountId, String) {
    let made = scene.post("/accounts", json!({"name": "Office"})).await;
    scene.fleet.asked();
    let id = made["id"].as_str().unwrap();
    (id.parse().unwrap(), format!("/accounts/{id}"))
}

#[tokio::test]
async fn the_linked_device_is_shown_with_what_can_be_said_of_its_session() {
    let scene = Scene::start().await;
    let (id, path) = account(&scene).await;
    let shown = async || scene.get(&format!("{path}/device")).await;
    let none = shown().await;
    assert_eq!(
        (&none["session"]["state"], &none["address"]),
        (&json!("missing"), &Value::Null)
    );

    let now = clock::now();
    let linked = (AccountState::Connecting, Reason::Linked);
    scene
        .store
        .set_account_state(id, linked.0, linked.1, now)
        .await
        .unwrap();
    let up = (AccountState::Online, Reason::Connected);
    scene
        .store
        .set_account_state(id, up.0, up.1, now)
        .await
        .unwrap();
    scene.fleet.linked_as(id, Ok(Some(device(vec![]))));
    scene.fleet.is(
        id,
        Condition {
            recovery: None,
            liveness: LivenessView {
                heard_at: Some(Timestamp(1_800_000_000_000)),
                ..LivenessView::default()
            },
        },
    );
    let shown_now = shown().await;
    assert_eq!(shown_now["session"]["state"], "valid");
    assert_eq!(shown_now["session"]["conversations"], 3);
    assert_eq!(
        (&shown_now["device"], &shown_now["shown_as"]),
        (&json!(5), &json!("Waypost"))
    );
    assert_eq!(shown_now["version"], "2.3000.1");
    assert_eq!(shown_now["linked_at"], clock::iso(now));
    assert_eq!(shown_now["last_seen_at"], "2027-01-15T08:00:00.000Z");
    assert_eq!(shown_now["push_name"], Value::Null);

    scene
        .fleet
        .linked_as(id, Err(KeysError("it is sealed with another key".into())));
    let unreadable = shown().await;
    assert_eq!(unreadable["session"]["state"], "unreadable");
    let text = unreadable["session"]["text"].as_str().unwrap();
    assert!(
        text.contains("another key") && text.contains("link this account again"),
        "{text}"
    );
}

#[tokio::test]
async fn an_account_is_brought_back_on_request() {
    let scene = Scene::start().await;
    let (id, path) = account(&scene).await;
    scene.post(&format!("{path}/recover"), json!({})).await;
    assert_eq!(scene.fleet.asked(), ["recover"]);
    let refusal = FleetError::WrongState("this account is paused; resume it first".into());
    scene.fleet.refuse_next(refusal);
    let (status, problem) = scene
        .refused(Method::POST, &format!("{path}/recover"), json!({}))
        .await;
    assert_eq!(status, 409, "{problem}");
    scene.fleet.asked();

    // A session is only restored when what is stored of it is whole.
    let restore = format!("{path}/restore");
    let (status, problem) = scene.refused(Method::POST, &restore, json!({})).await;
    assert_eq!(status, 409, "{problem}");
    let fault = "its signed key does not belong to its identity".to_owned();
    scene.fleet.linked_as(id, Ok(Some(device(vec![fault]))));
    let (status, problem) = scene.refused(Method::POST, &restore, json!({})).await;
    assert_eq!(status, 409);
    assert!(
        problem["detail"].as_str().unwrap().contains("signed key"),
        "{problem}"
    );
    assert_eq!(scene.fleet.asked(), [""; 0]);
    scene.fleet.linked_as(id, Ok(Some(device(vec![]))));
    scene.post(&restore, json!({})).await;
    assert_eq!(scene.fleet.asked(), ["restore"]);
}

#[tokio::test]
async fn what_went_through_is_counted_for_each_account_and_all() {
    let scene = Scene::start().await;
    let (_, path) = account(&scene).await;
    scene.post("/accounts", json!({"name": "Annex"})).await;
    let all = scene.get("/stats").await;
    let names: Vec<&Value> = all["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["name"])
        .collect();
    assert_eq!(names, [&json!("Annex"), &json!("Office")]);
    assert_eq!(all["total"]["received"], 0);
    assert_eq!(
        all["total"]["accepted"],
        json!({"count": 0, "median_ms": null, "p95_ms": null})
    );
    let one = scene.get(&format!("{path}/stats?hours=720")).await;
    assert_eq!((&one["sent"], &one["links"]), (&json!(0), &json!({})));
    for hours in ["0", "721", "x"] {
        let asked = format!("/stats?hours={hours}");
        let (status, problem) = scene.refused(Method::GET, &asked, json!({})).await;
        assert_eq!(status, 422, "{problem}");
    }
}
