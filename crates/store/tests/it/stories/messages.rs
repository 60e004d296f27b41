//! A message arrives, is worked on once, and stays where it is.

use super::Scene;
use crate::scene::{NOON, also, ana, ana_lid, ben, family, in_group, says, with};
use waypost_engine::model::content::Media;
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    Content, Duration, Inbound, MediaKind, MediaPointer, MediaState, Origin, Seq, Timestamp,
    WorkspaceId,
};
use waypost_store::dead_letters::DEAD_LETTERS_KEPT;
use waypost_store::{
    Accept, Accepted, Completed, DeadLetterState, MediaOutcome, OwnerEpoch, Page, Replay,
    StoreError,
};

#[tokio::test]
async fn a_text_is_stored_worked_on_and_done_once() {
    let scene = Scene::new().await;
    let work = scene.work(says(ana(), "A1", "hello")).await;
    assert_eq!(work.content, Content::text("hello"));
    assert_eq!(scene.unfinished().await, vec![work.clone()]);

    let done = scene.complete(&work, vec![]).await;
    assert_eq!(done, Completed::Done { sends: vec![] });
    assert_eq!(scene.complete(&work, vec![]).await, Completed::AlreadyDone);
    assert!(scene.unfinished().await.is_empty());
    assert_eq!(scene.told(kind::MESSAGE_RECEIVED).await.len(), 1);
    let processed = scene.told(kind::MESSAGE_PROCESSED).await;
    assert_eq!(processed.len(), 1);
    assert_eq!(processed[0].data["findings"]["language"], "en");
    let raw = scene.store.raw_message(work.message).await.unwrap();
    assert_eq!(raw.as_deref(), Some(b"hello".as_slice()));
}

#[tokio::test]
async fn what_whatsapp_delivers_again_is_dropped() {
    let scene = Scene::new().await;
    let first = scene.accept_one(says(ana(), "A1", "hello")).await;
    let twice = scene
        .accept(vec![says(ana(), "A1", "hello"), says(ana(), "A2", "you?")])
        .await;
    assert_eq!(
        twice[0],
        Accepted::Duplicate {
            message: first.message()
        }
    );
    assert!(matches!(twice[1], Accepted::New(_)));
    // The same id twice within one batch.
    let both = scene
        .accept(vec![says(ana(), "A3", "x"), says(ana(), "A3", "x")])
        .await;
    assert_eq!(
        both[1],
        Accepted::Duplicate {
            message: both[0].message()
        }
    );
}

#[tokio::test]
async fn the_same_id_from_somebody_else_is_another_message() {
    let scene = Scene::new().await;
    scene.work(says(ana(), "A1", "from Ana")).await;
    scene.work(says(ben(), "A1", "from Ben")).await;
    scene
        .work(in_group(family(), ana(), "A1", "from Ana in the group"))
        .await;
    scene
        .work(in_group(family(), ben(), "A1", "from Ben in the group"))
        .await;
    assert_eq!(scene.unfinished().await.len(), 4);
    let again = scene
        .accept_one(in_group(family(), ben(), "A1", "again"))
        .await;
    assert!(matches!(again, Accepted::Duplicate { .. }));
}

#[tokio::test]
async fn a_message_delivered_again_under_the_other_address_is_dropped() {
    let scene = Scene::new().await;
    let first = scene
        .work(also(says(ana(), "A1", "hello"), ana_lid()))
        .await;
    let again = scene.accept_one(says(ana_lid(), "A1", "hello")).await;
    assert_eq!(
        again,
        Accepted::Duplicate {
            message: first.message
        }
    );
}

#[tokio::test]
async fn the_order_goes_on_after_a_restart() {
    let mut scene = Scene::new().await;
    let first = scene.work(says(ana(), "A1", "one")).await;
    let second = scene.work(says(ben(), "B1", "two")).await;
    assert_eq!((first.seq, second.seq), (Seq(1), Seq(2)));
    scene.complete(&first, vec![]).await;
    scene.restart().await;
    assert_eq!(scene.unfinished().await, vec![second]);
    assert_eq!(scene.work(says(ana(), "A2", "three")).await.seq, Seq(3));
}

#[tokio::test]
async fn a_placeholder_is_filled_by_its_retry_and_worked_on_once() {
    let scene = Scene::new().await;
    let placeholder = with(says(ana(), "A1", ""), Content::Placeholder);
    let Accepted::New(awaited) = scene.accept_one(placeholder.clone()).await else {
        panic!("a placeholder holds its conversation up");
    };
    let (message, seq) = (awaited.message, awaited.seq);
    assert!(awaited.next_at > awaited.received_at, "for a while");
    scene.work(says(ana(), "A2", "later")).await;
    assert!(matches!(
        scene.accept_one(placeholder.clone()).await,
        Accepted::Duplicate { .. }
    ));

    let repair = Inbound {
        origin: Origin::Repair,
        ..says(ana(), "A1", "earlier")
    };
    let Accepted::Repaired(work) = scene.accept_one(repair.clone()).await else {
        panic!("the retry fills the placeholder");
    };
    assert_eq!((work.message, work.seq), (message, seq));
    assert_eq!(work.next_at, Timestamp(0), "and now it need not wait");
    let passed = scene.store.pass_over(message, scene.owner).await;
    assert_eq!(passed, Ok(false), "its content is here");
    assert_eq!(scene.unfinished().await.len(), 2);
    assert!(matches!(
        scene.accept_one(repair).await,
        Accepted::Duplicate { .. }
    ));
    assert!(matches!(
        scene.accept_one(placeholder).await,
        Accepted::Duplicate { .. }
    ));
    assert_eq!(scene.told(kind::MESSAGE_REPAIRED).await.len(), 1);
    let raw = scene.store.raw_message(message).await.unwrap();
    assert_eq!(raw.as_deref(), Some(b"earlier".as_slice()));
}

#[tokio::test]
async fn what_is_stored_is_known_by_its_sender_and_id_but_a_placeholder_is_not() {
    let scene = Scene::new().await;
    scene.work(also(says(ana_lid(), "A1", "here"), ana())).await;
    scene
        .accept_one(with(says(ben(), "B1", ""), Content::Placeholder))
        .await;
    for (sender, wire_id, stored) in [
        (ana_lid(), "A1", true),
        (ana(), "A1", true),
        (ben(), "A1", false),
        (ana(), "A2", false),
        (ben(), "B1", false),
    ] {
        let known = scene
            .store
            .has_message(scene.account, &sender, wire_id)
            .await;
        assert_eq!(known, Ok(stored), "{wire_id} of {sender}");
    }
}

#[tokio::test]
async fn a_placeholder_that_nobody_fills_is_passed_over_and_may_still_be_filled() {
    let scene = Scene::new().await;
    let placeholder = with(says(ana(), "A1", ""), Content::Placeholder);
    let awaited = scene.work(placeholder).await;
    let passed = scene.store.pass_over(awaited.message, scene.owner).await;
    assert_eq!(passed, Ok(true));
    assert_eq!(scene.unfinished().await, vec![]);
    let late = scene.accept_one(says(ana(), "A1", "late")).await;
    let Accepted::Repaired(work) = late else {
        panic!("a late retry is worked on all the same: {late:?}");
    };
    assert_eq!(scene.unfinished().await, vec![*work]);
}

#[tokio::test]
async fn history_and_own_messages_are_remembered_and_never_worked_on() {
    let scene = Scene::new().await;
    let past = Inbound {
        origin: Origin::History,
        ..says(ana(), "H1", "last year")
    };
    let own = Inbound {
        origin: Origin::Own,
        from_me: true,
        ..says(ana(), "O1", "from my phone")
    };
    let stored = scene.accept(vec![past, own]).await;
    assert!(
        stored
            .iter()
            .all(|one| matches!(one, Accepted::Stored { .. })),
        "{stored:?}"
    );
    assert!(scene.unfinished().await.is_empty());
    // The own message is news to a dashboard, the history is not.
    let told = scene.told(kind::MESSAGE_RECEIVED).await;
    let told: Vec<_> = told
        .iter()
        .map(|event| event.data["wire_id"].clone())
        .collect();
    assert_eq!(told, ["O1"]);
}

#[tokio::test]
async fn a_process_that_lost_the_account_can_write_nothing() {
    let scene = Scene::new().await;
    let work = scene.work(says(ana(), "A1", "hello")).await;
    let newer = scene.store.take_ownership(scene.account).await.unwrap();
    assert_eq!(
        scene
            .complete(&work, vec![scene.answer(&work, "W1", "hi")])
            .await,
        Completed::NotOwner
    );
    let items = vec![says(ana(), "A2", "more")];
    let late = Accept {
        account: scene.account,
        owner: scene.owner,
        now: NOON,
        items,
    };
    assert_eq!(scene.store.accept(late).await, Err(StoreError::NotOwner));
    assert!(newer > scene.owner && newer > OwnerEpoch(0));
    assert_eq!(scene.unfinished().await.len(), 1);
    assert!(
        scene
            .store
            .outbox_due(scene.account, Seq(0), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_failed_attempt_is_postponed_then_put_aside_then_replayed() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let work = scene.work(says(ana(), "A1", "poison")).await;
    let later = Timestamp(NOON.0 + 60_000);
    assert!(
        store
            .postpone(work.message, 1, later, "it broke", NOON)
            .await
            .unwrap()
    );
    let waiting = scene.unfinished().await;
    assert_eq!((waiting[0].attempt, waiting[0].next_at), (1, later));

    let letter = store
        .bury(work.message, "session", "it broke again", NOON)
        .await
        .unwrap()
        .unwrap();
    assert!(scene.unfinished().await.is_empty());
    assert_eq!(
        store
            .bury(work.message, "session", "again", NOON)
            .await
            .unwrap(),
        None
    );
    let listed = store
        .dead_letters(
            WorkspaceId::DEFAULT,
            Some(DeadLetterState::Pending),
            Page::default(),
        )
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(listed.items[0].error, "it broke again");

    let Replay::Inbound(again) = store.replay_dead_letter(letter, NOON).await.unwrap() else {
        panic!("the message is live again");
    };
    assert_eq!(
        (again.message, again.seq, again.attempt),
        (work.message, work.seq, 0)
    );
    let second = store.replay_dead_letter(letter, NOON).await.unwrap();
    assert_eq!(second, Replay::NotPending(DeadLetterState::Retrying));
    assert!(matches!(
        scene.complete(&again, vec![]).await,
        Completed::Done { .. }
    ));
    assert_eq!(
        store.dead_letter(letter).await.unwrap().state,
        DeadLetterState::Resolved
    );
}

#[tokio::test]
async fn a_dead_letter_that_fails_again_wants_to_be_looked_at() {
    let scene = Scene::new().await;
    let store = scene.store.clone();
    let work = scene.work(says(ana(), "A1", "poison")).await;
    let bury = async || {
        let buried = store.bury(work.message, "session", "it broke", NOON).await;
        buried.unwrap().unwrap()
    };
    let letter = bury().await;
    let state = async || store.dead_letter(letter).await.unwrap().state;
    assert_eq!(state().await, DeadLetterState::Pending);
    for attempts in 2..4 {
        let replay = store.replay_dead_letter(letter, NOON).await.unwrap();
        assert!(matches!(replay, Replay::Inbound(_)), "{replay:?}");
        assert_eq!(state().await, DeadLetterState::Retrying);
        assert_eq!(bury().await, letter, "the same letter comes back");
        assert_eq!(state().await, DeadLetterState::ManualReview);
        assert_eq!(store.dead_letter(letter).await.unwrap().attempts, attempts);
    }
    assert_eq!(store.counts().await.unwrap().dead_letters, 1);
    let told = scene.told(kind::DEAD_LETTER).await;
    let states: Vec<_> = told.iter().map(|e| e.data["state"].clone()).collect();
    assert_eq!(states, ["pending", "manual_review", "manual_review"]);
}

#[tokio::test]
async fn a_dead_letter_nobody_deals_with_is_archived_after_thirty_days_and_its_message_stays() {
    let scene = Scene::new().await;
    let store = scene.store.clone();
    let work = scene.work(says(ana(), "A1", "poison")).await;
    let buried = store.bury(work.message, "session", "it broke", NOON).await;
    let letter = buried.unwrap().unwrap();
    let almost = NOON + DEAD_LETTERS_KEPT;
    assert_eq!(store.prune(almost).await.unwrap().dead_letters_archived, 0);
    let due = almost + Duration::millis(1);
    let pruned = store.prune(due).await.unwrap();
    assert_eq!((pruned.dead_letters_archived, pruned.dead_letters), (1, 0));
    let shown = store.dead_letter(letter).await.unwrap();
    assert_eq!(shown.state, DeadLetterState::Archived);
    let gone = due + DEAD_LETTERS_KEPT + Duration::millis(1);
    assert_eq!(store.prune(gone).await.unwrap().dead_letters, 1);
    assert!(
        store
            .message(WorkspaceId::DEFAULT, work.message)
            .await
            .is_ok(),
        "its payload is kept"
    );
}

#[tokio::test]
async fn a_reaction_an_edit_and_a_deletion_find_their_message_in_any_order() {
    let scene = Scene::new().await;
    let edit = |target: &str| Content::Edit {
        target: target.into(),
        body: "new words".into(),
    };
    // The edit overtakes the message it edits.
    scene.work(with(says(ana(), "E1", ""), edit("A1"))).await;
    assert!(scene.told(kind::MESSAGE_CHANGED).await.is_empty());
    let work = scene.work(says(ana(), "A1", "old words")).await;
    let changed = scene.told(kind::MESSAGE_CHANGED).await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].data["message"], work.message.to_string());
    assert_eq!(changed[0].data["value"], "new words");

    let heart = Content::Reaction {
        target: "A1".into(),
        emoji: "❤".into(),
    };
    scene.work(with(says(ana(), "R1", ""), heart)).await;
    let revoke = Content::Revoke {
        target: "A1".into(),
    };
    scene.work(with(says(ana(), "D1", ""), revoke)).await;
    let changes = scene.told(kind::MESSAGE_CHANGED).await;
    let changes: Vec<_> = changes
        .iter()
        .map(|event| event.data["change"].clone())
        .collect();
    assert_eq!(changes, ["edit", "reaction", "revoke"]);
}

#[tokio::test]
async fn nobody_edits_or_deletes_what_somebody_else_wrote() {
    let scene = Scene::new().await;
    scene.work(in_group(family(), ana(), "A1", "mine")).await;
    let forged = Content::Edit {
        target: "A1".into(),
        body: "forged".into(),
    };
    scene
        .work(with(in_group(family(), ben(), "F1", ""), forged.clone()))
        .await;
    let revoke = Content::Revoke {
        target: "A1".into(),
    };
    scene
        .work(with(in_group(family(), ben(), "F2", ""), revoke))
        .await;
    assert!(scene.told(kind::MESSAGE_CHANGED).await.is_empty());
    // Nor when the forgery comes before the message.
    let forged = Content::Edit {
        target: "A9".into(),
        body: "forged".into(),
    };
    scene
        .work(with(in_group(family(), ben(), "F3", ""), forged))
        .await;
    scene
        .work(in_group(family(), ana(), "A9", "mine too"))
        .await;
    assert!(scene.told(kind::MESSAGE_CHANGED).await.is_empty());
}

fn photo(wire_id: &str) -> Inbound {
    let pointer = MediaPointer {
        direct_path: "/v/t62/abc".into(),
        media_key: vec![1; 32],
        file_sha256: vec![2; 32],
        file_enc_sha256: vec![3; 32],
        file_length: 300_000,
    };
    let file = Media {
        media: MediaKind::Image,
        mime: "image/jpeg".into(),
        caption: Some("look".into()),
        file_name: None,
        seconds: None,
        size: None,
        pointer: Some(pointer),
        blob: None,
    };
    with(
        says(ana(), wire_id, ""),
        Content::Media {
            file,
            quote: None,
            mentions: vec![],
        },
    )
}

#[tokio::test]
async fn a_photo_brings_a_job_to_fetch_it() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let work = scene.work(photo("P1")).await;
    let jobs = store.media_due(NOON, 10).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        (jobs[0].message, jobs[0].kind),
        (work.message, MediaKind::Image)
    );
    assert_eq!(jobs[0].pointer.media_key, vec![1; 32]);

    let later = Timestamp(NOON.0 + 5_000);
    let slow = MediaOutcome::Later {
        reason: "host is slow".into(),
        next_at: later,
    };
    store.media_settled(work.message, slow, NOON).await.unwrap();
    assert!(store.media_due(NOON, 10).await.unwrap().is_empty());
    let gone = MediaOutcome::AskedAgain { next_at: later };
    store.media_settled(work.message, gone, NOON).await.unwrap();
    let job = store.media_due(later, 10).await.unwrap().remove(0);
    assert!(job.asked_again && job.attempts == 2, "{job:?}");
    let failed = MediaOutcome::Failed {
        reason: "the phone has it no more".into(),
    };
    store
        .media_settled(work.message, failed, NOON)
        .await
        .unwrap();
    assert!(store.media_due(later, 10).await.unwrap().is_empty());
    let reason = "the phone has it no more".to_owned();
    let state = store.media_state(work.message).await.unwrap();
    assert_eq!(state, Some(MediaState::Failed { reason }));
    assert_eq!(scene.told(kind::MEDIA_STATE).await.len(), 2);
}

#[tokio::test]
async fn a_thousand_messages_from_many_senders_at_once_get_places_without_gaps() {
    let scene = std::sync::Arc::new(Scene::new().await);
    let tasks: Vec<_> = (0..1_000)
        .map(|n| {
            let scene = scene.clone();
            tokio::spawn(async move {
                let from = waypost_engine::model::Address::phone(&format!("97150{:07}", n % 50));
                scene
                    .work(says(from, &format!("W{n}"), "hello"))
                    .await
                    .seq
                    .0
            })
        })
        .collect();
    let mut seqs = Vec::new();
    for task in tasks {
        seqs.push(task.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=1_000).collect::<Vec<_>>());
}
