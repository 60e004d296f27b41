//! Texts, receipts and the queue of a device that is away.

use crate::client::{ACCOUNT, ANA, Device, LIMIT, ana, linked, network, phone, pn};
use std::time::Duration;
use wasim::{Burst, NetEvent, Outgoing, Script, SendHow, UseAddress};
use whatsapp_rust::prelude::*;

#[tokio::test]
async fn a_contact_is_heard_under_either_address() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    for (address, from) in [
        (UseAddress::Lid, format!("{}@lid", ana.lid())),
        (UseAddress::Pn, format!("{ANA}@s.whatsapp.net")),
    ] {
        let how = SendHow {
            address,
            ..SendHow::default()
        };
        let id = ana
            .send_how(ACCOUNT, Outgoing::text("good morning"), how)
            .await
            .unwrap();
        let heard = device.message().await;
        assert_eq!(
            (heard.id, heard.text.as_str()),
            (id.clone(), "good morning")
        );
        assert_eq!(heard.from, from);
        net.wait_for(
            LIMIT,
            |e| matches!(e, NetEvent::Acked { id: acked, .. } if *acked == id),
        )
        .await
        .unwrap();
    }
    let counts = net.with_ledger(|l| l.counts(ACCOUNT));
    assert_eq!((counts.sent_to_account, counts.redelivered), (2, 0));
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_reply_arrives_is_confirmed_and_is_judged_clean() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    ana.on_message(Script::Read);
    for n in 0..5 {
        ana.send(ACCOUNT, Outgoing::text(format!("question #{n}")))
            .await
            .unwrap();
        let question = device.message().await;
        let answer = format!(
            "answer to {}",
            question.text.split(' ').next_back().unwrap()
        );
        device.client.send_text(pn(ANA), answer).await.unwrap();
    }
    device
        .wait("read receipt", |e| match e {
            Event::Receipt(r) if format!("{:?}", r.r#type).contains("Read") => Some(()),
            _ => None,
        })
        .await;
    net.wait_for(LIMIT, |e| {
        matches!(e, NetEvent::MessageReceived { reader, text, .. } if reader == ANA && text == "answer to #4")
    })
    .await
    .unwrap();
    let verdict = net.with_ledger(|l| {
        l.judge_answers(|text| {
            text.split(' ')
                .find(|w| w.starts_with('#'))
                .map(str::to_owned)
        })
    });
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!((verdict.expected, verdict.answered), (5, 5));
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn an_echoing_contact_answers_in_order() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    ana.on_message(Script::Echo);
    let sent: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
    for text in &sent {
        device
            .client
            .send_text(pn(ANA), text.clone())
            .await
            .unwrap();
    }
    assert_eq!(device.messages(sent.len()).await, sent);
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn what_was_sent_while_the_device_was_away_arrives_in_order_and_once() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    ana.send(ACCOUNT, Outgoing::text("before")).await.unwrap();
    assert_eq!(device.message().await.text, "before");
    let backend = device.stop().await;
    net.wait_for(LIMIT, |e| matches!(e, NetEvent::Acked { .. }))
        .await
        .unwrap();

    let burst = Burst {
        count: 50,
        gap: Duration::ZERO,
        text: "missed {n}".into(),
    };
    ana.burst(ACCOUNT, &burst).await.unwrap();
    let again = Device::with_backend(&net, backend).await;
    let expected: Vec<String> = (0..50).map(|n| format!("missed {n}")).collect();
    assert_eq!(again.messages(50).await, expected);
    net.wait_for(
        LIMIT,
        |e| matches!(e, NetEvent::CaughtUp { count, .. } if *count >= 50),
    )
    .await
    .unwrap();
    again.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn unmigrated_people_talk_by_phone_number() {
    let net = network().await;
    let phone = net
        .add_phone(wasim::PhoneSpec {
            number: ACCOUNT.into(),
            addressing: wasim::Addressing::Unmigrated,
            ..Default::default()
        })
        .unwrap();
    let ana = ana(&net);
    let device = linked(&net, &phone).await;
    ana.send(ACCOUNT, Outgoing::text("hi")).await.unwrap();
    assert_eq!(device.message().await.from, format!("{ANA}@s.whatsapp.net"));
    device
        .client
        .send_text(pn(ANA), "hello".to_owned())
        .await
        .unwrap();
    net.wait_for(
        LIMIT,
        |e| matches!(e, NetEvent::MessageReceived { reader, .. } if reader == ANA),
    )
    .await
    .unwrap();
    device.stop().await;
    net.shutdown().await;
}
