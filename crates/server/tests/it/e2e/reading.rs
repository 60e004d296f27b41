//! What is in the files that people send: read, searched, listed, told, and there after a restart.

use crate::stage::{Plan, Stage, text, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::process::Command;
use wasim::Outgoing;

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

fn document(bytes: &[u8], name: &str) -> Outgoing {
    Outgoing::Document {
        bytes: bytes.to_vec(),
        name: name.into(),
        mime: "application/octet-stream".into(),
        caption: None,
    }
}

/// A picture with these letters on it, drawn so large that they need no font.
fn sign(word: &str) -> Vec<u8> {
    let shape = |c: char| match c {
        'H' => [
            "#...#", "#...#", "#...#", "#####", "#...#", "#...#", "#...#",
        ],
        'E' => [
            "#####", "#....", "#....", "####.", "#....", "#....", "#####",
        ],
        'L' => [
            "#....", "#....", "#....", "#....", "#....", "#....", "#####",
        ],
        _ => [
            "#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#..",
        ],
    };
    let width = word.len() as u32 * 56 + 160;
    let white = image::Luma([255]);
    let mut picture = image::GrayImage::from_pixel(width, 216, white);
    for (i, c) in word.chars().enumerate() {
        for (y, row) in shape(c).iter().enumerate() {
            for (x, _) in row.chars().enumerate().filter(|(_, point)| *point == '#') {
                for (dx, dy) in (0..64).map(|n| (n % 8, n / 8)) {
                    let at = (80 + (i * 56 + x * 8) as u32 + dx, 80 + (y * 8) as u32 + dy);
                    picture.put_pixel(at.0, at.1, image::Luma([0]));
                }
            }
        }
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::DynamicImage::ImageLuma8(image::imageops::blur(&picture, 2.0));
    picture
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

/// The account's messages as they came.
async fn in_order(stage: &Stage, account: &str, count: usize) -> Vec<Value> {
    let mut messages = stage.messages(account, count).await;
    messages.reverse();
    messages
}

async fn read(stage: &Stage, message: &Value) -> Value {
    let path = format!("/messages/{}/media/reading", text(message, "/id"));
    until("the file to be read", async || {
        let found = stage.request(Method::GET, &path).send().await.unwrap();
        if found.status() == StatusCode::NOT_FOUND {
            return Err(json!("the file is not here yet"));
        }
        let reading: Value = found.json().await.unwrap();
        match reading["state"].as_str() {
            Some("done" | "failed" | "skipped") => Ok(reading),
            _ => Err(reading),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_list_and_a_sign_are_read_found_and_still_there_after_a_restart() {
    let mut stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    let list = "Unit,Area,Price\n1203,Dubai Marina,AED 1500000\n";
    ana.send(OWNER, document(list.as_bytes(), "prices.csv"))
        .await
        .unwrap();
    let bytes = sign("HELLTEH");
    for _ in 0..2 {
        let image = Outgoing::Image {
            bytes: bytes.clone(),
            caption: None,
        };
        ana.send(OWNER, image).await.unwrap();
    }
    let messages = in_order(&stage, &linked.id, 3).await;
    let prices = read(&stage, &messages[0]).await;
    assert_eq!(prices["state"], "done", "{prices}");
    assert_eq!(
        prices["tables"][0]["rows"][1],
        json!(["1203", "Dubai Marina", "AED 1500000"])
    );
    let values = prices["entities"].as_array().unwrap();
    assert!(
        values.iter().any(|v| v["value"] == "AED 1500000"),
        "{prices}"
    );
    for message in &messages[1..] {
        let seen = read(&stage, message).await;
        assert!(text(&seen, "/text").contains("HELLTEH"), "{seen}");
    }
    stage.restart().await;
    assert_eq!(read(&stage, &messages[0]).await, prices);

    let found = stage.get("/search?q=marina").await;
    assert_eq!(found["items"][0]["id"], messages[0]["id"], "{found}");
    let gallery = stage.get("/gallery").await;
    let items = gallery["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "the same picture is listed once: {gallery}");
    assert_eq!(
        (&items[0]["kind"], &items[0]["copies"]),
        (&json!("picture"), &json!(2))
    );
    let path = format!("/messages/{}/media/thumbnail", text(&items[0], "/message"));
    let small = stage.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(small.headers()["content-type"], "image/jpeg");
    assert!(image::load_from_memory(&small.bytes().await.unwrap()).is_ok());
    let copies = stage
        .get(&format!(
            "/gallery?copies_of={}",
            text(&items[0], "/same_as")
        ))
        .await;
    assert_eq!(copies["items"].as_array().unwrap().len(), 2);
    let listed = stage.get("/gallery?q=marina&kind=document").await;
    assert_eq!(listed["items"][0]["file_name"], "prices.csv");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_file_is_refused_in_a_sentence_and_the_next_one_is_read() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    let bomb = b"%PDF-1.4\n1 0 obj\n[[[[[[[[".repeat(5_000);
    ana.send(OWNER, document(&bomb, "offer.pdf")).await.unwrap();
    ana.send(OWNER, document(b"a,b\n1,2\n", "fine.csv"))
        .await
        .unwrap();
    let messages = in_order(&stage, &linked.id, 2).await;
    let refused = read(&stage, &messages[0]).await;
    assert_eq!(refused["state"], "failed", "{refused}");
    assert!(text(&refused, "/error").contains("file"), "{refused}");
    assert_eq!(
        read(&stage, &messages[1]).await["tables"][0]["rows"][1],
        json!(["1", "2"])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_settings_switch_off_is_not_read() {
    let settings = "[media]\nocr = false\ndocuments = false\n".to_owned();
    let stage = Stage::with(Plan {
        settings,
        ..Plan::default()
    })
    .await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    ana.send(OWNER, document(b"a,b\n1,2\n", "a.csv"))
        .await
        .unwrap();
    let image = Outgoing::Image {
        bytes: sign("HELL"),
        caption: None,
    };
    ana.send(OWNER, image).await.unwrap();
    let voice = Outgoing::Voice {
        bytes: b"OggS....OpusHead".to_vec(),
        seconds: 1,
    };
    ana.send(OWNER, voice).await.unwrap();
    let messages = in_order(&stage, &linked.id, 3).await;
    assert_eq!(read(&stage, &messages[0]).await["state"], "skipped");
    let picture = read(&stage, &messages[1]).await;
    assert_eq!(
        (&picture["state"], &picture["text"]),
        (&json!("done"), &json!(""))
    );
    assert_eq!(
        picture["has_thumbnail"], true,
        "the gallery shows it all the same"
    );
    assert_eq!(
        read(&stage, &messages[2]).await["state"],
        "skipped",
        "no speech service is set"
    );
}

#[test]
fn a_file_is_shown_in_the_terminal_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.csv");
    std::fs::write(&file, "a;b\n1;2\n").unwrap();
    let run = |arguments: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_waypost"))
            .current_dir(folder.path())
            .args(arguments)
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&run(&["--json", "read"])).unwrap();
    assert_eq!(json["tables"][0]["rows"], json!([["a", "b"], ["1", "2"]]));
    assert_eq!(json["walls"]["system_calls"], true);
    assert!(run(&["read"]).contains("1 | 2"));
}

/// A rule that looks into files, before one that answers whatever is typed.
async fn rules_for_files(stage: &Stage) {
    let marina = json!({
        "name": "marina", "position": 10, "matches": {"on": "contains", "text": "dubai marina"},
        "when": {"files": "read"}, "answer": "We have Marina listings.",
    });
    stage.post("/rules", marina).await;
    let echo =
        json!({"name": "echo", "position": 20, "matches": {"on": "any"}, "answer": "Echo: {text}"});
    stage.post("/rules", echo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_answers_what_a_file_says_and_what_follows_waits_for_it() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    rules_for_files(&stage).await;
    let ana = stage.contact(ANA);
    let list = "Unit,Area,Price\n1203,Dubai Marina,AED 1500000\n";
    ana.send(OWNER, document(list.as_bytes(), "prices.csv"))
        .await
        .unwrap();
    ana.send(OWNER, Outgoing::text("what do you think?"))
        .await
        .unwrap();
    let answers = ["We have Marina listings.", "Echo: what do you think?"];
    stage.apps_come_to_show(OWNER, &answers).await;
    let messages = in_order(&stage, &linked.id, 4).await;
    let rule = text(&messages[2], "/rule/name");
    assert_eq!(rule, "marina", "{}", messages[2]);
}

/// What was found out about a message, as it is explained.
async fn values(stage: &Stage, message: &Value) -> Value {
    let path = format!("/messages/{}/explain", text(message, "/id"));
    let explained = stage.get(&path).await;
    let parts = explained["parts"].as_array().unwrap();
    let found = parts
        .iter()
        .find(|part| part["part"] == "entities")
        .unwrap();
    found["decided"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_read_again_with_the_file_it_was_read_with_at_first() {
    let stage = Stage::with(Plan::reading()).await;
    let linked = stage.link(OWNER).await;
    rules_for_files(&stage).await;
    let ana = stage.contact(ANA);
    let list = "Unit,Area,Price\n1203,Dubai Marina,AED 1500000\n";
    ana.send(OWNER, document(list.as_bytes(), "prices.csv"))
        .await
        .unwrap();
    stage
        .apps_come_to_show(OWNER, &["We have Marina listings."])
        .await;
    let messages = in_order(&stage, &linked.id, 2).await;
    let first = values(&stage, &messages[0]).await;
    assert!(first.to_string().contains("AED 1500000"), "{first}");

    let again = json!({"messages": [messages[0]["id"]]});
    let done = stage.post("/pipeline/replay", again).await;
    assert_eq!(done["replaced"], 1, "{done}");
    assert_eq!(values(&stage, &messages[0]).await, first);
    stage.settled(&linked.id).await;
    assert_eq!(stage.apps_show(OWNER), ["We have Marina listings."]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_waits_no_longer_for_its_file_than_it_may() {
    let stage = Stage::with(Plan {
        settings: "[media]\nwait_s = 2\n".to_owned(),
        ..Plan::default()
    })
    .await;
    let linked = stage.link(OWNER).await;
    rules_for_files(&stage).await;
    stage.net.set_media_faults(wasim::MediaFaults {
        delay: std::time::Duration::from_secs(6),
        ..wasim::MediaFaults::default()
    });
    let ana = stage.contact(ANA);
    ana.send(OWNER, document(b"Area\nDubai Marina\n", "areas.csv"))
        .await
        .unwrap();
    ana.send(OWNER, Outgoing::text("hello?")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: hello?"]).await;
    let messages = in_order(&stage, &linked.id, 3).await;
    assert_eq!(text(&messages[2], "/content/body"), "Echo: hello?");
    // The file comes after all: it is read and told, and nothing is answered twice.
    assert_eq!(read(&stage, &messages[0]).await["state"], "done");
    assert_eq!(stage.messages(&linked.id, 3).await.len(), 3);
}
