//! Reading: from the cache, in few calls, and from memory while Google is away.

use crate::scene::{Scene, row};
use futures_util::future::join_all;
use sheetsim::{Fault, When};
use waypost_sheets::breaker::{FAILURES, State};
use waypost_sheets::{Error, Range};

const FAIL: Fault = Fault::Refuse {
    status: 500,
    retry_after: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_cost_few_calls() {
    let scene = Scene::new().await;
    let rows: Vec<_> = (0..50).map(|n| row(&[&n.to_string(), "x"])).collect();
    scene.append(&rows).await.unwrap();
    let before = scene.connector.counters();
    let ranges: Vec<String> = (1..=40).map(|n| format!("'My Leads'!A{n}:B{n}")).collect();
    let reads = join_all(ranges.iter().map(|range| scene.read(range))).await;
    for (n, read) in reads.into_iter().enumerate() {
        assert_eq!(read.unwrap(), vec![vec![n.to_string(), "x".to_owned()]]);
    }
    for range in &ranges {
        scene.read(range).await.unwrap();
    }
    let after = scene.connector.counters();
    let operations = after.operations - before.operations;
    let calls = after.calls - before.calls;
    assert_eq!(operations, 80);
    assert!(
        calls * 10 <= operations * 4,
        "{calls} calls for {operations} operations"
    );
    assert_eq!(after.cache_hits - before.cache_hits, 40);
    assert_eq!(
        scene.sim.count() as u64,
        after.calls,
        "the stand-in counts the same"
    );
    scene.assert_honest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_does_not_exist_spoils_no_other() {
    let scene = Scene::new().await;
    scene.append(&[row(&["a"])]).await.unwrap();
    let (good, bad) = tokio::join!(scene.read("'My Leads'!A1"), scene.read("Nowhere!A1"));
    assert_eq!(good.unwrap(), vec![vec!["a".to_owned()]]);
    assert!(
        matches!(bad, Err(Error::Refused { status: 400, .. })),
        "{bad:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_read_at_once() {
    let scene = Scene::new().await;
    scene.append(&[row(&["a"])]).await.unwrap();
    assert_eq!(scene.read("My Leads").await.unwrap().len(), 1);
    scene.append(&[row(&["b"])]).await.unwrap();
    assert_eq!(scene.read("My Leads").await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_google_is_away_the_last_known_is_given_and_nobody_calls() {
    let scene = Scene::new().await;
    scene.append(&[row(&["a"])]).await.unwrap();
    scene.read("'My Leads'!A1").await.unwrap();
    for _ in 0..FAILURES {
        scene.sim.inject(When::Read, FAIL);
        let read = scene.read("'My Leads'!B1").await;
        assert!(matches!(read, Err(Error::Unknown(_))), "{read:?}");
    }
    assert!(matches!(
        scene.connector.breaker(&scene.book),
        State::Open { .. }
    ));
    let calls = scene.sim.count();
    assert_eq!(scene.read("'My Leads'!A1").await.unwrap()[0][0], "a");
    let other = scene.read("'My Leads'!C1").await;
    assert!(matches!(other, Err(Error::Open { .. })), "{other:?}");
    let write = scene.append(&[row(&["b"])]).await;
    assert!(matches!(write, Err(Error::Open { .. })), "{write:?}");
    assert_eq!(scene.sim.count(), calls, "nobody calls");
    let changes = scene.connector.take_changes();
    assert_eq!(changes.len(), 1, "{changes:?}");
    scene.connector.reset(&scene.book);
    scene.append(&[row(&["b"])]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_tells_what_it_is_made_of() {
    let scene = Scene::new().await;
    let info = scene.connector.info(&scene.book).await.unwrap();
    let tabs: Vec<&str> = info.tabs.iter().map(|tab| tab.title.as_str()).collect();
    assert_eq!(
        (info.title.as_str(), tabs),
        ("Sales", vec!["My Leads", "Other"])
    );
    scene.sim.share("book", false);
    let refused = scene.connector.info(&scene.book).await.unwrap_err();
    assert!(
        matches!(refused, Error::Refused { status: 403, .. }),
        "{refused}"
    );
    assert!(refused.is_failure() && !refused.is_final());
    let column = Range::column(&scene.tab, 0);
    assert!(
        scene
            .connector
            .read_now(&scene.book, &column)
            .await
            .is_err()
    );
    scene.assert_honest();
}
