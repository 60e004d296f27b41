//! Sending, reading, searching, files.

use super::api_scene::{Scene, ok, problem};
use reqwest::Method;
use serde_json::{Value, json};
use waypost_engine::model::{AccountId, Content, Draft, FailReason, SendOrigin, Seq};
use waypost_server::clock;
use waypost_store::Accepted;

/// The smallest PNG: one pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89,
];

fn text(account: AccountId, to: &str, body: &str) -> Value {
    json!({"account": account, "to": to, "content": {"kind": "text", "body": body}})
}

#[tokio::test]
async fn a_message_is_committed_shown_and_finally_accepted() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    scene.fleet.asked();
    let sent = scene
        .post(
            "/messages",
            text(account, "+971 50 111 2233", "Hello *there*"),
        )
        .await;
    assert_eq!(scene.fleet.asked(), ["wake_outbox"]);
    assert_eq!(
        (&sent["state"], &sent["direction"]),
        (&json!("accepted"), &json!("out"))
    );
    assert_eq!(sent["content"]["body"], "Hello *there*");
    assert_eq!(sent["waiting"]["code"], "not_connected");

    let wire = sent["wire_id"].as_str().unwrap().to_owned();
    scene
        .store
        .server_accepted(account, &wire, clock::now())
        .await
        .unwrap();
    let now = scene
        .get(&format!("/messages/{}", sent["id"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&now["state"], &now["waiting"]),
        (&json!("server"), &Value::Null)
    );
    let (status, body) = scene
        .refused(
            Method::POST,
            &format!("/messages/{}/cancel", sent["id"].as_str().unwrap()),
            json!({}),
        )
        .await;
    assert_eq!(status, 409, "{body}");
}

#[tokio::test]
async fn a_message_that_has_not_gone_out_can_be_cancelled() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let sent = scene
        .post("/messages", text(account, "+971501112233", "Oops"))
        .await;
    let path = format!("/messages/{}/cancel", sent["id"].as_str().unwrap());
    let now = scene.post(&path, json!({})).await;
    assert_eq!(
        (&now["state"], &now["failure"]["code"]),
        (&json!("failed"), &json!("cancelled"))
    );
    assert_eq!(scene.post(&path, json!({})).await["state"], "failed");
}

#[tokio::test]
async fn after_a_restore_a_person_releases_or_discards_what_was_waiting() {
    let before = Scene::start().await;
    let account = before.account("Office").await;
    let mut ids = Vec::new();
    for words in ["Your order is ready", "Never mind"] {
        let sent = before
            .post("/messages", text(account, "+971501112233", words))
            .await;
        ids.push((sent["id"].clone(), sent["wire_id"].clone()));
    }
    let scene = before.restored().await;
    let path = |n: usize, what: &str| format!("/messages/{}{what}", ids[n].0.as_str().unwrap());
    let held = scene.get(&path(0, "")).await;
    assert_eq!(
        (&held["state"], &held["waiting"]["code"]),
        (&json!("held"), &json!("held"))
    );

    scene.fleet.asked();
    let released = scene.post(&path(0, "/release"), json!({})).await;
    assert_eq!(
        (&released["state"], &released["wire_id"]),
        (&json!("accepted"), &ids[0].1)
    );
    assert_eq!(scene.fleet.asked(), ["wake_flow"]);
    // A second click changes nothing.
    let again = scene.post(&path(0, "/release"), json!({})).await;
    assert_eq!(again["state"], "accepted");
    assert!(scene.fleet.asked().is_empty());

    let discarded = scene.post(&path(1, "/cancel"), json!({})).await;
    assert_eq!(discarded["failure"]["code"], "cancelled");
    let (status, problem) = scene
        .refused(Method::POST, &path(1, "/release"), json!({}))
        .await;
    assert_eq!(status, 409, "{problem}");
    let due = scene.store.outbox_due(account, Seq(0), 10).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].wire_id, ids[0].1.as_str().unwrap());
}

#[tokio::test]
async fn an_answer_of_a_rule_says_which_rule_and_which_message() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let owner = scene.own(account).await;
    let rule = json!({
        "name": "Opening hours", "position": 1, "answer": "From 9 to 18",
        "matches": {"on": "any"},
    });
    let rule = scene.post("/rules", rule).await;
    let asked = scene
        .receives(
            account,
            owner,
            "7",
            "IN-1",
            Content::text("When are you open?"),
        )
        .await;
    let Accepted::New(work) = asked else {
        panic!("it is new: {asked:?}")
    };
    let now = clock::now();
    let draft = Draft {
        id: scene.store.next_id(now),
        account,
        conversation: Some(work.conversation),
        to: work.chat.clone(),
        wire_id: "3EB0AA".into(),
        content: Content::text("From 9 to 18"),
        frozen: None,
        origin: SendOrigin::Rule {
            rule: rule["id"].as_str().unwrap().parse().unwrap(),
            answers: work.message,
        },
        created_at: now,
    };
    scene.store.enqueue(draft, None, now).await.unwrap();
    // The newest is first.
    let talk = format!("/conversations/{}/messages", work.conversation);
    let shown = scene.get(&talk).await;
    let expected = json!({"id": rule["id"], "name": "Opening hours", "answers": work.message});
    assert_eq!(shown["items"][0]["rule"], expected, "{shown}");
    assert_eq!(shown["items"][1]["rule"], Value::Null);

    let gone = format!("/rules/{}", rule["id"].as_str().unwrap());
    scene.call(Method::DELETE, &gone, json!({})).await;
    let shown = scene.get(&talk).await;
    assert_eq!(shown["items"][0]["rule"]["id"], rule["id"]);
    assert_eq!(shown["items"][0]["rule"]["name"], Value::Null);
}

#[tokio::test]
async fn a_repeated_request_with_the_same_key_sends_once() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let send = async |key: &str, body: &str| {
        scene
            .request(Method::POST, "/messages")
            .header("idempotency-key", key)
            .json(&text(account, "+971501112233", body))
            .send()
            .await
            .unwrap()
    };
    let first = ok(send("order-17", "Hello").await).await;
    let again = send("order-17", "Hello").await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(ok(again).await["id"], first["id"]);
    let (status, body) = problem(send("order-17", "Something else").await).await;
    assert_eq!(
        (status, &body["code"]),
        (409, &json!("idempotency_key_reused"))
    );
    assert_ne!(ok(send("order-18", "Hello").await).await["id"], first["id"]);
    assert_eq!(problem(send(&"x".repeat(256), "Hello").await).await.0, 422);

    // Side by side, too.
    let many = futures_util::future::join_all((0..8).map(|_| send("burst", "Once"))).await;
    let mut ids = std::collections::BTreeSet::new();
    for response in many {
        ids.insert(ok(response).await["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_its_field() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let check = async |body: Value, status: u16, field: &str| {
        let (got, problem) = scene.refused(Method::POST, "/messages", body).await;
        assert_eq!(
            (got, problem["field"].as_str().unwrap_or_default()),
            (status, field),
            "{problem}"
        );
    };
    check(text(account, "nobody", "x"), 422, "to").await;
    check(text(account, "status@broadcast", "x"), 422, "to").await;
    check(text(account, "cnv_0000000000001", "x"), 422, "to").await;
    check(text(account, "+971501112233", "  "), 422, "content.body").await;
    check(
        text(account, "+971501112233", &"x".repeat(65_537)),
        422,
        "content.body",
    )
    .await;
    check(
        json!({"account": "acc_1", "to": "1", "content": {"kind": "text", "body": "x"}}),
        422,
        "account",
    )
    .await;
    let content = json!({"kind": "image", "blob": "blb_0000000000001"});
    check(
        json!({"account": account, "to": "+971501112233", "content": content}),
        422,
        "content.blob",
    )
    .await;
    let content = json!({"kind": "reaction", "message": "msg_0000000000001", "emoji": "👍"});
    check(
        json!({"account": account, "to": "+971501112233", "content": content}),
        422,
        "content.message",
    )
    .await;
    let new = scene
        .post("/accounts", json!({"name": "Never linked"}))
        .await;
    let id: AccountId = new["id"].as_str().unwrap().parse().unwrap();
    check(text(id, "+971501112233", "x"), 409, "").await;
}

#[tokio::test]
async fn a_conversation_is_listed_read_answered_and_found() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let owner = scene.own(account).await;
    for (i, body) in ["first", "second", "the villa near the park"]
        .iter()
        .enumerate()
    {
        scene
            .receives(account, owner, "11", &format!("W{i}"), Content::text(*body))
            .await;
    }
    let all = scene.get("/conversations?unread=true").await;
    let conversation = &all["items"][0];
    assert_eq!(
        (&conversation["unread"], &conversation["kind"]),
        (&json!(3), &json!("direct"))
    );
    assert_eq!(conversation["title"], "Contact 11");
    assert_eq!(
        conversation["last_message"]["preview"],
        "the villa near the park"
    );
    let id = conversation["id"].as_str().unwrap();

    let (mut bodies, mut path) = (Vec::new(), format!("/conversations/{id}/messages?limit=2"));
    loop {
        let page = scene.get(&path).await;
        bodies.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| m["content"]["body"].clone()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/conversations/{id}/messages?limit=2&cursor={next}");
    }
    assert_eq!(bodies, ["the villa near the park", "second", "first"]);

    scene.fleet.asked();
    assert_eq!(
        scene
            .post(&format!("/conversations/{id}/read"), json!({}))
            .await["unread"],
        0
    );
    assert_eq!(scene.fleet.asked(), ["mark_read 3"]);
    scene
        .call(
            Method::POST,
            &format!("/conversations/{id}/typing"),
            json!({"active": true}),
        )
        .await;
    assert_eq!(scene.fleet.asked(), ["typing 11@lid Started"]);

    let answered = scene
        .get(&format!("/conversations/{id}/messages?limit=1"))
        .await;
    let quoted = answered["items"][0]["id"].clone();
    let content = json!({"kind": "text", "body": "Yes", "quote_message": quoted});
    let sent = scene
        .post(
            "/messages",
            json!({"account": account, "to": id, "content": content}),
        )
        .await;
    assert_eq!(sent["conversation"], id);
    assert_eq!(sent["content"]["quote"]["text"], "the villa near the park");

    let found = scene.get("/search?q=VILLA+par").await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["complete"], true);
    assert_eq!(scene.get("/search?q=nothing").await["items"], json!([]));
    assert_eq!(
        scene.get("/conversations?search=contact+11").await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn only_our_own_messages_can_be_edited_or_deleted() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let owner = scene.own(account).await;
    let theirs = scene
        .receives(account, owner, "11", "W1", Content::text("hi"))
        .await
        .message();
    let all = scene.get("/conversations").await;
    let to = all["items"][0]["id"].clone();
    let ours = scene
        .post(
            "/messages",
            json!({"account": account, "to": to, "content": {"kind": "text", "body": "helo"}}),
        )
        .await;
    let change = |content: Value| json!({"account": account, "to": to, "content": content});
    let edit = |id: Value| change(json!({"kind": "edit", "message": id, "body": "hello"}));
    assert_eq!(
        scene
            .refused(Method::POST, "/messages", edit(json!(theirs)))
            .await
            .0,
        422
    );
    let edited = scene.post("/messages", edit(ours["id"].clone())).await;
    assert_eq!(edited["content"]["target"], ours["wire_id"]);
    let react = change(json!({"kind": "reaction", "message": theirs, "emoji": "👍"}));
    assert_eq!(
        scene.post("/messages", react).await["content"]["emoji"],
        "👍"
    );
    let revoke = change(json!({"kind": "revoke", "message": theirs}));
    assert_eq!(
        scene.refused(Method::POST, "/messages", revoke).await.0,
        422
    );

    // The same by number, and never to somebody else.
    let quoting = |to: &str| {
        let content = json!({"kind": "text", "body": "See", "quote_message": theirs});
        json!({"account": account, "to": to, "content": content})
    };
    let (status, problem) = scene
        .refused(Method::POST, "/messages", quoting("+971509999999"))
        .await;
    assert_eq!(
        (status, &problem["field"]),
        (422, &json!("content.quote_message"))
    );
    scene.post("/messages", quoting("+971511")).await;
}

#[tokio::test]
async fn a_file_is_uploaded_sent_and_handed_out_harmlessly() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let upload = scene
        .request(Method::POST, "/blobs?file_name=a.png")
        .header("content-type", "text/html");
    let blob = ok(upload.body(PNG).send().await.unwrap()).await;
    assert_eq!(
        (&blob["mime"], &blob["bytes"]),
        (&json!("image/png"), &json!(PNG.len()))
    );

    let content =
        json!({"kind": "image", "blob": blob["id"], "caption": "Look", "file_name": "../../a.png"});
    let sent = scene
        .post(
            "/messages",
            json!({"account": account, "to": "+971501112233", "content": content}),
        )
        .await;
    assert_eq!(sent["kind"], "image");
    let path = format!("/messages/{}/media", sent["id"].as_str().unwrap());
    let response = scene.request(Method::GET, &path).send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "image/png");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(
        header("content-disposition"),
        "inline; filename*=UTF-8''a.png"
    );
    assert!(header("content-security-policy").contains("sandbox"));
    assert_eq!(response.bytes().await.unwrap(), PNG);

    let part = scene
        .request(Method::GET, &path)
        .header("range", "bytes=1-3")
        .send()
        .await
        .unwrap();
    assert_eq!(part.status().as_u16(), 206);
    assert_eq!(
        part.headers()["content-range"].to_str().unwrap(),
        format!("bytes 1-3/{}", PNG.len())
    );
    assert_eq!(part.bytes().await.unwrap(), &b"PNG"[..]);
    let beyond = scene
        .request(Method::GET, &path)
        .header("range", "bytes=9999-")
        .send()
        .await
        .unwrap();
    assert_eq!(problem(beyond).await.0, 416);

    // A picture is no voice note.
    let content = json!({"kind": "voice", "blob": blob["id"]});
    let body = json!({"account": account, "to": "+971501112233", "content": content});
    assert_eq!(scene.refused(Method::POST, "/messages", body).await.0, 422);
}

#[tokio::test]
async fn uploads_above_the_limit_or_without_content_are_refused() {
    let scene = Scene::with(|config| config.server.blob_bytes_max = 2_000).await;
    let upload = async |body: Vec<u8>| {
        problem(
            scene
                .request(Method::POST, "/blobs")
                .body(body)
                .send()
                .await
                .unwrap(),
        )
        .await
        .0
    };
    assert_eq!(upload(vec![7; 2_001]).await, 413);
    assert_eq!(upload(Vec::new()).await, 422);
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"n.csv\"\r\nContent-Type: text/csv\r\n\r\na,b\n1,2\n\r\n--x--\r\n";
    let request = scene
        .request(Method::POST, "/blobs")
        .header("content-type", "multipart/form-data; boundary=x");
    let blob = ok(request.body(form).send().await.unwrap()).await;
    assert_eq!(
        (&blob["mime"], &blob["bytes"], &blob["file_name"]),
        (&json!("text/csv"), &json!(8), &json!("n.csv"))
    );
    let request = scene
        .request(Method::POST, "/blobs")
        .header("content-type", "multipart/form-data");
    assert_eq!(
        problem(request.body("x").send().await.unwrap()).await.0,
        422
    );
}

#[tokio::test]
async fn a_failed_send_is_a_dead_letter_that_can_be_replayed() {
    let scene = Scene::start().await;
    let account = scene.account("Office").await;
    let sent = scene
        .post("/messages", text(account, "+971501112233", "Hello"))
        .await;
    let id = sent["id"].as_str().unwrap().parse().unwrap();
    let reason = FailReason::Exhausted {
        error: "no route".into(),
    };
    scene
        .store
        .send_failed(id, reason, clock::now())
        .await
        .unwrap();
    let now = scene.get(&format!("/messages/{id}")).await;
    assert_eq!(
        (&now["state"], &now["failure"]["code"]),
        (&json!("failed"), &json!("exhausted"))
    );

    let letters = scene.get("/dead-letters?state=pending").await;
    let letter = letters["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(letters["items"][0]["message"], sent["id"]);
    let whole = scene.get(&format!("/dead-letters/{letter}")).await;
    assert_eq!(whole["payload"]["content"]["body"], "Hello");
    scene.fleet.asked();
    let body = json!({"ids": [letter, "dlq_0000000000001"]});
    let replayed = scene.post("/dead-letters/replay", body).await;
    assert_eq!(
        replayed,
        json!({"replayed": [letter], "skipped": ["dlq_0000000000001"]})
    );
    assert_eq!(scene.fleet.asked(), ["wake_flow"]);
    let again = scene.get(&format!("/messages/{id}")).await;
    assert_eq!(
        (&again["state"], &again["wire_id"]),
        (&json!("accepted"), &sent["wire_id"])
    );
    assert_eq!(
        scene
            .refused(
                Method::POST,
                &format!("/dead-letters/{letter}/replay"),
                json!({})
            )
            .await
            .0,
        409
    );
}
