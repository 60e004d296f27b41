//! Rows for spreadsheets: one for each event, whatever dies in between.

use super::Scene;
use crate::scene::NOON;
use serde_json::json;
use waypost_engine::model::event::kind;
use waypost_engine::model::{Duration, EventId, Timestamp, WorkspaceId};
use waypost_store::admin::sheets::{
    Attempt, DONE_KEPT, GivenUp, NewSheetWrite, SheetAdvance, SheetAdvanced, SheetBreaker,
    SheetCompany, SheetConnection, SheetMapping, SheetMappingSpec, SheetOutcome, SheetRow,
    SheetWrite, SheetWriteState,
};
use waypost_store::{Page, Store, StoreError};

const HOME: WorkspaceId = WorkspaceId::DEFAULT;
const KEY: &[u8] = b"{\"private_key\": \"hush hush hush\"}";

fn later(ms: u64) -> Timestamp {
    NOON + Duration::millis(ms)
}

async fn connection(store: &Store) -> SheetConnection {
    let (name, identity) = ("Sales".to_owned(), "robot@example.com".to_owned());
    store
        .create_sheet_connection(HOME, name, identity, KEY, NOON)
        .await
        .unwrap()
}

fn spec(connection: &SheetConnection, window: Option<Duration>) -> SheetMappingSpec {
    SheetMappingSpec {
        workspace: HOME,
        connection: connection.id,
        name: "Leads".to_owned(),
        spreadsheet: "book".to_owned(),
        tab: "My/Leads".to_owned(),
        kinds: vec![kind::MESSAGE_RECEIVED.to_owned()],
        accounts: vec![],
        columns: json!([{"header": "Id", "from": "event_id"}]),
        window,
    }
}

async fn mapping(store: &Store, window: Option<Duration>) -> SheetMapping {
    let connection = connection(store).await;
    store
        .create_sheet_mapping(spec(&connection, window), NOON)
        .await
        .unwrap()
}

fn row(event: EventId, position: i64, text: &str) -> NewSheetWrite {
    let mut content = [0; 32];
    content[..text.len()].copy_from_slice(text.as_bytes());
    NewSheetWrite {
        event,
        position,
        row: Ok(SheetRow {
            cells: json!([event, text]),
            id_column: 0,
            content,
        }),
    }
}

async fn note(store: &Store, mapping: &SheetMapping, writes: Vec<NewSheetWrite>, now: Timestamp) {
    let from = store
        .sheet_mapping(HOME, mapping.id)
        .await
        .unwrap()
        .position;
    let step = SheetAdvance {
        from,
        to: from + 1,
        writes,
    };
    let done = store.advance_sheet_mapping(mapping.id, step, now).await;
    assert_eq!(done.unwrap(), SheetAdvanced::Done);
}

async fn due(store: &Store, mapping: &SheetMapping, state: SheetWriteState) -> Vec<SheetWrite> {
    let now = later(10_000_000_000);
    store
        .sheet_writes_due(mapping.id, state, now, 100)
        .await
        .unwrap()
}

fn settled(writes: Vec<SheetWrite>, outcome: &SheetOutcome) -> Vec<(SheetWrite, SheetOutcome)> {
    writes.into_iter().map(|w| (w, outcome.clone())).collect()
}

#[tokio::test]
async fn a_key_file_is_sealed_and_a_connection_in_use_stays() {
    let scene = Scene::new().await;
    let mapping = mapping(&scene.store, None).await;
    let id = mapping.spec.connection;
    assert_eq!(scene.store.sheet_credentials(id).await.unwrap(), KEY);
    let refused = scene.store.delete_sheet_connection(HOME, id).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    scene
        .store
        .delete_sheet_mapping(HOME, mapping.id)
        .await
        .unwrap();
    scene.store.delete_sheet_connection(HOME, id).await.unwrap();
    let gone = scene.store.sheet_credentials(id).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
    connection(&scene.store).await;
    scene.store.close().await;
    let contents = scene.contents().await;
    let bare = contents.windows(9).any(|bytes| bytes == b"hush hush");
    assert!(!bare, "the key stands there for everybody to read");
}

#[tokio::test]
async fn an_event_has_one_row_however_often_it_is_passed() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let mapping = mapping(store, None).await;
    let event: EventId = store.next_id(NOON);
    note(store, &mapping, vec![row(event, 7, "hi")], NOON).await;
    note(store, &mapping, vec![row(event, 7, "hi again")], NOON).await;
    let waiting = due(store, &mapping, SheetWriteState::Pending).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].cells, json!([event, "hi"]), "the first is kept");
    assert_eq!(waiting[0].destination, "book/My/Leads");
    let stale = SheetAdvance {
        from: mapping.position,
        to: mapping.position + 5,
        writes: vec![],
    };
    let moved = store.advance_sheet_mapping(mapping.id, stale, NOON).await;
    assert_eq!(moved.unwrap(), SheetAdvanced::Moved);
}

#[tokio::test]
async fn what_was_on_its_way_when_the_program_died_is_in_doubt() {
    let mut scene = Scene::new().await;
    let mapping = mapping(&scene.store, None).await;
    let events: Vec<EventId> = (0..3).map(|_| scene.store.next_id(NOON)).collect();
    let rows = events.iter().map(|e| row(*e, 1, "x")).collect();
    note(&scene.store, &mapping, rows, NOON).await;
    let mut waiting = due(&scene.store, &mapping, SheetWriteState::Pending).await;
    let left = waiting.split_off(2);
    scene
        .store
        .begin_sheet_writes(waiting.clone(), later(180_000), NOON)
        .await
        .unwrap();
    let twice = scene
        .store
        .begin_sheet_writes(waiting, later(180_000), NOON)
        .await;
    assert!(
        matches!(twice, Err(StoreError::Conflict { .. })),
        "{twice:?}"
    );
    scene.restart().await;
    let store = &scene.store;
    assert_eq!(store.doubt_sheet_writes().await.unwrap(), 2);
    let too_soon = store
        .sheet_writes_due(mapping.id, SheetWriteState::InDoubt, later(179_999), 9)
        .await;
    assert_eq!(too_soon.unwrap(), vec![], "it may still be under way");
    let doubted = due(store, &mapping, SheetWriteState::InDoubt).await;
    assert_eq!((doubted.len(), doubted[0].attempts), (2, 1));
    let waiting = due(store, &mapping, SheetWriteState::Pending).await;
    assert_eq!(waiting, left, "what was not begun still waits");

    // One was there, the other was not and is tried again.
    let again = SheetOutcome::Again {
        at: later(1),
        company: SheetCompany::Shared,
        counted: Attempt::Counts,
        error: "cut off".to_owned(),
    };
    let there = SheetOutcome::Done { place: None };
    let outcomes = doubted.into_iter().zip([there, again]).collect();
    store.settle_sheet_writes(outcomes, later(1)).await.unwrap();
    let counts = store.sheet_counts(mapping.id).await.unwrap();
    assert_eq!((counts.waiting, counts.in_doubt, counts.done), (2, 0, 1));
}

#[tokio::test]
async fn nothing_sent_costs_no_attempt_and_a_suspect_goes_alone() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let mapping = mapping(store, None).await;
    note(
        store,
        &mapping,
        vec![row(store.next_id(NOON), 1, "x")],
        NOON,
    )
    .await;
    for (company, counted, attempts) in [
        (SheetCompany::Shared, Attempt::Free, 0),
        (SheetCompany::Alone, Attempt::Counts, 1),
    ] {
        let waiting = due(store, &mapping, SheetWriteState::Pending).await;
        store
            .begin_sheet_writes(waiting.clone(), later(1), NOON)
            .await
            .unwrap();
        let outcome = SheetOutcome::Again {
            at: NOON,
            company,
            counted,
            error: "no".to_owned(),
        };
        store
            .settle_sheet_writes(settled(waiting, &outcome), NOON)
            .await
            .unwrap();
        let now = due(store, &mapping, SheetWriteState::Pending)
            .await
            .remove(0);
        assert_eq!((now.attempts, now.company), (attempts, company));
    }
}

#[tokio::test]
async fn a_row_that_is_given_up_is_told_and_can_be_replayed() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let mapping = mapping(store, None).await;
    let hopeless = NewSheetWrite {
        row: Err("the event has nothing for the column Text".to_owned()),
        ..row(store.next_id(NOON), 2, "x")
    };
    let rows = vec![row(store.next_id(NOON), 1, "x"), hopeless];
    note(store, &mapping, rows, NOON).await;
    assert_eq!(scene.told(kind::SHEET_ROW_FAILED).await.len(), 1);
    let waiting = due(store, &mapping, SheetWriteState::Pending).await;
    store
        .begin_sheet_writes(waiting.clone(), later(1), NOON)
        .await
        .unwrap();
    let failed = SheetOutcome::Failed {
        error: "Google answered 403".to_owned(),
    };
    store
        .settle_sheet_writes(settled(waiting, &failed), NOON)
        .await
        .unwrap();
    assert_eq!(scene.told(kind::SHEET_ROW_FAILED).await.len(), 2);
    assert_eq!(store.sheet_counts(mapping.id).await.unwrap().failed, 2);
    // The one without cells cannot become a row by trying again.
    let again = |which| store.replay_sheet_writes(HOME, mapping.id, which, NOON);
    assert_eq!(again(GivenUp::All).await, Ok(1));
    let waiting = due(store, &mapping, SheetWriteState::Pending).await;
    assert_eq!((waiting.len(), waiting[0].attempts), (1, 0));
}

#[tokio::test]
async fn one_row_that_is_given_up_can_be_replayed_without_the_others() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let mapping = mapping(store, None).await;
    let rows: Vec<_> = (1..=3).map(|n| row(store.next_id(NOON), n, "x")).collect();
    note(store, &mapping, rows, NOON).await;
    let waiting = due(store, &mapping, SheetWriteState::Pending).await;
    store
        .begin_sheet_writes(waiting.clone(), later(1), NOON)
        .await
        .unwrap();
    let failed = SheetOutcome::Failed {
        error: "Google answered 403".to_owned(),
    };
    let event = waiting[1].event;
    store
        .settle_sheet_writes(settled(waiting, &failed), NOON)
        .await
        .unwrap();
    let again = || store.replay_sheet_writes(HOME, mapping.id, GivenUp::Of(event), NOON);
    assert_eq!(again().await, Ok(1));
    let waiting = due(store, &mapping, SheetWriteState::Pending).await;
    assert_eq!((waiting.len(), waiting[0].event), (1, event));
    let twice = again().await;
    assert!(
        matches!(twice, Err(StoreError::NotFound { .. })),
        "{twice:?}"
    );
}

#[tokio::test]
async fn the_same_content_within_the_window_makes_no_second_row() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let mapping = mapping(store, Some(Duration::mins(5))).await;
    let at = |minutes: u64| NOON + Duration::mins(minutes);
    for (minute, text) in [(0, "a"), (1, "a"), (1, "b"), (4, "a"), (6, "a")] {
        let event = store.next_id(at(minute));
        note(store, &mapping, vec![row(event, 1, text)], at(minute)).await;
    }
    let counts = store.sheet_counts(mapping.id).await.unwrap();
    // The window is counted from the row that was written, not from its repetitions.
    assert_eq!((counts.waiting, counts.duplicate), (3, 2));
}

#[tokio::test]
async fn rows_are_listed_page_by_page_and_forgotten_after_a_while() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let mapping = mapping(store, None).await;
    let rows = (1..=5).map(|n| row(store.next_id(NOON), n, "x")).collect();
    note(store, &mapping, rows, NOON).await;
    let first = store
        .sheet_writes(mapping.id, None, Page::first(3))
        .await
        .unwrap();
    let positions = |rows: &[SheetWrite]| rows.iter().map(|w| w.position).collect::<Vec<_>>();
    assert_eq!(positions(&first.items), [5, 4, 3]);
    let next = Page {
        cursor: first.next,
        ..Page::first(3)
    };
    let second = store.sheet_writes(mapping.id, None, next).await.unwrap();
    assert_eq!((positions(&second.items), second.next), (vec![2, 1], None));
    let done = Some(SheetWriteState::Done);
    let none = store
        .sheet_writes(mapping.id, done, Page::first(3))
        .await
        .unwrap();
    assert!(none.items.is_empty());

    let waiting = due(store, &mapping, SheetWriteState::Pending).await;
    store
        .begin_sheet_writes(waiting[..2].to_vec(), NOON, NOON)
        .await
        .unwrap();
    let there = SheetOutcome::Done {
        place: Some("A1:B2".to_owned()),
    };
    let outcomes = settled(waiting[..2].to_vec(), &there);
    store.settle_sheet_writes(outcomes, NOON).await.unwrap();
    assert_eq!(
        store.forget_sheet_writes(NOON + DONE_KEPT).await.unwrap(),
        0
    );
    let after = NOON + DONE_KEPT + Duration::millis(1);
    assert_eq!(store.forget_sheet_writes(after).await.unwrap(), 2);
    let counts = store.sheet_counts(mapping.id).await.unwrap();
    assert_eq!(
        (counts.done, counts.waiting),
        (0, 3),
        "what waits is never forgotten"
    );
}

#[tokio::test]
async fn a_breaker_is_kept_and_told() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let id = connection(store).await.id;
    for state in ["open", "closed"] {
        let breaker = SheetBreaker {
            spreadsheet: "book".to_owned(),
            breaker: json!({"state": state}),
        };
        store
            .put_sheet_breaker(HOME, id, breaker.clone(), state.to_owned(), NOON)
            .await
            .unwrap();
        assert_eq!(store.sheet_breakers(id).await.unwrap(), vec![breaker]);
    }
    assert_eq!(scene.told(kind::SHEET_BREAKER).await.len(), 2);
}

#[tokio::test]
async fn a_paused_mapping_rests_and_others_cannot_see_it() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let mapping = mapping(store, None).await;
    let stranger = WorkspaceId::from_raw(99);
    let foreign = store.sheet_mapping(stranger, mapping.id).await;
    assert!(
        matches!(foreign, Err(StoreError::NotFound { .. })),
        "{foreign:?}"
    );
    assert_eq!(store.sheet_mappings_on().await.unwrap().len(), 1);
    let paused = store
        .pause_sheet_mapping(HOME, mapping.id, Some(NOON))
        .await
        .unwrap();
    assert_eq!(paused.paused_at, Some(NOON));
    assert!(store.sheet_mappings_on().await.unwrap().is_empty());
    let mut other = mapping.spec.clone();
    other.tab = "Elsewhere".to_owned();
    let changed = store.change_sheet_mapping(mapping.id, other).await.unwrap();
    assert_eq!(changed.destination(), "book/Elsewhere");
}
