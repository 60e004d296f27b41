//! Files that are removed, or stored, while the program dies: no row without its file, no file for ever.

use crate::stage::{Failpoint, LIMIT, Stage, text, until};
use reqwest::Method;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;
use waypost_engine::model::{
    AccountId, Address, Content, Inbound, Media, MediaKind, MediaPointer, Origin, Timestamp,
};
use waypost_server::config::Config;
use waypost_server::{clock, run};
use waypost_store::{Accept, Accepted, MediaOutcome, Store};

const OWNER: &str = "971500000001";
/// Files that are older than they are kept.
const OLD: usize = 6;
/// Much longer than files are kept.
const YEARS: i64 = 3 * 365 * 24 * 3_600_000;

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}

fn folder(stage: &Stage) -> PathBuf {
    stage.folder.path().join("data/blobs")
}

/// The store of a program that is not running.
fn open(stage: &Stage) -> Store {
    let toml = std::fs::read_to_string(stage.folder.path().join("waypost.toml")).unwrap();
    let config = Config::from_toml(&toml).unwrap();
    Store::open(run::store_config(&config).unwrap()).unwrap()
}

fn picture(n: usize, at: Timestamp) -> Inbound {
    let pointer = MediaPointer {
        direct_path: format!("/v/t62/{n}"),
        media_key: vec![1; 32],
        file_sha256: vec![2; 32],
        file_enc_sha256: vec![3; 32],
        file_length: 9,
    };
    let file = Media {
        media: MediaKind::Image,
        mime: "image/jpeg".into(),
        caption: None,
        file_name: None,
        seconds: None,
        size: None,
        pointer: Some(pointer),
        blob: None,
    };
    let ana = Address::phone("971500000002");
    Inbound {
        wire_id: format!("OLD{n}"),
        chat: ana.clone(),
        chat_alt: None,
        sender: ana,
        sender_alt: None,
        from_me: false,
        push_name: None,
        origin: Origin::History,
        sent_at: at,
        received_at: at,
        content: Content::Media {
            file,
            quote: None,
            mentions: vec![],
        },
        raw: vec![],
    }
}

/// Years ago, some people sent pictures.
async fn had_old_pictures(stage: &Stage, account: &str) {
    let store = open(stage);
    let account: AccountId = account.parse().unwrap();
    let owner = store.take_ownership(account).await.unwrap();
    let at = Timestamp(clock::now().0 - YEARS);
    for n in 0..OLD {
        let accept = Accept {
            account,
            owner,
            now: at,
            items: vec![picture(n, at)],
        };
        let accepted: Vec<Accepted> = store.accept(accept).await.unwrap();
        let bytes = format!("picture {n}");
        let blob = store.put_small_blob(bytes.as_bytes(), "image/jpeg", at);
        let stored = MediaOutcome::Stored {
            blob: blob.await.unwrap().id,
        };
        let message = accepted[0].message();
        store.media_settled(message, stored, at).await.unwrap();
    }
    store.close().await;
}

/// Starts the program, which dies at a passing of a step.
async fn dies(stage: &mut Stage, name: &'static str, passing: u32) {
    stage.begin(Some(Failpoint { name, passing })).await;
    is_dead(stage).await;
}

async fn is_dead(stage: &mut Stage) {
    let deadline = Instant::now() + LIMIT;
    while !stage.is_dead() {
        assert!(Instant::now() < deadline, "it lives on");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Waits until there is no file left.
async fn nothing_is_left(stage: &Stage) {
    until("every file to be gone", async || {
        let left = files(&folder(stage));
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_removed_while_the_program_dies_leave_neither_rows_nor_files_behind() {
    let mut stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.stop().await;
    had_old_pictures(&stage, &linked.id).await;
    assert_eq!(files(&folder(&stage)).len(), OLD);

    dies(&mut stage, "files_noted", 1).await;
    assert_eq!(files(&folder(&stage)).len(), OLD, "their rows went first");
    for (passing, left) in [(1, OLD - 1), (2, OLD - 2), (2, OLD - 3)] {
        dies(&mut stage, "file_removed", passing).await;
        assert_eq!(files(&folder(&stage)).len(), left, "the note of one stayed");
    }
    stage.begin(None).await;
    nothing_is_left(&stage).await;
    for message in stage.messages(&linked.id, OLD).await {
        assert_eq!(message["media"]["state"], "failed", "{message}");
        let reason = text(&message, "/media/reason");
        assert!(reason.contains("kept"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_stored_while_the_program_dies_does_not_stay_without_a_row() {
    let mut stage = Stage::start().await;
    let upload = async |stage: &Stage| {
        let request = stage.request(Method::POST, "/blobs?file_name=plan.txt");
        request.body("a plan").send().await
    };
    stage.stop().await;
    stage
        .begin(Some(Failpoint {
            name: "file_placed",
            passing: 1,
        }))
        .await;
    stage.listens().await;
    assert!(upload(&stage).await.is_err(), "nobody answered");
    is_dead(&mut stage).await;
    assert_eq!(files(&folder(&stage)).len(), 1);

    stage.begin(None).await;
    until("the file to be gone", async || {
        match files(&folder(&stage)) {
            left if left.is_empty() => Ok(()),
            left => Err(left),
        }
    })
    .await;
    // Sent again it stays, over the next round of removal too.
    let id = async |stage: &Stage| {
        let stored = upload(stage).await.unwrap();
        text(&stored.json::<Value>().await.unwrap(), "/id")
    };
    let first = id(&stage).await;
    stage.restart().await;
    assert_eq!(id(&stage).await, first);
    assert_eq!(files(&folder(&stage)).len(), 1);
}
