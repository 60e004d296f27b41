//! What holds for every route, taken from the description itself.

use super::api_scene::{Scene, problem};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use waypost_server::api;

/// Routes that are open to everybody.
const OPEN: &[(&str, &str)] = &[
    ("get", "/api/v1/setup"),
    ("post", "/api/v1/setup"),
    ("post", "/api/v1/session"),
];

struct Operation {
    method: Method,
    path: String,
    /// A path that can be called: ids filled in.
    example: String,
    /// `None` when no scope is needed, only somebody known.
    scope: Option<String>,
    guarded: bool,
    takes_body: bool,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]
                .as_object()
                .and_then(|s| s.values().next().unwrap()[0].as_str().map(str::to_owned));
            all.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                example: path.replace("{id}", "none"),
                scope,
                guarded: operation.get("security").is_some(),
                takes_body: operation.get("requestBody").is_some(),
            });
        }
    }
    assert!(all.len() > 60, "{}", all.len());
    all
}

#[tokio::test]
async fn every_route_is_closed_unless_it_is_listed_as_open() {
    let scene = Scene::start().await;
    for op in operations() {
        let open = OPEN.contains(&(op.method.as_str().to_lowercase().as_str(), op.path.as_str()));
        assert_eq!(op.guarded, !open, "{} {}", op.method, op.path);
        let answer = scene
            .bare(op.method.clone(), &op.example)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        assert_eq!(status == 401, !open, "{} {}: {status}", op.method, op.path);
    }
}

#[tokio::test]
async fn every_route_needs_exactly_the_scope_it_declares() {
    let scene = Scene::start().await;
    let scopes: BTreeSet<String> = operations().into_iter().filter_map(|op| op.scope).collect();
    assert!(scopes.len() > 15, "{scopes:?}");
    let mut keys = std::collections::BTreeMap::new();
    for scope in &scopes {
        keys.insert(scope.clone(), scene.key_with(&[scope]).await);
    }
    let status = async |op: &Operation, key: &str| {
        let request = scene.bare(op.method.clone(), &op.example).bearer_auth(key);
        request.send().await.unwrap().status().as_u16()
    };
    for op in operations() {
        let Some(scope) = &op.scope else { continue };
        let (other, key) = keys
            .iter()
            .find(|(s, _)| *s != scope && *s != "admin")
            .unwrap();
        assert_eq!(
            status(&op, key).await,
            403,
            "{} {} with {other}",
            op.method,
            op.path
        );
        assert_ne!(
            status(&op, &keys[scope]).await,
            403,
            "{} {} with {scope}",
            op.method,
            op.path
        );
    }
}

#[tokio::test]
async fn a_strange_id_is_no_fault_of_ours() {
    let scene = Scene::start().await;
    for op in operations()
        .into_iter()
        .filter(|op| op.path.contains("{id}"))
    {
        for id in [
            "none",
            "acc_0000000000001",
            "%00",
            "%F0%9F%92%A9",
            "..%2f..",
            "acc_ZZZZZZZZZZZZZ",
            "1",
        ] {
            let path = op.path.replace("{id}", id);
            let request = scene.request(op.method.clone(), &path);
            let request = if op.takes_body {
                request.json(&json!({}))
            } else {
                request
            };
            let (status, body) = problem(request.send().await.unwrap()).await;
            let fits = matches!(status, 404 | 422 | 400 | 401 | 403);
            assert!(fits, "{} {path}: {status} {body}", op.method);
        }
    }
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused_without_a_fault() {
    let scene = Scene::start().await;
    for op in operations()
        .into_iter()
        .filter(|op| op.takes_body && !op.path.ends_with("/blobs"))
    {
        for body in [
            "",
            "null",
            "[]",
            "7",
            "\"x\"",
            "{",
            "{\"a\":",
            "{\"\u{0}\":1}",
            "\u{feff}{}",
            "{}",
        ] {
            let request = scene.request(op.method.clone(), &op.example);
            let request = request
                .header("content-type", "application/json")
                .body(body);
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let fits = matches!(status, 400..=499);
            assert!(fits, "{} {} {body:?}: {status}", op.method, op.path);
        }
        let request = scene
            .request(op.method.clone(), &op.example)
            .header("content-type", "text/plain")
            .body("{}");
        let (status, _) = problem(request.send().await.unwrap()).await;
        // A wrong id is found first.
        assert!(
            matches!(status, 415 | 404),
            "{} {}: {status}",
            op.method,
            op.path
        );
    }
}

#[tokio::test]
async fn an_unknown_method_is_told_which_ones_are_known() {
    let scene = Scene::start().await;
    let paths: BTreeSet<String> = operations().into_iter().map(|op| op.example).collect();
    for path in paths {
        let response = scene.request(Method::TRACE, &path).send().await.unwrap();
        let allow = response
            .headers()
            .get("allow")
            .unwrap_or_else(|| panic!("{path} without Allow"));
        assert!(!allow.is_empty(), "{path}");
        assert_eq!(problem(response).await.0, 405, "{path}");
    }
    let (status, _) = scene.refused(Method::GET, "/nothing/here", json!({})).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let scene = Scene::with(|config| config.server.json_bytes_max = 2_000).await;
    let body = json!({"name": "x".repeat(3_000)});
    assert_eq!(scene.refused(Method::POST, "/accounts", body).await.0, 413);
}

#[tokio::test]
async fn health_metrics_and_the_description_are_there() {
    let scene = Scene::start().await;
    scene.account("Office").await;
    let text = async |path: &str| {
        let response = scene
            .bare(Method::GET, &format!("//{path}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        response.text().await.unwrap()
    };
    assert_eq!(text("healthz").await, "ok\n");
    assert_eq!(text("readyz").await, "ready\n");
    let metrics = text("metrics").await;
    for name in [
        "waypost_accounts{state=\"online\"} ",
        "waypost_sends_waiting ",
        "waypost_uptime_seconds ",
        "waypost_http_requests_total{method=\"POST\",status=\"201\"} ",
    ] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
    let document: Value = serde_json::from_str(&text("openapi.json").await).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let status = scene.get("/status").await;
    assert_eq!(
        (&status["accounts"]["online"], &status["sim"]),
        (&json!(1), &json!(cfg!(feature = "sim")))
    );
    assert!(
        text("accounts/some/page").await.contains("<!doctype html>")
            || text("").await.contains("<!DOCTYPE html>")
    );
}

#[test]
fn the_kept_description_is_the_present_one() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let kept = std::fs::read_to_string(kept).expect("docs/openapi.json; run `cargo xtask openapi`");
    let now = api::openapi().to_pretty_json().unwrap();
    assert!(
        kept.trim_end() == now.trim_end(),
        "docs/openapi.json is out of date; run `cargo xtask openapi`"
    );
}

/// Every `$ref` of the description leads somewhere, and every answer of an error is a problem.
#[test]
fn the_description_is_whole() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut refs = BTreeSet::new();
    collect_refs(&document, &mut refs);
    for place in refs {
        let pointer = place.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{place} leads nowhere");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.parse::<u16>().unwrap() >= 400 {
                    let problem = &response["content"]["application/problem+json"];
                    assert!(problem.is_object(), "{method} {path} {status}");
                }
            }
        }
    }
}

fn collect_refs(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(place)) = map.get("$ref") {
                found.insert(place.clone());
            }
            map.values().for_each(|v| collect_refs(v, found));
        }
        Value::Array(list) => list.iter().for_each(|v| collect_refs(v, found)),
        _ => {}
    }
}
