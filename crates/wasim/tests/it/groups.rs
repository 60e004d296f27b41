//! Groups, made by either side.

use crate::client::{ACCOUNT, ANA, LIMIT, ana, linked, network, phone};
use wasim::{ContactSpec, FaultPlan, NetEvent, Network, Outgoing, Rank, Script};
use whatsapp_rust::prelude::*;

const BEN: &str = "971500000003";

fn ben(net: &Network) -> wasim::Contact {
    net.add_contact(ContactSpec {
        number: BEN.into(),
        ..ContactSpec::default()
    })
    .unwrap()
}

async fn shown_to(net: &Network, who: &str, what: &str) {
    net.wait_for(LIMIT, |e| {
        matches!(e, NetEvent::MessageReceived { reader, text, group: Some(_), .. }
            if reader == who && text == what)
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn members_and_a_device_talk_in_a_group() {
    let net = network().await;
    let (phone, _ana, _ben) = (phone(&net), ana(&net), ben(&net));
    let device = linked(&net, &phone).await;
    let group = net.add_group("Team", ANA, &[ACCOUNT, BEN]).unwrap();
    for (from, text) in [(ANA, "one"), (BEN, "two"), (ANA, "three")] {
        group.send(from, Outgoing::text(text)).await.unwrap();
        let heard = device.message().await;
        assert_eq!((heard.chat, heard.text.as_str()), (group.address(), text));
    }
    let to: Jid = group.address().parse().unwrap();
    for text in ["hello all", "and again"] {
        device
            .client
            .send_text(to.clone(), text.to_owned())
            .await
            .unwrap();
        shown_to(&net, ANA, text).await;
        shown_to(&net, BEN, text).await;
    }
    let shown = net.with_ledger(|l| l.shown_from(ACCOUNT).len());
    assert_eq!(shown, 4);
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_device_makes_a_group_and_changes_it() {
    let net = network().await;
    let (phone, _ana, _ben) = (phone(&net), ana(&net), ben(&net));
    let device = linked(&net, &phone).await;
    let members = vec![whatsapp_rust::GroupParticipantOptions::new(Jid::pn(ANA))];
    let options = whatsapp_rust::GroupCreateOptions::builder()
        .subject("Plans")
        .participants(members)
        .build();
    let made = device.client.groups().create_group(options).await.unwrap();
    let jid = made.metadata.id.clone();
    let group = net.group(jid.user.as_str()).unwrap();
    assert_eq!(group.subject(), "Plans");
    assert_eq!(group.members().len(), 2);

    device
        .client
        .groups()
        .add_participants(jid.clone(), &[Jid::pn(BEN)])
        .await
        .unwrap();
    assert_eq!(group.members().len(), 3);
    device
        .client
        .send_text(jid.clone(), "welcome")
        .await
        .unwrap();
    shown_to(&net, BEN, "welcome").await;

    device
        .client
        .groups()
        .remove_participants(jid.clone(), &[Jid::pn(BEN)])
        .await
        .unwrap();
    let ranks: Vec<Rank> = group.members().iter().map(|m| m.rank).collect();
    assert_eq!(ranks, [Rank::Creator, Rank::Member]);
    device
        .client
        .send_text(jid.clone(), "just us")
        .await
        .unwrap();
    shown_to(&net, ANA, "just us").await;
    let readers = net.with_ledger(|l| {
        l.shown_from(ACCOUNT)
            .iter()
            .filter(|s| s.text == "just us")
            .count()
    });
    assert_eq!(readers, 1);
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_device_hears_of_changes_and_of_messages_after_somebody_left() {
    let net = network().await;
    let (phone, _ana, ben) = (phone(&net), ana(&net), ben(&net));
    ben.on_message(Script::Echo);
    let device = linked(&net, &phone).await;
    let group = net.add_group("Team", ANA, &[ACCOUNT, BEN]).unwrap();
    group.send(ANA, Outgoing::text("before")).await.unwrap();
    assert_eq!(device.message().await.text, "before");
    group.remove(ANA, &[BEN]).unwrap();
    group.set_subject(ANA, "Smaller team").unwrap();
    device
        .wait("group update", |e| {
            matches!(e, Event::GroupUpdate(_)).then_some(())
        })
        .await;
    group.send(ANA, Outgoing::text("after")).await.unwrap();
    assert_eq!(device.message().await.text, "after");
    assert!(group.send(BEN, Outgoing::text("let me in")).await.is_err());
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_group_message_that_cannot_be_decrypted_is_asked_for_on_either_side() {
    let net = network().await;
    let (phone, _ana, _ben) = (phone(&net), ana(&net), ben(&net));
    let device = linked(&net, &phone).await;
    let group = net.add_group("Team", ANA, &[ACCOUNT, BEN]).unwrap();
    let bad = FaultPlan {
        undecryptable: 1.0,
        recipient_undecryptable: 1.0,
        ..Default::default()
    };
    net.set_faults(ACCOUNT, bad);
    group
        .send(BEN, Outgoing::text("can you read this"))
        .await
        .unwrap();
    assert_eq!(device.message().await.text, "can you read this");
    let to: Jid = group.address().parse().unwrap();
    device.client.send_text(to, "barely").await.unwrap();
    shown_to(&net, ANA, "barely").await;
    shown_to(&net, BEN, "barely").await;
    device.stop().await;
    net.shutdown().await;
}
