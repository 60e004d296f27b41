//! How other programs hear of what happens: webhooks and the event stream.

use crate::stage::{Stage, in_time, text, until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use wasim::Outgoing;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

/// The signature that Standard Webhooks 1.0 calls for.
fn signature(secret: &str, request: &Request) -> String {
    let header = |name: &str| request.headers[name].to_str().unwrap();
    let secret = STANDARD
        .decode(secret.trim_start_matches("whsec_"))
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&request.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_tells_of_a_message_with_a_valid_signature() {
    let stage = Stage::start().await;
    stage.link(OWNER).await;
    let receiver = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&receiver)
        .await;
    let body = json!({"url": format!("{}/hook", receiver.uri()), "kinds": ["message.received"]});
    let secret = text(&stage.post("/webhooks", body).await, "/secret");
    let id = stage
        .contact(ANA)
        .send(OWNER, Outgoing::text("ring"))
        .await
        .unwrap();
    let request = until("the webhook to be called", async || {
        receiver
            .received_requests()
            .await
            .unwrap()
            .pop()
            .ok_or("no request")
    })
    .await;
    assert_eq!(
        request.headers["webhook-signature"].to_str().unwrap(),
        signature(&secret, &request)
    );
    let told = String::from_utf8(request.body.clone()).unwrap();
    assert!(told.contains(&id) && told.contains("ring"), "{told}");
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn listen(stage: &Stage, after: Option<&str>) -> Socket {
    let after = after
        .map(|cursor| format!("&after={cursor}"))
        .unwrap_or_default();
    let url = format!(
        "ws://{}/api/v1/events/stream?kinds=message.received{after}",
        stage.address()
    );
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert(
        "authorization",
        format!("Bearer {}", stage.key()).parse().unwrap(),
    );
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

/// The next event, with its cursor.
async fn event(socket: &mut Socket) -> Value {
    loop {
        let frame = in_time("an event", socket.next()).await.unwrap().unwrap();
        let Message::Text(frame) = frame else {
            continue;
        };
        let frame: Value = serde_json::from_str(&frame).unwrap();
        match frame["type"].as_str() {
            Some("event") => return frame,
            Some("ping") => {}
            _ => panic!("{frame}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event_stream_goes_on_behind_the_cursor_even_after_a_restart() {
    let mut stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    let mut socket = listen(&stage, None).await;
    ana.send(OWNER, Outgoing::text("first")).await.unwrap();
    let first = event(&mut socket).await;
    drop(socket);
    // What happens while nobody listens is not missed.
    let mut wanted = Vec::new();
    for words in ["second", "third"] {
        wanted.push(ana.send(OWNER, Outgoing::text(words)).await.unwrap());
    }
    stage.messages(&linked.id, 3).await;
    stage.restart().await;
    let mut socket = listen(&stage, Some(&text(&first, "/cursor"))).await;
    for id in wanted {
        let next = event(&mut socket).await;
        assert!(next.to_string().contains(&id), "{next}");
    }
}
