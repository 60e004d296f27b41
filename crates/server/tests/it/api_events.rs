//! The event log over HTTP and WebSocket.

use super::api_scene::{Scene, problem};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use waypost_engine::model::event::kind;
use waypost_engine::model::{NewEvent, WorkspaceId};
use waypost_server::clock;

/// How long a frame may take; far beyond what it does.
const DEADLINE: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(
    scene: &Scene,
    query: &str,
    headers: &[(&'static str, String)],
) -> Result<Socket, tungstenite::Error> {
    let url = format!("ws://{}/api/v1/events/stream{query}", scene.address);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    tokio_tungstenite::connect_async(request)
        .await
        .map(|(socket, _)| socket)
}

async fn stream(scene: &Scene, query: &str) -> Socket {
    open(
        scene,
        query,
        &[("authorization", format!("Bearer {}", scene.key))],
    )
    .await
    .unwrap()
}

/// The next frame that is not a ping.
async fn frame(socket: &mut Socket) -> Value {
    loop {
        let next = tokio::time::timeout(DEADLINE, socket.next())
            .await
            .expect("a frame in time");
        if let Message::Text(text) = next.unwrap().unwrap() {
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] != "ping" {
                return frame;
            }
        }
    }
}

#[tokio::test]
async fn events_are_read_by_cursor_without_gaps_or_repeats() {
    let scene = Scene::start().await;
    let start = scene.get("/events").await;
    assert_eq!(
        (&start["items"], &start["more"]),
        (&json!([]), &json!(false))
    );
    let account = scene.account("Office").await;
    for body in ["a", "b", "c"] {
        let content = json!({"kind": "text", "body": body});
        scene
            .post(
                "/messages",
                json!({"account": account, "to": "+971501112233", "content": content}),
            )
            .await;
    }
    let (mut kinds, mut after) = (Vec::new(), start["next"].as_str().unwrap().to_owned());
    loop {
        let page = scene.get(&format!("/events?after={after}&limit=2")).await;
        for event in page["items"].as_array().unwrap() {
            kinds.push(event["kind"].as_str().unwrap().to_owned());
        }
        after = page["next"].as_str().unwrap().to_owned();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(
        kinds.iter().filter(|k| *k == "message.accepted").count(),
        3,
        "{kinds:?}"
    );
    assert!(kinds.contains(&"account.state".to_owned()), "{kinds:?}");
    let start = start["next"].as_str().unwrap();
    let filtered = scene
        .get(&format!(
            "/events?after={start}&kinds=account.state&account={account}"
        ))
        .await;
    assert!(
        filtered["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|e| e["kind"] == "account.state")
    );
}

#[tokio::test]
async fn a_cursor_of_elsewhere_asks_for_a_resync() {
    let (here, there) = (Scene::start().await, Scene::start().await);
    let foreign = there.get("/events").await["next"]
        .as_str()
        .unwrap()
        .to_owned();
    for cursor in [foreign.as_str(), "nonsense"] {
        let (status, body) = here
            .refused(Method::GET, &format!("/events?after={cursor}"), json!({}))
            .await;
        assert_eq!((status, &body["code"]), (410, &json!("resync")));
    }
    let mut socket = stream(&here, &format!("?after={foreign}")).await;
    let first = frame(&mut socket).await;
    assert_eq!(first["type"], "resync");
    assert!(first["reason"].is_string());
    // The stream goes on after it.
    here.post(
        "/rules",
        json!({"name": "r", "matches": {"on": "any"}, "answer": "hi"}),
    )
    .await;
    let account = here.account("Office").await;
    assert_eq!(
        frame(&mut socket).await["event"]["account"],
        account.to_string()
    );
}

#[tokio::test]
async fn events_arrive_live_and_a_broken_stream_resumes_where_it_was() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let send = async |body: &str| {
        let content = json!({"kind": "text", "body": body});
        scene
            .post(
                "/messages",
                json!({"account": account, "to": "+971501112233", "content": content}),
            )
            .await["id"]
            .clone()
    };
    let mut socket = stream(&scene, "?kinds=message.accepted").await;
    let first = send("one").await;
    let seen = frame(&mut socket).await;
    assert_eq!(
        (&seen["type"], &seen["event"]["data"]["message"]),
        (&json!("event"), &first)
    );
    socket.send(Message::Close(None)).await.unwrap();
    drop(socket);

    let (second, third) = (send("two").await, send("three").await);
    let cursor = seen["cursor"].as_str().unwrap();
    let mut socket = stream(&scene, &format!("?kinds=message.accepted&after={cursor}")).await;
    assert_eq!(frame(&mut socket).await["event"]["data"]["message"], second);
    assert_eq!(frame(&mut socket).await["event"]["data"]["message"], third);
}

#[tokio::test]
async fn a_stream_needs_a_key_or_a_cookie_from_our_own_page() {
    let scene = Scene::start().await;
    let refused = open(&scene, "", &[]).await.unwrap_err();
    assert!(matches!(refused, tungstenite::Error::Http(r) if r.status().as_u16() == 401));
    let limited = scene.key_with(&["accounts:read"]).await;
    let refused = open(
        &scene,
        "",
        &[("authorization", format!("Bearer {limited}"))],
    )
    .await
    .unwrap_err();
    assert!(matches!(refused, tungstenite::Error::Http(r) if r.status().as_u16() == 403));

    let token =
        waypost_server::auth::ensure_setup_token(&scene.store, waypost_server::clock::now())
            .await
            .unwrap()
            .unwrap();
    let body =
        json!({"token": token, "login": "ana", "name": "Ana", "password": "a long pass phrase"});
    let response = scene
        .bare(Method::POST, "/setup")
        .json(&body)
        .send()
        .await
        .unwrap();
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let with = async |origin: &str| {
        open(
            &scene,
            "",
            &[("cookie", cookie.clone()), ("origin", origin.to_owned())],
        )
        .await
    };
    let refused = with("https://evil.example").await.unwrap_err();
    assert!(matches!(refused, tungstenite::Error::Http(r) if r.status().as_u16() == 403));
    let mut socket = with(&format!("http://{}", scene.address)).await.unwrap();
    scene.account("Office").await;
    assert_eq!(frame(&mut socket).await["type"], "event");
}

#[tokio::test]
async fn the_stream_without_a_websocket_says_what_to_do() {
    let scene = Scene::start().await;
    let response = scene
        .request(Method::GET, "/events/stream")
        .send()
        .await
        .unwrap();
    assert_eq!(problem(response).await.0, 426);
}

#[tokio::test]
async fn a_reader_that_is_far_behind_is_told_to_resync_and_stays_connected() {
    let scene = Scene::start().await;
    let start = scene.get("/events").await["next"]
        .as_str()
        .unwrap()
        .to_owned();
    let event = |i: i64| NewEvent {
        id: scene.store.next_id(clock::now()),
        workspace: WorkspaceId::DEFAULT,
        account: None,
        conversation: None,
        kind: kind::TYPING,
        version: 1,
        data: json!({ "i": i }),
        at: clock::now(),
    };
    // A little more than a reader may fall behind; written side by side so that commits are shared.
    for batch in 0..101 {
        let writes = (0..100).map(|i| scene.store.append_event(event(batch * 100 + i)));
        futures_util::future::try_join_all(writes).await.unwrap();
    }
    let mut socket = stream(&scene, &format!("?after={start}")).await;
    let first = frame(&mut socket).await;
    assert_eq!(first["type"], "resync", "{first}");
    scene.store.append_event(event(-1)).await.unwrap();
    let next = frame(&mut socket).await;
    assert_eq!(
        (&next["type"], &next["event"]["data"]["i"]),
        (&json!("event"), &json!(-1))
    );
}
