//! Bots that were written for other gateways, with their clients as they are published.

use crate::stage::bot::{Bot, PIXEL};
use crate::stage::{Plan, Stage, until};
use serde_json::{Value, json};
use wasim::Outgoing;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
const ANA_CHAT: &str = "971500000002@c.us";

/// `waha-py`.
fn bot(stage: &Stage, key: &str) -> Bot {
    Bot::start(stage, "waha_bot.py", "waha", key)
}

impl Bot {
    /// Reads a value with one of the client's own models.
    async fn fits(&mut self, model: &str, value: &Value) {
        let answer = self.ask(json!({"model": model, "value": value})).await;
        assert!(answer["ok"] == true, "{model}: {answer}\n{value}");
    }

    async fn session_is(&mut self, status: &str) -> Value {
        for _ in 0..400 {
            let session = self
                .call("sessions", "get", json!({"session": "default"}))
                .await;
            if session["status"] == status {
                return session;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the session never was {status}");
    }
}

/// What the webhook received of one kind, oldest first.
async fn told(hooks: &MockServer, event: &str) -> Vec<Value> {
    let requests = hooks.received_requests().await.unwrap_or_default();
    let bodies = requests
        .iter()
        .map(|r| serde_json::from_slice::<Value>(&r.body).unwrap());
    bodies.filter(|body| body["event"] == event).collect()
}

async fn told_that(hooks: &MockServer, event: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(&format!("the webhook to tell of {event}"), async || {
        let all = told(hooks, event).await;
        all.iter().find(|body| wanted(body)).cloned().ok_or(all)
    })
    .await
}

async fn front() -> Stage {
    Stage::with(Plan {
        settings: "[compat]\nwaha = true\n".into(),
        ..Plan::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_of_waha_goes_on_with_another_address_and_key() {
    let stage = front().await;
    let (phone, ana) = (stage.phone(OWNER), stage.contact(ANA));
    let hooks = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&hooks)
        .await;
    let mut bot = bot(&stage, &stage.key());

    // A session is made and linked.
    let events = ["message", "message.ack", "session.status"];
    let config = json!({"webhooks": [{"url": format!("{}/hook", hooks.uri()), "events": events}]});
    let wanted = json!({"payload": {"name": "default", "start": true, "config": config}});
    let made = bot.call("sessions", "create", wanted).await;
    assert_eq!(
        made["config"]["webhooks"][0]["events"],
        json!(events),
        "{made}"
    );
    let raw = json!({"session": "default", "params": {"format": "raw"}});
    let qr = bot.call("auth", "get_qr", raw).await;
    bot.fits("QRCodeValue", &qr).await;
    let picture = bot
        .call("auth", "get_qr", json!({"session": "default"}))
        .await;
    bot.fits("Base64File", &picture).await;
    phone.scan(qr["value"].as_str().unwrap()).await.unwrap();
    let session = bot.session_is("WORKING").await;
    assert_eq!(session["me"]["id"], format!("{OWNER}@c.us"));
    let status = told_that(&hooks, "session.status", |b| {
        b["payload"]["status"] == "WORKING"
    })
    .await;
    bot.fits("WASessionStatusBody", &status["payload"]).await;
    bot.fits("WAHAEnvironment", &status["environment"]).await;

    // It says something, and hears what becomes of it.
    let text = json!({"session": "default", "chatId": ANA_CHAT, "text": "Hello Ana"});
    let sent = bot
        .call("chatting", "send_text", json!({"payload": text}))
        .await;
    bot.fits("WAMessage", &sent).await;
    stage.apps_come_to_show(OWNER, &["Hello Ana"]).await;
    let ack = told_that(&hooks, "message.ack", |b| {
        b["payload"]["id"] == sent["id"] && b["payload"]["ackName"] == "DEVICE"
    })
    .await;
    bot.fits("WAMessageAckBody", &ack["payload"]).await;

    // It hears something, and answers that message.
    let wire = ana.send(OWNER, Outgoing::text("Hi bot")).await.unwrap();
    let heard = told_that(&hooks, "message", |b| b["payload"]["body"] == "Hi bot").await;
    let payload = &heard["payload"];
    bot.fits("WAMessage", payload).await;
    assert_eq!(payload["id"], format!("false_{ANA_CHAT}_{wire}"));
    assert_eq!(
        (&payload["from"], &payload["fromMe"]),
        (&json!(ANA_CHAT), &json!(false))
    );
    assert_eq!(
        (&heard["session"], &heard["me"]["id"]),
        (&json!("default"), &json!(format!("{OWNER}@c.us")))
    );
    let reply = json!({"session": "default", "chatId": ANA_CHAT, "text": "I heard", "reply_to": payload["id"]});
    bot.call("chatting", "send_text", json!({"payload": reply}))
        .await;
    let file = json!({"mimetype": "image/png", "filename": "dot.png", "data": PIXEL});
    let image = json!({"session": "default", "chatId": ANA_CHAT, "file": file, "caption": "A dot"});
    bot.call("chatting", "send_image", json!({"payload": image}))
        .await;
    stage
        .apps_come_to_show(OWNER, &["Hello Ana", "I heard", "A dot"])
        .await;
    let like = json!({"session": "default", "messageId": payload["id"], "reaction": "👍"});
    bot.call("chatting", "set_reaction", json!({"payload": like}))
        .await;

    // It looks back.
    let chats = bot
        .call("chats", "get_chats", json!({"session": "default"}))
        .await;
    assert_eq!(chats[0]["id"], ANA_CHAT, "{chats}");
    let overview = bot
        .call("chats", "get_chats_overview", json!({"session": "default"}))
        .await;
    bot.fits("ChatSummary", &overview[0]).await;
    let which = json!({"session": "default", "chat_id": ANA_CHAT, "params": {"limit": 10}});
    let messages = bot.call("chats", "get_chat_messages", which).await;
    let quoting = messages
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["body"] == "I heard");
    assert_eq!(quoting.unwrap()["replyTo"]["id"], wire, "{messages}");
    let number = |number: &str| json!({"params": {"phone": number, "session": "default"}});
    let there = bot.call("contacts", "check_exists", number(ANA)).await;
    bot.fits("WANumberExistResult", &there).await;
    assert_eq!(there["numberExists"], true);
    let nobody = bot
        .call("contacts", "check_exists", number("971599999999"))
        .await;
    assert_eq!(nobody["numberExists"], false);

    bot.call("sessions", "stop", json!({"session": "default"}))
        .await;
    bot.session_is("STOPPED").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_front_lets_nobody_do_what_the_api_would_not() {
    let stage = front().await;
    let mut stranger = bot(&stage, "wpk_unknown");
    let said = stranger.refused("sessions", "list", json!({})).await;
    assert!(said.contains("401"), "{said}");
    // A key that may only read.
    let key = stage
        .post(
            "/api-keys",
            json!({"name": "reader", "scopes": ["accounts:read"]}),
        )
        .await;
    let mut reader = bot(&stage, key["key"].as_str().unwrap());
    stage.post("/accounts", json!({"name": "default"})).await;
    reader
        .call("sessions", "list", json!({"params": {"all": true}}))
        .await;
    let start = json!({"session": "default"});
    let said = reader.refused("sessions", "start", start).await;
    assert!(
        said.contains("403") && said.contains("accounts:write"),
        "{said}"
    );
    let text = json!({"payload": {"session": "default", "chatId": ANA_CHAT, "text": "x"}});
    let said = reader.refused("chatting", "send_text", text).await;
    assert!(said.contains("403"), "{said}");
    // What is not covered says so, and leaves nothing half done.
    let mut bot = bot(&stage, &stage.key());
    let config = json!({"webhooks": [{"url": "http://127.0.0.1:1/hook", "events": ["poll.vote"]}]});
    let other = json!({"payload": {"name": "other", "config": config}});
    let said = bot.refused("sessions", "create", other).await;
    assert!(said.contains("422") && said.contains("poll.vote"), "{said}");
    assert_eq!(stage.items("/accounts").await.len(), 1);
    let said = bot
        .refused("chatting", "send_location", json!({"payload": {}}))
        .await;
    assert!(
        said.contains("501") && said.contains("docs/compat.md"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_there_is_no_front() {
    let stage = Stage::start().await;
    let mut bot = bot(&stage, &stage.key());
    let said = bot
        .refused(
            "sessions",
            "create",
            json!({"payload": {"name": "default"}}),
        )
        .await;
    assert!(said.contains("405") || said.contains("404"), "{said}");
}
