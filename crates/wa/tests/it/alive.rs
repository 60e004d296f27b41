//! Whether an open connection lives: what is seen on it, and what it answers.

use crate::bench::{Bench, LIMIT, Line, NUMBER};
use std::time::Duration;
use wasim::{FaultPlan, Outgoing};
use waypost_engine::fleet::{Answer, Vitals};

/// How long an answer that does not come is waited for.
const PATIENCE: Duration = Duration::from_millis(700);

async fn until(line: &Line, what: &str, there: impl Fn(&Vitals) -> bool) -> Vitals {
    let looking = async {
        while !there(&line.connection.vitals()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(LIMIT, looking).await;
    found.unwrap_or_else(|_| panic!("{what}: {:?}", line.connection.vitals()));
    line.connection.vitals()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_lives_answers_and_shows_what_passes() {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    assert!(
        line.connection.vitals().phone_at.is_some(),
        "the phone has just linked it"
    );
    assert_eq!(line.connection.probe(LIMIT).await, Answer::Came);
    let before = line.connection.vitals();
    bench
        .ana
        .send(NUMBER, Outgoing::text("hello"))
        .await
        .unwrap();
    bench.message().await;
    let after = until(&line, "a message decrypted", |now| {
        now.decrypted > before.decrypted
    })
    .await;
    assert!(after.heard_at >= after.served_at && after.served_at.is_some());
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_trip_proves_that_messages_pass_and_wakes_the_phone() {
    let bench = Bench::new().await;
    let line = bench.linked().await;
    line.connection.close().await;
    let line = bench.resumed().await;
    bench.phone.go_offline(Duration::from_secs(3_600));
    let before = line.connection.vitals().phone_at;
    assert_eq!(line.connection.round_trip(LIMIT).await, Answer::Came);
    assert!(line.connection.vitals().served_at.is_some());
    assert_eq!(
        line.connection.vitals().phone_at,
        before,
        "a phone that is off says nothing"
    );
    bench.phone.go_online();
    assert_eq!(line.connection.round_trip(LIMIT).await, Answer::Came);
    until(&line, "a sign of the phone", |now| now.phone_at > before).await;
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_open_and_silent_answers_nothing() {
    let bench = Bench::new().await;
    let line = bench.linked().await;
    let silent = FaultPlan {
        silent: true,
        ..Default::default()
    };
    bench.net.set_faults(NUMBER, silent);
    assert_eq!(line.connection.probe(PATIENCE).await, Answer::Missing);
    assert_eq!(line.connection.round_trip(PATIENCE).await, Answer::Missing);
    assert!(
        line.connection.is_online(),
        "it looks online: that is the trouble"
    );
    bench.net.clear_faults();
    assert_eq!(line.connection.probe(LIMIT).await, Answer::Came);
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answers_and_accepts_nothing_is_told_apart() {
    let bench = Bench::new().await;
    let line = bench.linked().await;
    let deaf = FaultPlan {
        lose_ack: 1.0,
        ..Default::default()
    };
    bench.net.set_faults(NUMBER, deaf);
    assert_eq!(line.connection.probe(LIMIT).await, Answer::Came);
    assert_eq!(line.connection.round_trip(PATIENCE).await, Answer::Missing);
    bench.end(line).await;
}
