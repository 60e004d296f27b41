//! Rules, webhook endpoints, contacts, groups.

use super::api_scene::Scene;
use reqwest::Method;
use serde_json::json;
use waypost_engine::model::Content;

#[tokio::test]
async fn rules_are_written_read_and_removed() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    scene.fleet.asked();
    let body = json!({"name": "Prices", "matches": {"on": "any_word", "words": ["price", "سعر"]}, "answer": "Hi {name}", "account": account});
    let made = scene.post("/rules", body).await;
    assert_eq!(
        (&made["max_age"], &made["scope"], &made["enabled"]),
        (&json!(600_000), &json!("direct"), &json!(true))
    );
    assert_eq!(scene.fleet.asked(), ["rules_changed"]);
    let path = format!("/rules/{}", made["id"].as_str().unwrap());
    let body = json!({"name": "All", "matches": {"on": "any"}, "answer": "Hello", "enabled": false, "position": 3});
    let changed = scene.call(Method::PUT, &path, body).await;
    assert_eq!(
        (&changed["name"], &changed["account"], &changed["enabled"]),
        (&json!("All"), &json!(null), &json!(false))
    );
    assert_eq!(scene.get("/rules").await["items"], json!([changed]));
    scene.call(Method::DELETE, &path, json!({})).await;
    assert_eq!(scene.refused(Method::GET, &path, json!({})).await.0, 404);
    let (status, problem) = scene
        .refused(
            Method::POST,
            "/rules",
            json!({"name": "x", "matches": {"on": "contains", "text": ""}, "answer": "a"}),
        )
        .await;
    assert_eq!((status, &problem["field"]), (422, &json!("matches.text")));
}

#[tokio::test]
async fn an_endpoints_secret_is_shown_once_and_rotated() {
    let scene =
        Scene::with(|c| c.webhooks.allow_private = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let made = scene
        .post(
            "/webhooks",
            json!({"url": "http://127.0.0.1:9/hook", "kinds": ["message.received"]}),
        )
        .await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    let path = format!("/webhooks/{}", made["id"].as_str().unwrap());
    assert!(scene.get(&path).await.get("secret").is_none());
    let rotated = scene
        .post(&format!("{path}/rotate-secret"), json!({}))
        .await;
    assert_ne!(rotated["secret"], secret);
    assert!(rotated["previous_secret_until"].is_string());
    let off = scene
        .call(
            Method::PATCH,
            &path,
            json!({"enabled": false, "description": "Mine"}),
        )
        .await;
    assert_eq!(
        (
            &off["enabled"],
            &off["disabled_reason"],
            &off["description"]
        ),
        (&json!(false), &json!("person"), &json!("Mine"))
    );
    assert_eq!(
        off["kinds"],
        json!(["message.received"]),
        "what is absent stays"
    );
    let on = scene
        .call(Method::PATCH, &path, json!({"enabled": true, "kinds": []}))
        .await;
    assert_eq!((&on["enabled"], &on["kinds"]), (&json!(true), &json!([])));
    scene
        .post(
            &format!("{path}/recover"),
            json!({"since": "2026-01-01T00:00:00Z"}),
        )
        .await;
    let cursor = scene.get("/events").await["next"].clone();
    scene
        .post(&format!("{path}/recover"), json!({"since": cursor}))
        .await;
    assert_eq!(
        scene
            .refused(
                Method::POST,
                &format!("{path}/recover"),
                json!({"since": "yesterday"})
            )
            .await
            .0,
        422
    );
    scene.call(Method::DELETE, &path, json!({})).await;
    assert_eq!(scene.refused(Method::GET, &path, json!({})).await.0, 404);
}

#[tokio::test]
async fn an_endpoint_in_a_private_network_is_refused_at_once() {
    let scene = Scene::start().await;
    for url in [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "gopher://x/",
        "x",
    ] {
        let (status, problem) = scene
            .refused(Method::POST, "/webhooks", json!({"url": url}))
            .await;
        assert_eq!((status, &problem["field"]), (422, &json!("url")), "{url}");
    }
}

#[tokio::test]
async fn contacts_have_names_and_dated_addresses() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let owner = scene.own(account).await;
    scene
        .receives(account, owner, "77", "W1", Content::text("hi"))
        .await;
    let all = scene.get("/contacts").await;
    let contact = &all["items"][0];
    assert_eq!(
        (&contact["title"], &contact["phone"]),
        (&json!("Contact 77"), &json!("+971577"))
    );
    let path = format!("/contacts/{}", contact["id"].as_str().unwrap());
    let named = scene
        .call(Method::PATCH, &path, json!({"name": "Ben"}))
        .await;
    assert_eq!(
        (&named["title"], &named["push_name"]),
        (&json!("Ben"), &json!("Contact 77"))
    );
    let addresses: Vec<_> = named["aliases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["address"].as_str().unwrap())
        .collect();
    assert!(
        addresses.contains(&"77@lid") && addresses.contains(&"+971577"),
        "{addresses:?}"
    );
    assert_eq!(
        scene
            .call(Method::PATCH, &path, json!({"name": null}))
            .await["title"],
        "Contact 77"
    );
    assert_eq!(
        scene.get("/contacts?search=nobody").await["items"],
        json!([])
    );
    assert_eq!(scene.get("/contacts/merges").await["items"], json!([]));
}

#[tokio::test]
async fn a_group_is_created_shown_and_changed() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    scene.fleet.asked();
    let body = json!({"account": account, "subject": "Viewing", "members": ["+971501112233"]});
    let made = scene.post("/groups", body).await;
    assert_eq!(
        (&made["subject"], &made["member_count"]),
        (&json!("Viewing"), &json!(1))
    );
    let path = format!("/groups/{}", made["id"].as_str().unwrap());
    assert_eq!(scene.get(&path).await["members"][0]["role"], "member");
    let changed = scene
        .post(
            &format!("{path}/members"),
            json!({"add": ["+971501112244"]}),
        )
        .await;
    assert_eq!(changed["members"][0]["address"], "+971501112244");
    assert_eq!(
        scene.get("/groups").await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        scene.fleet.asked(),
        ["group_create Viewing", "group_members 120363001@g.us"]
    );
    let empty = json!({"account": account, "subject": "x", "members": []});
    assert_eq!(scene.refused(Method::POST, "/groups", empty).await.0, 422);
}
