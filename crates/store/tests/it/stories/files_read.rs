//! What was read of files: to do, done, searched, listed, and there after a restart.

use super::Scene;
use crate::scene::{NOON, ana, ben, says, with};
use serde_json::json;
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    Address, Content, Inbound, Media, MediaKind, MediaPointer, MediaState, MessageId, Timestamp,
    WorkspaceId,
};
use waypost_store::admin::search::SearchQuery;
use waypost_store::readings::{
    FileText, Forgotten, GalleryItem, GalleryQuery, ReadingKind, ReadingOutcome, ReadingState,
};
use waypost_store::{MediaOutcome, Page, StoreError};

fn file(from: Address, wire_id: &str, media: MediaKind, name: Option<&str>) -> Inbound {
    let pointer = MediaPointer {
        direct_path: "/v/t62/abc".into(),
        media_key: vec![1; 32],
        file_sha256: vec![2; 32],
        file_enc_sha256: vec![3; 32],
        file_length: 300,
    };
    let file = Media {
        media,
        mime: "image/jpeg".into(),
        caption: None,
        file_name: name.map(str::to_owned),
        seconds: None,
        size: None,
        pointer: Some(pointer),
        blob: None,
    };
    let content = Content::Media {
        file,
        quote: None,
        mentions: vec![],
    };
    with(says(from, wire_id, ""), content)
}

impl Scene {
    /// A message whose file has come.
    async fn came(&self, message: Inbound) -> MessageId {
        let work = self.work(message).await;
        let blob = self
            .store
            .put_small_blob(b"bytes", "image/jpeg", NOON)
            .await
            .unwrap();
        let stored = MediaOutcome::Stored { blob: blob.id };
        self.store
            .media_settled(work.message, stored, NOON)
            .await
            .unwrap();
        work.message
    }

    async fn read(&self, message: MessageId, text: FileText) {
        let done = ReadingOutcome::Done(Box::new(text));
        self.store
            .reading_settled(message, done, NOON)
            .await
            .unwrap();
    }

    async fn gallery(&self, change: impl FnOnce(&mut GalleryQuery)) -> Vec<GalleryItem> {
        let mut query = GalleryQuery {
            workspace: WorkspaceId::DEFAULT,
            account: None,
            conversation: None,
            kind: None,
            text: None,
            copies_of: None,
        };
        change(&mut query);
        self.store
            .gallery(query, Page::default())
            .await
            .unwrap()
            .items
    }
}

fn words(text: &str) -> FileText {
    FileText {
        text: text.into(),
        ..FileText::default()
    }
}

#[tokio::test]
async fn a_file_that_has_come_is_read_and_found_by_its_words_also_after_a_restart() {
    let mut scene = Scene::new().await;
    let message = scene
        .came(file(ana(), "P1", MediaKind::Document, Some("lease.pdf")))
        .await;
    let jobs = scene.store.readings_due(NOON, 10).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        (jobs[0].message, jobs[0].kind),
        (message, ReadingKind::Document)
    );
    assert_eq!(jobs[0].file_name.as_deref(), Some("lease.pdf"));
    let one = scene.store.reading_due(message, NOON).await.unwrap();
    assert_eq!(one.as_ref(), jobs.first());

    let later = Timestamp(NOON.0 + 5_000);
    let busy = ReadingOutcome::Later {
        reason: "busy".into(),
        next_at: later,
    };
    scene
        .store
        .reading_settled(message, busy, NOON)
        .await
        .unwrap();
    assert!(scene.store.readings_due(NOON, 10).await.unwrap().is_empty());
    assert_eq!(scene.store.reading_due(message, NOON).await, Ok(None));
    scene.restart().await;
    assert_eq!(
        scene.store.readings_due(later, 10).await.unwrap()[0].attempts,
        1
    );

    let found = FileText {
        tables: Some(json!([{ "name": "Table 1", "rows": [["Rent", "90000"]] }])),
        entities: Some(json!([{ "kind": "money", "value": "AED 90000" }])),
        language: Some("en".into()),
        took_ms: 12,
        ..words("Tenancy contract for Marina Heights")
    };
    scene.read(message, found.clone()).await;
    scene.restart().await;
    let shown = scene.store.file_reading(message).await.unwrap().unwrap();
    assert_eq!(shown.state, ReadingState::Done);
    assert_eq!(shown.found, found);
    assert!(
        scene
            .store
            .readings_due(later, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let told = scene.told(kind::MEDIA_READ).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].data["text"], "Tenancy contract for Marina Heights");
    assert_eq!(told[0].data["entities"][0]["value"], "AED 90000");

    let query = |text: &str| SearchQuery {
        workspace: WorkspaceId::DEFAULT,
        account: None,
        conversation: None,
        text: text.into(),
    };
    for text in ["tenancy", "lease marina"] {
        let result = scene
            .store
            .search(query(text), Page::default())
            .await
            .unwrap();
        assert_eq!(result.found.items.len(), 1, "{text}");
    }
}

#[tokio::test]
async fn a_file_is_read_once_whatever_comes_late() {
    let scene = Scene::new().await;
    let message = scene.came(file(ana(), "P1", MediaKind::Image, None)).await;
    scene.read(message, words("first")).await;
    let again = ReadingOutcome::Done(Box::new(words("second")));
    let refused = scene.store.reading_settled(message, again, NOON).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound { .. })),
        "{refused:?}"
    );
    assert_eq!(
        scene
            .store
            .file_reading(message)
            .await
            .unwrap()
            .unwrap()
            .found
            .text,
        "first"
    );
    assert_eq!(scene.told(kind::MEDIA_READ).await.len(), 1);
}

#[tokio::test]
async fn what_is_not_read_says_why() {
    let scene = Scene::new().await;
    let voice = scene.came(file(ana(), "V1", MediaKind::Voice, None)).await;
    let film = scene.came(file(ana(), "V2", MediaKind::Video, None)).await;
    let broken = scene
        .came(file(ana(), "D1", MediaKind::Document, None))
        .await;
    let skipped = ReadingOutcome::Skipped {
        reason: "no speech service".into(),
    };
    scene
        .store
        .reading_settled(voice, skipped, NOON)
        .await
        .unwrap();
    let failed = ReadingOutcome::Failed {
        reason: "damaged".into(),
    };
    scene
        .store
        .reading_settled(broken, failed, NOON)
        .await
        .unwrap();
    let store = &scene.store;
    let state = |message: MessageId| async move {
        store
            .file_reading(message)
            .await
            .unwrap()
            .map(|r| (r.state, r.error))
    };
    assert_eq!(
        state(voice).await,
        Some((ReadingState::Skipped, Some("no speech service".into())))
    );
    assert_eq!(
        state(broken).await,
        Some((ReadingState::Failed, Some("damaged".into())))
    );
    assert_eq!(state(film).await, None, "films are not read");
    assert_eq!(
        scene.told(kind::MEDIA_READ).await.len(),
        1,
        "a skipped file is no news"
    );
}

#[tokio::test]
async fn the_gallery_shows_a_picture_once_with_its_copies() {
    let scene = Scene::new().await;
    let first = scene.came(file(ana(), "P1", MediaKind::Image, None)).await;
    let other = scene.came(file(ana(), "P2", MediaKind::Image, None)).await;
    let copy = scene.came(file(ben(), "P3", MediaKind::Image, None)).await;
    let paper = scene
        .came(file(ben(), "D1", MediaKind::Document, Some("offer.pdf")))
        .await;
    let picture = |look: &str, same_as| FileText {
        look: Some(look.into()),
        size: Some((640, 480)),
        thumbnail: Some(vec![0xff, 0xd8]),
        same_as,
        ..words("For sale")
    };
    scene.read(first, picture("aa", None)).await;
    scene.read(other, picture("bb", None)).await;
    scene.read(copy, picture("ab", Some(first))).await;
    scene.read(paper, words("Price list")).await;
    while scene.store.index_messages().await.unwrap() == waypost_store::admin::search::Indexed::More
    {
    }

    let ids = |items: Vec<GalleryItem>| {
        items
            .into_iter()
            .map(|i| (i.message, i.copies))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ids(scene.gallery(|_| {}).await),
        [(paper, 1), (copy, 2), (other, 1)]
    );
    let copies = scene.gallery(|q| q.copies_of = Some(first)).await;
    assert_eq!(ids(copies), [(copy, 2), (first, 2)]);
    let pictures = scene.gallery(|q| q.kind = Some(ReadingKind::Picture)).await;
    assert_eq!(pictures.len(), 2);
    assert_eq!(pictures[0].size, Some((640, 480)));
    assert!(pictures[0].has_thumbnail);
    assert_eq!(
        ids(scene.gallery(|q| q.text = Some("price".into())).await),
        [(paper, 1)]
    );
    let conversation = pictures[1].conversation;
    assert_eq!(
        ids(scene.gallery(|q| q.conversation = Some(conversation)).await),
        [(other, 1), (first, 2)]
    );
    assert_eq!(
        scene.store.file_thumbnail(first).await.unwrap(),
        Some(vec![0xff, 0xd8])
    );
    assert_eq!(
        scene.store.known_looks(scene.account).await.unwrap().len(),
        3
    );

    let page = scene
        .store
        .gallery(
            GalleryQuery {
                workspace: WorkspaceId::DEFAULT,
                account: None,
                conversation: None,
                kind: None,
                text: None,
                copies_of: None,
            },
            Page::first(2),
        )
        .await
        .unwrap();
    assert_eq!(page.items.len(), 2);
    assert!(page.next.is_some());
}

#[tokio::test]
async fn a_deleted_account_and_a_deleted_message_take_their_files_out_of_the_gallery() {
    let scene = Scene::new().await;
    let message = scene.came(file(ana(), "P1", MediaKind::Image, None)).await;
    scene.read(message, words("secret")).await;
    scene
        .accept_one(with(
            says(ana(), "R1", ""),
            Content::Revoke {
                target: "P1".into(),
            },
        ))
        .await;
    assert!(scene.gallery(|_| {}).await.is_empty());
    scene
        .store
        .delete_account(scene.account, NOON)
        .await
        .unwrap();
    assert_eq!(scene.store.file_reading(message).await.unwrap(), None);
}

const DAY: i64 = 24 * 3_600_000;

fn days_later(days: i64) -> Timestamp {
    Timestamp(NOON.0 + days * DAY)
}

#[tokio::test]
async fn a_file_goes_when_no_message_needs_it_any_more_and_not_before() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let shared = store
        .put_small_blob(b"shared", "image/jpeg", NOON)
        .await
        .unwrap();
    let old = scene
        .work(file(ana(), "P1", MediaKind::Image, None))
        .await
        .message;
    let young = scene
        .work(Inbound {
            received_at: days_later(300),
            ..file(ben(), "P2", MediaKind::Image, None)
        })
        .await
        .message;
    for message in [old, young] {
        let stored = MediaOutcome::Stored { blob: shared.id };
        store.media_settled(message, stored, NOON).await.unwrap();
    }
    scene.read(old, words("sunset")).await;
    let upload = store
        .put_small_blob(b"upload", "image/png", NOON)
        .await
        .unwrap();
    let mut draft = scene.draft(ben(), "S1", "");
    let Content::Media { mut file, .. } = file(ben(), "x", MediaKind::Image, None).content else {
        panic!()
    };
    (file.pointer, file.blob) = (None, Some(upload.id));
    draft.content = Content::Media {
        file,
        quote: None,
        mentions: vec![],
    };
    store.enqueue(draft, None, NOON).await.unwrap();
    let unsent = store
        .put_small_blob(b"unsent", "image/png", NOON)
        .await
        .unwrap();

    let all_gone = |done: Forgotten| done == Forgotten::default();
    let day = store
        .forget_files(days_later(-1), days_later(1))
        .await
        .unwrap();
    assert!(all_gone(day), "everything is young: {day:?}");
    let week = store
        .forget_files(days_later(-1), days_later(8))
        .await
        .unwrap();
    assert_eq!(
        week,
        Forgotten {
            messages: 0,
            files: 1
        },
        "an upload that was never sent"
    );
    assert!(matches!(
        store.open_blob(unsent.id, None).await,
        Err(StoreError::NotFound { .. })
    ));

    let year = store
        .forget_files(days_later(1), days_later(366))
        .await
        .unwrap();
    assert_eq!(
        year,
        Forgotten {
            messages: 1,
            files: 0
        },
        "the younger message still has the file"
    );
    assert!(store.file_reading(old).await.unwrap().is_none());
    assert!(matches!(
        store.media_state(old).await.unwrap(),
        Some(MediaState::Failed { .. })
    ));
    assert!(store.open_blob(shared.id, None).await.is_ok());
    assert!(
        store.open_blob(upload.id, None).await.is_ok(),
        "it has not gone out yet"
    );

    let later = store
        .forget_files(days_later(301), days_later(700))
        .await
        .unwrap();
    assert_eq!(
        later,
        Forgotten {
            messages: 1,
            files: 1
        }
    );
    assert!(matches!(
        store.open_blob(shared.id, None).await,
        Err(StoreError::NotFound { .. })
    ));
    assert!(all_gone(
        store
            .forget_files(days_later(301), days_later(700))
            .await
            .unwrap()
    ));

    let again = store
        .put_small_blob(b"shared", "image/jpeg", days_later(700))
        .await
        .unwrap();
    assert!(
        store.open_blob(again.id, None).await.is_ok(),
        "it may come again"
    );
}
