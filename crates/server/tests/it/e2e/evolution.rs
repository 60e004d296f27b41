//! Bots that were written for Evolution API: with its published client, and with the calls that others
//! make.

use crate::stage::bot::{Bot, PIXEL};
use crate::stage::{Plan, Stage, text, until};
use reqwest::Method;
use serde_json::{Value, json};
use wasim::Outgoing;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
const ANA_JID: &str = "971500000002@s.whatsapp.net";
/// Evolution's client.
fn bot(stage: &Stage, key: &str) -> Bot {
    Bot::start(stage, "evolution_bot.py", "evolution", key)
}

/// A call as any client of HTTP makes it; answers the status and the body.
async fn plain(stage: &Stage, method: Method, path: &str, body: Value) -> (u16, Value) {
    let url = format!("http://{}/evolution{path}", stage.address());
    let request = reqwest::Client::new()
        .request(method, url)
        .header("apikey", stage.key())
        .json(&body);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

async fn done(stage: &Stage, method: Method, path: &str, body: Value) -> Value {
    let (status, answer) = plain(stage, method, path, body).await;
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

async fn hooks() -> MockServer {
    let hooks = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&hooks)
        .await;
    hooks
}

/// Waits until the webhook was told such an event.
async fn told(hooks: &MockServer, event: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(&format!("the webhook to tell of {event}"), async || {
        let requests = hooks.received_requests().await.unwrap_or_default();
        let bodies: Vec<Value> = requests
            .iter()
            .map(|r| serde_json::from_slice(&r.body).unwrap())
            .collect();
        let found = bodies
            .iter()
            .find(|b| b["event"] == event && wanted(&b["data"]));
        found.cloned().ok_or(bodies)
    })
    .await
}

async fn front() -> Stage {
    Stage::with(Plan {
        settings: "[compat]\nevolution = true\n".into(),
        ..Plan::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_of_evolution_goes_on_with_another_address_and_key() {
    let stage = front().await;
    let (phone, ana) = (stage.phone(OWNER), stage.contact(ANA));
    let hooks = hooks().await;
    let key = stage.key();
    let mut bot = bot(&stage, &key);
    let here = |more: Value| {
        let mut with = json!({"instance_id": "shop", "instance_token": key});
        with.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        with
    };

    // An instance is made, told where its events go, and linked.
    let config = json!({
        "make": "InstanceConfig", "instanceName": "shop", "integration": "WHATSAPP-BAILEYS",
        "qrcode": true,
    });
    let made = bot
        .call("instances", "create_instance", json!({"config": config}))
        .await;
    assert_eq!(made["instance"]["instanceName"], "shop", "{made}");
    assert_eq!(made["hash"], json!(key), "{made}");
    let picture = text(&made, "/qrcode/base64");
    assert!(
        picture.starts_with("data:image/png;base64,iVBOR"),
        "{picture}"
    );
    let webhook = json!({"webhook": {"enabled": true, "url": format!("{}/hook", hooks.uri())}});
    let set = done(&stage, Method::POST, "/webhook/set/shop", webhook).await;
    assert_eq!(set["events"].as_array().unwrap().len(), 5, "{set}");
    let shown = bot
        .call("instance_operations", "connect", here(json!({})))
        .await;
    phone.scan(&text(&shown, "/code")).await.unwrap();
    let open = told(&hooks, "connection.update", |data| data["state"] == "open").await;
    assert_eq!(open["instance"], "shop");
    assert_eq!(open["sender"], format!("{OWNER}@s.whatsapp.net"));
    let state = bot
        .call(
            "instance_operations",
            "get_connection_state",
            here(json!({})),
        )
        .await;
    assert_eq!(state["instance"]["state"], "open", "{state}");
    let all = bot.call("instances", "fetch_instances", json!({})).await;
    assert_eq!(
        all[0]["ownerJid"],
        format!("{OWNER}@s.whatsapp.net"),
        "{all}"
    );

    // It says something, and hears what becomes of it.
    let hello = json!({"make": "TextMessage", "number": ANA, "text": "Hello Ana", "delay": 10});
    let sent = bot
        .call("messages", "send_text", here(json!({"message": hello})))
        .await;
    assert_eq!(sent["message"]["conversation"], "Hello Ana", "{sent}");
    assert_eq!(sent["key"]["remoteJid"], ANA_JID);
    stage.apps_come_to_show(OWNER, &["Hello Ana"]).await;
    let is_sent = |data: &Value| data["key"]["id"] == sent["key"]["id"];
    told(&hooks, "send.message", is_sent).await;
    let is_delivered =
        |data: &Value| data["keyId"] == sent["key"]["id"] && data["status"] == "DELIVERY_ACK";
    told(&hooks, "messages.update", is_delivered).await;

    // It hears something; the client's own reader of webhooks takes it, and it is answered.
    let wire = ana.send(OWNER, Outgoing::text("Hi bot")).await.unwrap();
    let heard = told(&hooks, "messages.upsert", |data| {
        data["message"]["conversation"] == "Hi bot"
    })
    .await;
    let read = bot.ask(json!({"webhook": heard})).await;
    assert_eq!(read["ok"], true, "{read}");
    let message = &read["heard"][0];
    assert_eq!(
        message["key"],
        json!({"remoteJid": ANA_JID, "fromMe": false, "id": wire})
    );
    let picture = json!({
        "make": "MediaMessage", "number": ANA, "mediatype": "image", "mimetype": "image/png",
        "caption": "A dot", "fileName": "dot.png",
    });
    let with = here(json!({"message": picture, "file": {"file": PIXEL}}));
    let image = bot.call("messages", "send_media", with).await;
    assert_eq!(image["messageType"], "imageMessage", "{image}");
    let like = json!({"make": "ReactionMessage", "key": message["key"], "reaction": "👍"});
    bot.call("messages", "send_reaction", here(json!({"message": like})))
        .await;
    stage
        .apps_come_to_show(OWNER, &["Hello Ana", "A dot"])
        .await;

    // It looks back, asks about numbers, marks as read.
    let found = bot
        .call(
            "chat",
            "get_messages",
            here(json!({"remote_jid": ANA_JID, "offset": 2})),
        )
        .await;
    assert_eq!(
        found["messages"]["records"].as_array().unwrap().len(),
        2,
        "{found}"
    );
    assert!(found["messages"]["pages"].as_u64().unwrap() >= 2, "{found}");
    let asked = json!({"make": "CheckIsWhatsappNumber", "numbers": [ANA, "971599999999"]});
    let numbers = bot
        .call(
            "chat",
            "check_is_whatsapp_numbers",
            here(json!({"data": asked})),
        )
        .await;
    assert_eq!(
        (&numbers[0]["exists"], &numbers[1]["exists"]),
        (&json!(true), &json!(false))
    );
    let seen =
        json!([{"make": "ReadMessage", "remote_jid": ANA_JID, "from_me": false, "id": wire}]);
    let read = bot
        .call(
            "chat",
            "mark_message_as_read",
            here(json!({"messages": seen})),
        )
        .await;
    assert_eq!(read["read"], "success", "{read}");

    // It leaves: the phone does not list it any more.
    let gone = bot
        .call("instance_operations", "delete", here(json!({})))
        .await;
    assert_eq!(gone["status"], "SUCCESS", "{gone}");
    assert!(stage.items("/accounts").await.is_empty());
    assert!(stage.items("/webhooks").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calls_that_no_client_makes_answer_as_evolution_does() {
    let stage = front().await;
    let (phone, ana) = (stage.phone(OWNER), stage.contact(ANA));
    let hooks = hooks().await;
    let wanted = json!({
        "instanceName": "desk", "qrcode": false, "integration": "WHATSAPP-BAILEYS",
        "webhook": {"url": hooks.uri(), "events": ["QRCODE_UPDATED", "MESSAGES_UPSERT"], "byEvents": false},
    });
    let made = done(&stage, Method::POST, "/instance/create", wanted.clone()).await;
    assert_eq!(
        (&made["instance"]["status"], &made["qrcode"]),
        (&json!("close"), &Value::Null)
    );
    let (status, said) = plain(&stage, Method::POST, "/instance/create", wanted).await;
    assert_eq!((status, &said["status"]), (403, &json!(403)), "{said}");

    // A number asks for a pairing code; without one there is a QR code, which the webhook hears of.
    let asked = format!("/instance/connect/desk?number={OWNER}");
    let code = done(&stage, Method::GET, &asked, json!({})).await;
    assert_eq!(text(&code, "/pairingCode").len(), 8, "{code}");
    let code = done(&stage, Method::GET, "/instance/connect/desk", json!({})).await;
    let qr = told(&hooks, "qrcode.updated", |data| {
        data["qrcode"]["code"].is_string()
    })
    .await;
    assert!(
        text(&qr, "/data/qrcode/base64").starts_with("data:image/png"),
        "{qr}"
    );
    phone.scan(&text(&code, "/code")).await.unwrap();
    let id = text(&stage.items("/accounts").await[0], "/id");
    stage.account_state(&id, "online").await;

    // A reply quotes; a picture comes as base64; typing is shown; words are changed and taken back.
    let wire = ana.send(OWNER, Outgoing::text("Price?")).await.unwrap();
    told(&hooks, "messages.upsert", |data| {
        data["key"]["id"] == json!(wire)
    })
    .await;
    let reply = json!({"number": ANA, "text": "10 AED", "quoted": {"key": {"id": wire}}});
    let sent = done(&stage, Method::POST, "/message/sendText/desk", reply).await;
    assert_eq!(sent["contextInfo"]["stanzaId"], json!(wire), "{sent}");
    let picture = json!({"number": ANA, "mediatype": "image", "media": PIXEL, "caption": "Here"});
    let image = done(&stage, Method::POST, "/message/sendMedia/desk", picture).await;
    stage.apps_come_to_show(OWNER, &["10 AED", "Here"]).await;
    let file = json!({"message": {"key": image["key"]}});
    let file = done(
        &stage,
        Method::POST,
        "/chat/getBase64FromMediaMessage/desk",
        file,
    )
    .await;
    assert_eq!(file["base64"], PIXEL, "{file}");
    let typing = json!({"number": ANA, "presence": "composing", "delay": 50});
    done(&stage, Method::POST, "/chat/sendPresence/desk", typing).await;
    let words = json!({"number": ANA, "key": sent["key"], "text": "12 AED"});
    done(&stage, Method::POST, "/chat/updateMessage/desk", words).await;

    let chats = done(&stage, Method::POST, "/chat/findChats/desk", json!({})).await;
    assert_eq!(chats[0]["remoteJid"], ANA_JID, "{chats}");
    let of_ana = json!({"where": {"remoteJid": ANA_JID}});
    let people = done(&stage, Method::POST, "/chat/findContacts/desk", of_ana).await;
    assert_eq!(people.as_array().unwrap().len(), 1, "{people}");
    let groups = "/group/fetchAllGroups/desk?getParticipants=true";
    assert_eq!(
        done(&stage, Method::GET, groups, json!({})).await,
        json!([])
    );
    let hook = done(&stage, Method::GET, "/webhook/find/desk", json!({})).await;
    assert_eq!(
        hook["events"],
        json!(["MESSAGES_UPSERT", "QRCODE_UPDATED"]),
        "{hook}"
    );

    // Off and on again, and away.
    let restarted = done(&stage, Method::POST, "/instance/restart/desk", json!({})).await;
    assert!(restarted["instance"]["state"].is_string(), "{restarted}");
    stage.account_state(&id, "online").await;
    done(&stage, Method::DELETE, "/instance/logout/desk", json!({})).await;
    stage.account_state(&id, "logged_out").await;
    let (status, said) = plain(&stage, Method::DELETE, "/instance/logout/desk", json!({})).await;
    assert_eq!(status, 400, "{said}");
    assert!(
        text(&said, "/response/message/0").contains("not connected"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_evolution_has_and_waypost_has_not_is_refused_by_its_name() {
    let stage = front().await;
    let create = |more: Value| {
        let mut wanted = json!({"instanceName": "shop"});
        wanted
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        wanted
    };
    for (more, named) in [
        (json!({"integration": "WHATSAPP-BUSINESS"}), "integration"),
        (json!({"token": "my-own-key"}), "token"),
        (json!({"alwaysOnline": true}), "alwaysOnline"),
        (
            json!({"webhook": {"url": "http://127.0.0.1:1/h", "byEvents": true}}),
            "byEvents",
        ),
        (
            json!({"webhook": {"url": "http://127.0.0.1:1/h", "base64": true}}),
            "base64",
        ),
        (
            json!({"webhook": {"url": "http://127.0.0.1:1/h", "events": ["CALL"]}}),
            "CALL",
        ),
        (json!({"proxyHost": "proxy.example.com"}), "proxyPort"),
    ] {
        let path = "/instance/create";
        let (status, said) = plain(&stage, Method::POST, path, create(more)).await;
        assert!(status == 400 || status == 422, "{status} {said}");
        assert!(text(&said, "/response/message/0").contains(named), "{said}");
    }
    assert!(
        stage.items("/accounts").await.is_empty(),
        "nothing is half done"
    );
    let (status, said) = plain(&stage, Method::POST, "/message/sendPoll/shop", json!({})).await;
    assert_eq!(status, 501, "{said}");
    assert!(
        text(&said, "/response/message/0").contains("docs/compat.md"),
        "{said}"
    );
    let (status, _) = plain(
        &stage,
        Method::GET,
        "/instance/connectionState/none",
        json!({}),
    )
    .await;
    assert_eq!(status, 404);

    // A proxy that is asked for is set before anything connects.
    let proxy = json!({
        "proxyHost": "127.0.0.1", "proxyPort": "9", "proxyProtocol": "socks5",
        "proxyUsername": "desk", "proxyPassword": "p w+d",
    });
    done(&stage, Method::POST, "/instance/create", create(proxy)).await;
    let account = &stage.items("/accounts").await[0];
    assert_eq!(account["proxy"], "socks5://desk:***@127.0.0.1:9");

    // Nobody does what their key may not.
    let mut stranger = bot(&stage, "wpk_unknown");
    let said = stranger
        .refused("instances", "fetch_instances", json!({}))
        .await;
    assert!(said.contains("EvolutionAuthenticationError"), "{said}");
    let scopes = json!({"name": "reader", "scopes": ["accounts:read"]});
    let key = text(&stage.post("/api-keys", scopes).await, "/key");
    let mut reader = bot(&stage, &key);
    reader.call("instances", "fetch_instances", json!({})).await;
    let with = json!({"instance_id": "shop", "instance_token": key});
    let said = reader.refused("instance_operations", "delete", with).await;
    assert!(
        said.contains("403") && said.contains("accounts:write"),
        "{said}"
    );
}
