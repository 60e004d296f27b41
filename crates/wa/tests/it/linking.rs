//! Linking, coming back, being removed.

use crate::bench::{ACCOUNT, ANA, Bench, NUMBER};
use std::time::Duration;
use wasim::{
    FaultPlan, LinkMethod, LinkPolicy, LoginRefusal, NetEvent, NetworkConfig, Outgoing, PastAuthor,
    PastMessage,
};
use waypost_engine::fleet::down::DownReason;
use waypost_engine::model::{Address, Content, Origin};
use waypost_wa::{ChannelConfig, ChannelEvent, OpenError, Purpose, Route, Space};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_scans_the_code_and_the_account_is_online() {
    let bench = Bench::new().await;
    let mut line = bench.open(Purpose::Link).await;
    let qr = line.qr().await;
    bench.phone.scan(&qr).await.unwrap();
    let linked = line.wait("linked", |event| match event {
        ChannelEvent::Linked { phone, lid, .. } => Some((phone.clone(), lid.clone())),
        _ => None,
    });
    assert_eq!(
        linked.await,
        (
            Address::phone(NUMBER),
            Some(Address::lid(bench.phone.lid()))
        )
    );
    line.online().await;
    assert!(line.connection.is_online());
    assert_eq!(
        line.connection.own(),
        (
            Some(Address::phone(NUMBER)),
            Some(Address::lid(bench.phone.lid()))
        )
    );
    assert!(matches!(
        bench
            .connector
            .open(ACCOUNT, Purpose::Link, Route::Direct)
            .await,
        Err(OpenError::AlreadyLinked)
    ));
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_types_the_code_instead() {
    let bench = Bench::new().await;
    let mut line = bench.open(Purpose::Link).await;
    line.qr().await;
    let code = line
        .connection
        .pair_code(&Address::phone(NUMBER))
        .await
        .unwrap();
    let shown = line.wait("the code", |event| match event {
        ChannelEvent::PairingCode { code, .. } => Some(code.clone()),
        _ => None,
    });
    assert_eq!(shown.await, code);
    bench.phone.type_code(&code).await.unwrap();
    line.online().await;
    let by_code = |event: &NetEvent| {
        matches!(
            event,
            NetEvent::Linked {
                by: LinkMethod::Code,
                ..
            }
        )
    };
    bench
        .net
        .wait_for(Duration::from_secs(5), by_code)
        .await
        .unwrap();
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_scans_and_nothing_is_left_behind() {
    // The device itself waits a minute on its first code; one code keeps that to a minute.
    let config = NetworkConfig {
        qr_refs: 1,
        ..Default::default()
    };
    let bench = Bench::with(config, ChannelConfig::default()).await;
    let mut line = bench.open(Purpose::Link).await;
    let exhausted = |event: &ChannelEvent| (*event == ChannelEvent::QrExhausted).then_some(());
    line.wait_for(Duration::from_secs(120), "exhausted", exhausted)
        .await;
    line.down().await;
    assert!(matches!(
        bench
            .connector
            .open(ACCOUNT, Purpose::Resume, Route::Direct)
            .await,
        Err(OpenError::NotLinked)
    ));
    // A regeneration: new socket, new codes, and this time somebody scans.
    let line = bench.linked().await;
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_link_closes_at_once_and_leaves_no_session() {
    let bench = Bench::new().await;
    let mut line = bench.open(Purpose::Link).await;
    line.qr().await;
    line.connection.close().await;
    assert_eq!(line.down().await, DownReason::Closed);
    assert!(matches!(
        bench
            .connector
            .open(ACCOUNT, Purpose::Resume, Route::Direct)
            .await,
        Err(OpenError::NotLinked)
    ));
    bench.net.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kicked_account_is_down_once_and_comes_back_on_request_only() {
    let mut bench = Bench::new().await;
    let mut line = bench.linked().await;
    bench.phone.kick();
    assert_eq!(line.down().await, DownReason::Network);
    bench
        .ana
        .send(
            NUMBER,
            Outgoing::Text {
                text: "while away".into(),
            },
        )
        .await
        .unwrap();
    assert!(
        !bench.phone.linked_devices()[0].online,
        "the library must not come back by itself"
    );
    let line = bench.resumed().await;
    assert_eq!(bench.message().await.content, Content::text("while away"));
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_removed_on_the_phone_is_told_apart_from_an_outage() {
    let bench = Bench::new().await;
    let mut line = bench.linked().await;
    let device = bench.phone.linked_devices()[0].device;
    bench.phone.unlink(device).await.unwrap();
    assert_eq!(line.down().await, DownReason::DeviceRemoved);
    // And when it is noticed at the next login only.
    let mut line = bench.open(Purpose::Resume).await;
    assert_eq!(line.down().await, DownReason::DeviceRemoved);
    bench.net.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refused_login_has_its_own_reason() {
    let bench = Bench::new().await;
    let line = bench.linked().await;
    line.connection.close().await;
    for (reason, expect) in [
        (405, DownReason::ClientOutdated),
        (500, DownReason::ServerError { status: 500 }),
        (503, DownReason::ServerError { status: 503 }),
        (403, DownReason::MainDeviceGone),
        (401, DownReason::DeviceRemoved),
    ] {
        let refusal = LoginRefusal {
            reason,
            expires_in: None,
            times: None,
        };
        bench.net.set_faults(
            NUMBER,
            FaultPlan {
                refuse_login: Some(refusal),
                ..Default::default()
            },
        );
        let mut line = bench.open(Purpose::Resume).await;
        assert_eq!(line.down().await, expect);
    }
    bench.net.clear_faults();
    let line = bench.resumed().await;
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_device_was_removed_can_be_linked_again() {
    let mut bench = Bench::new().await;
    let mut line = bench.linked().await;
    let device = bench.phone.linked_devices()[0].device;
    bench.phone.unlink(device).await.unwrap();
    assert_eq!(line.down().await, DownReason::DeviceRemoved);
    bench.forget_session().await;
    let line = bench.linked().await;
    bench
        .ana
        .send(
            NUMBER,
            Outgoing::Text {
                text: "welcome back".into(),
            },
        )
        .await
        .unwrap();
    assert_eq!(bench.message().await.content, Content::text("welcome back"));
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logging_out_tells_whatsapp() {
    let bench = Bench::new().await;
    let mut line = bench.linked().await;
    line.connection.logout().await;
    assert_eq!(line.down().await, DownReason::Closed);
    let gone = |event: &NetEvent| matches!(event, NetEvent::Unlinked { .. });
    bench
        .net
        .wait_for(Duration::from_secs(5), gone)
        .await
        .unwrap();
    assert!(bench.phone.linked_devices().is_empty());
    bench.net.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_without_ratchets_still_logs_in_and_reads_new_messages() {
    // What a restore from backup does: the ratchets go, the identity stays.
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    bench
        .ana
        .send(
            NUMBER,
            Outgoing::Text {
                text: "before".into(),
            },
        )
        .await
        .unwrap();
    assert_eq!(bench.message().await.content, Content::text("before"));
    bench.acknowledged().await;
    line.connection.close().await;
    use waypost_wa::{KeyWrite, SessionKeys as _};
    let clear = |space: &Space| KeyWrite::DeletePrefix {
        space: *space,
        prefix: Vec::new(),
    };
    let clear = waypost_wa::DISCARD_ON_RESTORE.iter().map(clear).collect();
    bench.keys.write(ACCOUNT, clear).await.unwrap();
    let line = bench.resumed().await;
    bench
        .ana
        .send(
            NUMBER,
            Outgoing::Text {
                text: "after".into(),
            },
        )
        .await
        .unwrap();
    // It comes encrypted for the ratchet that is gone; its retry makes a new one.
    assert_eq!(bench.message().await.content, Content::Placeholder);
    assert_eq!(bench.message().await.content, Content::text("after"));
    assert_eq!(bench.ana.number(), ANA);
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_demand_is_told_plainly() {
    let bench = Bench::new().await;
    bench.phone.set_link_policy(LinkPolicy::PasskeyDemanded);
    let mut line = bench.open(Purpose::Link).await;
    let qr = line.qr().await;
    let phone = bench.phone.clone();
    let scan = tokio::spawn(async move { phone.scan(&qr).await });
    line.wait("the demand", |event| {
        (*event == ChannelEvent::PasskeyRequired).then_some(())
    })
    .await;
    line.connection.close().await;
    assert!(scan.await.unwrap().is_err());
    bench.net.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phones_history_arrives_marked_as_history() {
    let mut bench = Bench::new().await;
    let past = |by, text: &str, seconds_ago| PastMessage {
        with: ANA.into(),
        by,
        text: text.into(),
        seconds_ago,
    };
    bench
        .phone
        .set_history(vec![
            past(PastAuthor::Contact, "long ago", 7_200),
            past(PastAuthor::Owner, "yes?", 7_100),
            past(PastAuthor::Contact, "just now", 60),
        ])
        .unwrap();
    let mut line = bench.open(Purpose::Link).await;
    let qr = line.qr().await;
    bench.phone.scan(&qr).await.unwrap();
    let (mut seen, mut named) = (Vec::new(), None);
    // The names come apart from the messages, and before or after them.
    while seen.len() < 3 || named.is_none() {
        line.wait("history with its names", |event| match event {
            ChannelEvent::History(batch) => {
                seen.extend(batch.clone());
                Some(())
            }
            ChannelEvent::ContactSeen {
                address, push_name, ..
            } => {
                named = Some((address.clone(), push_name.clone()));
                Some(())
            }
            _ => None,
        })
        .await;
    }
    assert_eq!(named, Some((Address::phone(ANA), Some("Ana".to_owned()))));
    assert!(seen.iter().all(|message| message.origin == Origin::History));
    seen.sort_by_key(|message| message.sent_at);
    let said: Vec<_> = seen
        .iter()
        .map(|m| (m.content.words().unwrap(), m.from_me))
        .collect();
    assert_eq!(
        said,
        [("long ago", false), ("yes?", true), ("just now", false)]
    );
    assert!(
        bench.more().is_empty(),
        "history does not pass the commit of live messages"
    );
    bench.end(line).await;
}
