//! Typing, presence, the phone's own messages, and what a new device is given.

use crate::client::{ACCOUNT, ANA, Device, LIMIT, ana, linked, network, phone, pn};
use wasim::{
    LinkPolicy, NetEvent, Outgoing, PastAuthor, PastMessage, PresenceState, SimError, TypingState,
};
use whatsapp_rust::prelude::*;

#[tokio::test]
async fn typing_is_seen_on_both_sides() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    ana.typing(ACCOUNT, TypingState::Composing).unwrap();
    device
        .wait("typing", |e| {
            matches!(e, Event::ChatPresence(_)).then_some(())
        })
        .await;
    ana.presence(ACCOUNT, PresenceState::Available).unwrap();
    device
        .wait("presence", |e| {
            matches!(e, Event::Presence(_)).then_some(())
        })
        .await;
    device
        .client
        .chatstate()
        .send_composing(&pn(ANA))
        .await
        .unwrap();
    net.wait_for(
        LIMIT,
        |e| matches!(e, NetEvent::Typing { state, .. } if state == "composing"),
    )
    .await
    .unwrap();
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn what_the_phone_sends_reaches_its_devices_as_their_own() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    phone
        .send(ANA, Outgoing::text("from the phone"))
        .await
        .unwrap();
    let heard = device.message().await;
    assert!(heard.own);
    assert_eq!(heard.text, "from the phone");
    assert_eq!(heard.chat, format!("{}@lid", ana.lid()));
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn two_devices_of_one_account_see_each_others_messages() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let first = linked(&net, &phone).await;
    let second = linked(&net, &phone).await;
    ana.send(ACCOUNT, Outgoing::text("to both")).await.unwrap();
    assert_eq!(first.message().await.text, "to both");
    assert_eq!(second.message().await.text, "to both");
    first
        .client
        .send_text(pn(ANA), "from the first")
        .await
        .unwrap();
    let copy = second.message().await;
    assert!(copy.own);
    assert_eq!(copy.text, "from the first");
    first.stop().await;
    second.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn two_accounts_talk_to_each_other() {
    const OTHER: &str = "971500000010";
    let net = network().await;
    let one = phone(&net);
    let two = net
        .add_phone(wasim::PhoneSpec {
            number: OTHER.into(),
            ..Default::default()
        })
        .unwrap();
    let first = linked(&net, &one).await;
    let second = linked(&net, &two).await;
    first
        .client
        .send_text(pn(OTHER), "hello other")
        .await
        .unwrap();
    assert_eq!(second.message().await.text, "hello other");
    second
        .client
        .send_text(pn(ACCOUNT), "hello you")
        .await
        .unwrap();
    assert_eq!(first.message().await.text, "hello you");
    first.stop().await;
    second.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn an_account_that_demands_a_passkey_is_not_linked() {
    let net = network().await;
    let phone = phone(&net);
    phone.set_link_policy(LinkPolicy::PasskeyDemanded);
    let device = Device::start(&net).await;
    let qr = device.qr().await;
    assert!(matches!(
        phone.scan(&qr).await,
        Err(SimError::PasskeyDemanded(_))
    ));
    device
        .wait("passkey request", |e| {
            matches!(e, Event::PairPasskeyRequest(_)).then_some(())
        })
        .await;
    assert!(phone.linked_devices().is_empty());
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_phone_that_is_off_cannot_scan() {
    let net = network().await;
    let phone = phone(&net);
    let device = Device::start(&net).await;
    let qr = device.qr().await;
    phone.go_offline(std::time::Duration::from_secs(3_600));
    assert!(matches!(
        phone.scan(&qr).await,
        Err(SimError::PhoneOffline(_))
    ));
    phone.go_online();
    phone.scan(&qr).await.unwrap();
    device.connected().await;
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_new_device_is_given_the_history() {
    let net = network().await;
    let (phone, _ana) = (phone(&net), ana(&net));
    let past = |by, text: &str, seconds_ago| PastMessage {
        with: ANA.into(),
        by,
        text: text.into(),
        seconds_ago,
    };
    phone
        .set_history(vec![
            past(PastAuthor::Contact, "long ago", 7_200),
            past(PastAuthor::Owner, "yes?", 7_100),
            past(PastAuthor::Contact, "just now", 60),
        ])
        .unwrap();
    let device = Device::start(&net).await;
    phone.scan(&device.qr().await).await.unwrap();
    for _ in 0..2 {
        device
            .wait("history", |e| {
                matches!(e, Event::HistorySync(_)).then_some(())
            })
            .await;
    }
    device.stop().await;
    net.shutdown().await;
}
