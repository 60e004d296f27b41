//! Linking, logging in again, and being unlinked.

use crate::client::{ACCOUNT, Device, LIMIT, linked, network, phone};
use wasim::{Handshake, LinkMethod, NetEvent, SimError};
use whatsapp_rust::prelude::*;

#[tokio::test]
async fn an_owner_scans_the_code_and_the_device_comes_online() {
    let net = network().await;
    let phone = phone(&net);
    let device = linked(&net, &phone).await;
    assert_eq!(phone.linked_devices().len(), 1);
    assert!(phone.linked_devices()[0].online);
    net.wait_for(LIMIT, |e| {
        matches!(e, NetEvent::Linked { account, device: 1, by: LinkMethod::Qr } if account == ACCOUNT)
    })
    .await
    .unwrap();
    assert_eq!(
        device.client.lid().map(|j| j.user.to_string()).as_deref(),
        Some(phone.lid())
    );
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn an_owner_types_the_code_after_a_typing_error() {
    let net = network().await;
    let phone = phone(&net);
    let device = Device::start(&net).await;
    device.qr().await;
    assert!(matches!(
        phone.type_code("ABCD1234").await,
        Err(SimError::NoCodeAsked(_))
    ));
    let options = whatsapp_rust::pair_code::PairCodeOptions {
        phone_number: ACCOUNT.into(),
        ..Default::default()
    };
    let code = device.client.pair_with_code(options).await.unwrap();
    let wrong: String = code.chars().rev().collect();
    if wrong != code {
        assert!(matches!(
            phone.type_code(&wrong).await,
            Err(SimError::WrongCode)
        ));
    }
    assert_eq!(phone.type_code(&code).await.unwrap(), 1);
    device.connected().await;
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_foreign_or_used_code_cannot_be_scanned() {
    let net = network().await;
    let phone = phone(&net);
    let device = Device::start(&net).await;
    let qr = device.qr().await;
    assert!(matches!(
        phone.scan("2@nonsense").await,
        Err(SimError::BadQr(_))
    ));
    phone.scan(&qr).await.unwrap();
    assert!(matches!(phone.scan(&qr).await, Err(SimError::BadQr(_))));
    device.connected().await;
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_kicked_device_comes_back_by_the_short_handshake() {
    let net = network().await;
    let phone = phone(&net);
    let device = linked(&net, &phone).await;
    let mut events = net.events();
    phone.kick();
    events
        .wait_for(LIMIT, |e| matches!(e, NetEvent::Disconnected { .. }))
        .await
        .unwrap();
    let back = events
        .wait_for(LIMIT, |e| matches!(e, NetEvent::LoggedIn { .. }))
        .await
        .unwrap();
    assert!(matches!(
        back,
        NetEvent::LoggedIn {
            handshake: Handshake::Ik,
            ..
        }
    ));
    device.connected().await;
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn an_unlinked_device_is_told_so() {
    let net = network().await;
    let phone = phone(&net);
    let device = linked(&net, &phone).await;
    phone.unlink(1).await.unwrap();
    device
        .wait("logout", |e| matches!(e, Event::LoggedOut(_)).then_some(()))
        .await;
    assert!(phone.linked_devices().is_empty());
    assert!(matches!(
        phone.unlink(1).await,
        Err(SimError::UnknownDevice { .. })
    ));
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_device_unlinked_while_away_learns_it_at_its_next_login() {
    let net = network().await;
    let phone = phone(&net);
    let device = linked(&net, &phone).await;
    let backend = device.stop().await;
    phone.unlink(1).await.unwrap();
    let again = Device::with_backend(&net, backend).await;
    again
        .wait("logout", |e| matches!(e, Event::LoggedOut(_)).then_some(()))
        .await;
    again.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_code_that_was_shown_too_long_has_expired() {
    let net = wasim::Network::start(wasim::NetworkConfig {
        qr_refs: 1,
        qr_ref_first_ms: 50,
        qr_grace_ms: 0,
        ..Default::default()
    })
    .await
    .unwrap();
    let phone = phone(&net);
    let device = Device::start(&net).await;
    let qr = device.qr().await;
    let late = phone.scan_after(&qr, std::time::Duration::from_millis(200));
    assert!(matches!(late.await.unwrap(), Err(SimError::BadQr(_))));
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_second_connection_of_the_same_device_replaces_the_first() {
    let net = network().await;
    let phone = phone(&net);
    let first = linked(&net, &phone).await;
    let second = Device::with_backend(&net, first.backend.clone()).await;
    first
        .wait("replacement", |e| {
            matches!(e, Event::StreamReplaced(_)).then_some(())
        })
        .await;
    second.connected().await;
    second.stop().await;
    first.stop().await;
    net.shutdown().await;
}
