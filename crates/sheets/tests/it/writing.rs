//! Writing: exactly what was meant, and an honest word when nobody knows.

use crate::scene::{Scene, row};
use serde_json::json;
use sheetsim::{Fault, SheetSim, When};
use std::collections::HashSet;
use waypost_engine::model::Duration;
use waypost_sheets::{Cell, Error, Outcome, Range};

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_written_as_they_are_and_never_calculated() {
    let scene = Scene::new().await;
    let rows = [
        row(&["evt_1", "=HYPERLINK(\"https://evil.example\")"]),
        vec![
            Cell::text("evt_2"),
            Cell::Number(7.into()),
            Cell::Bool(true),
        ],
    ];
    assert_eq!(scene.append(&rows).await.unwrap(), "'My Leads'!A1:C2");
    let there = scene.sim.rows("book", "My Leads");
    assert_eq!(there[0][1], "=HYPERLINK(\"https://evil.example\")");
    assert_eq!(there[1], vec![json!("evt_2"), json!(7), json!(true)]);
    // The stand-in would refuse anything but RAW or USER_ENTERED; it was RAW.
    scene.assert_honest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_agreed_can_write_change_and_delete() {
    let sim = SheetSim::start().await.unwrap();
    let who = sim.user();
    let scene = Scene::with(sim, &who);
    scene
        .append(&[row(&["a"]), row(&["b"]), row(&["c"])])
        .await
        .unwrap();
    let range = |text| Range::parse(text).unwrap();
    let one = [(range("'My Leads'!A1"), vec![row(&["A"])])];
    assert_eq!(scene.connector.update(&scene.book, &one).await.unwrap(), 1);
    let two = [
        (range("'My Leads'!A2"), vec![row(&["B"])]),
        (range("'My Leads'!A3:B3"), vec![row(&["C", "D"])]),
    ];
    assert_eq!(scene.connector.update(&scene.book, &two).await.unwrap(), 3);
    scene
        .connector
        .delete_rows(&scene.book, &scene.tab, 2, 2)
        .await
        .unwrap();
    assert_eq!(scene.first_column(), ["A", "C"]);
    scene.assert_honest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_cut_off_is_not_called_failed() {
    for (fault, is_there) in [
        (Fault::CommitThenCut, true),
        (Fault::CommitThenFail { status: 503 }, true),
        (Fault::Cut, false),
    ] {
        let scene = Scene::new().await;
        scene.sim.inject(When::Write, fault);
        let error = scene.append(&[row(&["evt_1", "x"])]).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{fault:?}: {error}");
        let ids = HashSet::from(["evt_1".to_owned(), "evt_2".to_owned()]);
        let found = scene
            .connector
            .find_ids(&scene.book, &scene.tab, 0, &ids)
            .await
            .unwrap();
        assert_eq!(found.contains("evt_1"), is_there, "{fault:?}");
        assert!(!found.contains("evt_2"));
        scene.assert_honest();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_was_certainly_not_done() {
    let scene = Scene::new().await;
    let long = vec![Cell::Text("x".repeat(50_001))];
    let error = scene.append(&[long]).await.unwrap_err();
    assert!(
        error.is_final() && error.outcome() == Outcome::NotDone,
        "{error}"
    );
    assert!(
        !error.is_failure(),
        "one bad row says nothing about the spreadsheet"
    );
    assert!(scene.first_column().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_google_says_it_is_too_much_nothing_more_is_sent() {
    let scene = Scene::new().await;
    let busy = Fault::Refuse {
        status: 429,
        retry_after: Some(40),
    };
    scene.sim.inject(When::Write, busy);
    let error = scene.append(&[row(&["a"])]).await.unwrap_err();
    let retry_after = Some(Duration::secs(40));
    assert_eq!(error, Error::Busy { retry_after });
    let calls = scene.sim.count();
    let error = scene.append(&[row(&["a"])]).await.unwrap_err();
    assert!(matches!(error, Error::Quota { .. }), "{error}");
    assert_eq!(scene.sim.count(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_token_is_renewed_and_a_withdrawn_agreement_is_told() {
    let scene = Scene::new().await;
    scene.append(&[row(&["a"])]).await.unwrap();
    scene.sim.expire_tokens();
    scene.append(&[row(&["b"])]).await.unwrap();
    assert_eq!(scene.first_column(), ["a", "b"]);
    scene.sim.revoke();
    let error = scene.append(&[row(&["c"])]).await.unwrap_err();
    assert!(matches!(error, Error::Credentials(_)), "{error}");
    assert_eq!(scene.first_column(), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_has_no_more_writes_than_google_allows() {
    let scene = Scene::new().await;
    let mut refused = 0;
    for n in 0..70 {
        if scene.append(&[row(&[&n.to_string()])]).await.is_err() {
            refused += 1;
        }
    }
    assert_eq!((scene.sim.count(), refused), (60, 10));
}
