//! Stored files: in, out, and what is left of one that breaks off.

use super::Scene;
use crate::scene::NOON;
use futures_util::StreamExt as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};
use waypost_engine::model::{BlobId, Timestamp};
use waypost_store::readings::Forgotten;
use waypost_store::{Store, StoreError};

async fn read(store: &Store, blob: BlobId, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let mut body = store.open_blob(blob, range).await.unwrap().body;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    bytes
}

#[tokio::test]
async fn a_file_goes_in_and_comes_out_in_pieces_and_is_kept_once() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let large: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    let pieces = large
        .chunks(70_001)
        .map(|piece| Ok(bytes::Bytes::copy_from_slice(piece)));
    let stream = futures_util::stream::iter(pieces.collect::<Vec<_>>());
    let blob = store
        .put_blob(stream, "video/mp4", 20_000_000, NOON)
        .await
        .unwrap();
    assert_eq!(
        (blob.bytes, blob.mime.as_str()),
        (large.len() as u64, "video/mp4")
    );
    assert!(read(store, blob.id, None).await == large);
    assert_eq!(read(store, blob.id, Some(4..12)).await, large[4..12]);
    let beyond = store.open_blob(blob.id, Some(0..u64::MAX)).await;
    assert!(matches!(beyond, Err(StoreError::Invalid { .. })));

    let again = store
        .put_small_blob(&large, "application/pdf", NOON)
        .await
        .unwrap();
    assert_eq!(again, blob, "the same bytes are one file");
    let unknown = store
        .put_small_blob(b"x", &"a/b".repeat(200), NOON)
        .await
        .unwrap();
    assert_eq!(unknown.mime, "application/octet-stream");
    let nothing = store.put_small_blob(b"", "text/plain", NOON).await.unwrap();
    assert!(read(store, nothing.id, None).await.is_empty());
    let missing = store.blob(BlobId::from_raw(5)).await;
    assert_eq!(
        missing,
        Err(StoreError::NotFound {
            what: "stored file"
        })
    );
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { files_below(&path) } else { 1 })
        .sum()
}

#[tokio::test]
async fn a_file_that_is_too_large_or_breaks_off_leaves_nothing() {
    let scene = Scene::new().await;
    let piece = |size: usize| Ok(bytes::Bytes::from(vec![1; size]));
    let large = futures_util::stream::iter(vec![piece(2_000_000), piece(2_000_000)]);
    let refused = scene
        .store
        .put_blob(large, "text/plain", 3_000_000, NOON)
        .await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    let cut = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "cut off");
    let broken = futures_util::stream::iter(vec![piece(2_000_000), Err(cut)]);
    let failed = scene
        .store
        .put_blob(broken, "text/plain", 3_000_000, NOON)
        .await;
    assert!(matches!(failed, Err(StoreError::Io { .. })));
    let folder = scene.config().files();
    let emptied = async {
        while files_below(&folder) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let limit = std::time::Duration::from_secs(10);
    tokio::time::timeout(limit, emptied)
        .await
        .expect("something was left");
}

#[tokio::test]
async fn what_a_death_left_of_a_file_on_its_way_goes_after_a_day() {
    let scene = Scene::new().await;
    let incoming = scene.config().files().join("incoming");
    std::fs::create_dir_all(&incoming).unwrap();
    let noon = UNIX_EPOCH + Duration::from_millis(NOON.0 as u64);
    for (name, age) in [
        ("old#1", Duration::from_secs(90_000)),
        ("young#1", Duration::ZERO),
    ] {
        let file = std::fs::File::create(incoming.join(name)).unwrap();
        file.set_modified(noon - age).unwrap();
    }
    let done = scene.store.forget_files(Timestamp(0), NOON).await;
    let one = Forgotten {
        messages: 0,
        files: 1,
    };
    assert_eq!(done, Ok(one));
    assert!(
        incoming.join("young#1").exists(),
        "somebody may still write to it"
    );
    assert_eq!(files_below(&incoming), 1);
}
