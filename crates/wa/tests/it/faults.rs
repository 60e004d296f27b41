//! When something goes wrong: here, on the way, or at WhatsApp.

use crate::bench::{ANA, Bench, NUMBER};
use std::time::Duration;
use wasim::{FaultPlan, Outgoing, StreamError};
use waypost_engine::fleet::down::DownReason;
use waypost_engine::model::{Content, Origin};
use waypost_wa::{ChannelConfig, ChannelEvent, CommitError, SendError};

fn said(text: &str) -> Outgoing {
    Outgoing::Text { text: text.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_stored_is_not_acknowledged_and_comes_again() {
    let mut bench = Bench::new().await;
    let mut line = bench.linked().await;
    bench.ana.send(NUMBER, said("one")).await.unwrap();
    bench.message().await;
    bench
        .inbox
        .refuse(Some(CommitError::Final("disk full".into())));
    bench.ana.send(NUMBER, said("two")).await.unwrap();
    assert_eq!(
        line.down().await,
        DownReason::StoreFailed {
            error: "disk full".into()
        }
    );
    assert!(bench.more().is_empty());
    bench.ana.send(NUMBER, said("three")).await.unwrap();
    bench.inbox.refuse(None);
    let line = bench.resumed().await;
    for expect in ["two", "three"] {
        let inbound = bench.message().await;
        assert_eq!(
            (inbound.content, inbound.origin),
            (Content::text(expect), Origin::Offline)
        );
    }
    bench.acknowledged().await;
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_trouble_of_the_store_is_waited_out() {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    bench
        .inbox
        .refuse(Some(CommitError::Passing("busy".into())));
    bench.ana.send(NUMBER, said("patience")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(250)).await;
    bench.inbox.refuse(None);
    assert_eq!(bench.message().await.content, Content::text("patience"));
    assert!(line.connection.is_online());
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_store_that_fails_ends_the_connection_and_loses_nothing() {
    let mut bench = Bench::new().await;
    let mut line = bench.linked().await;
    bench.keys.fail_writes(Some("read-only file system"));
    bench.ana.send(NUMBER, said("kept")).await.unwrap();
    let DownReason::StoreFailed { error } = line.down().await else {
        panic!("a store failure")
    };
    assert!(error.contains("read-only"), "{error}");
    bench.keys.fail_writes(None);
    bench.more();
    let line = bench.resumed().await;
    assert_eq!(bench.message().await.content, Content::text("kept"));
    bench.end(line).await;
}

/// A plan that delivers everything twice. Its sender must not see it for longer than one send.
fn twice() -> FaultPlan {
    FaultPlan {
        duplicate: 1.0,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_delivery_of_what_is_stored_is_acknowledged() {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    bench.net.set_faults(NUMBER, twice());
    let id = bench.ana.send(NUMBER, said("once")).await.unwrap();
    bench.net.set_faults(NUMBER, FaultPlan::default());
    assert_eq!(bench.message().await.wire_id, id);
    bench.acknowledged().await;
    assert!(bench.more().is_empty());
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_decrypted_but_is_nowhere_is_asked_for_again() {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    bench.inbox.forget();
    bench.net.set_faults(NUMBER, twice());
    let id = bench.ana.send(NUMBER, said("saved")).await.unwrap();
    bench.net.set_faults(NUMBER, FaultPlan::default());
    // The first time it is committed, and lost; then a placeholder keeps its place.
    let saved = Content::text("saved");
    for content in [saved.clone(), Content::Placeholder, saved] {
        let inbound = bench.message().await;
        assert_eq!((inbound.wire_id, inbound.content), (id.clone(), content));
    }
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_nobody_takes_end_the_connection_instead_of_vanishing() {
    let config = ChannelConfig {
        events_max: 8,
        ..Default::default()
    };
    let mut bench = Bench::with(Default::default(), config).await;
    let mut line = bench.linked().await;
    for _ in 0..200 {
        if bench
            .ana
            .typing(NUMBER, wasim::TypingState::Composing)
            .is_err()
            || !line.connection.is_online()
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(line.down().await, DownReason::Backpressure);
    bench.ana.send(NUMBER, said("still here")).await.unwrap();
    let line = bench.resumed().await;
    assert_eq!(bench.message().await.content, Content::text("still here"));
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_message_says_with_which_code() {
    let bench = Bench::new().await;
    let mut line = bench.linked().await;
    bench.net.set_faults(
        NUMBER,
        FaultPlan {
            refuse_sends: Some(463),
            ..Default::default()
        },
    );
    bench
        .send(&line, "NO", &Content::text("hi"), &bench.target())
        .await;
    assert_eq!(line.server_ack("NO").await, Some(463));
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_without_a_connection() {
    let bench = Bench::new().await;
    let mut line = bench.linked().await;
    let payload = waypost_wa::freeze(&Content::text("hi"), &bench.target()).unwrap();
    line.connection.close().await;
    assert_eq!(line.down().await, DownReason::Closed);
    let sent = line
        .connection
        .send(&bench.ana_lid(), "LATE", &payload)
        .await;
    assert_eq!(sent, Err(SendError::NotConnected));
    bench.net.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_error_is_reported_with_its_code() {
    let bench = Bench::new().await;
    let mut line = bench.linked().await;
    bench.phone.stream_error(StreamError::Code(503)).await;
    assert_eq!(line.down().await, DownReason::ServerError { status: 503 });
    let mut line = bench.resumed().await;
    bench.phone.stream_error(StreamError::Code(409)).await;
    assert_eq!(line.down().await, DownReason::StreamReplaced);
    bench.net.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_backlog_arrives_whole_in_order_and_its_end_is_told() {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    line.connection.close().await;
    let burst = wasim::Burst {
        count: 450,
        gap: Duration::ZERO,
        text: "n".into(),
    };
    let ids = bench.ana.burst(NUMBER, &burst).await.unwrap();
    let mut line = bench.open(waypost_wa::Purpose::Resume).await;
    let mut got = Vec::new();
    while got.len() < ids.len() {
        let inbound = bench.message().await;
        assert_eq!(inbound.origin, Origin::Offline);
        got.push(inbound.wire_id);
    }
    assert_eq!(got, ids);
    line.wait("the backlog's end", |event| match event {
        ChannelEvent::OfflineSyncCompleted { received, .. } => (*received >= 450).then_some(()),
        _ => None,
    })
    .await;
    assert_eq!(bench.ana.number(), ANA);
    bench.end(line).await;
}
