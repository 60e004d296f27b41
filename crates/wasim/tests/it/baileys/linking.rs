//! Linking, and being unlinked.

use super::{Baileys, address};
use crate::client::{ACCOUNT, ANA, LIMIT, ana, network, phone};
use serde_json::json;
use wasim::{LinkMethod, NetEvent, PastAuthor, PastMessage, SimError};

/// What Baileys calls the end of a session that was unlinked.
const LOGGED_OUT: u64 = 401;
/// What it calls the restart after linking.
const RESTART: u64 = 515;

#[tokio::test]
async fn baileys_is_linked_by_qr() {
    let net = network().await;
    let phone = phone(&net);
    let mut baileys = Baileys::ready(&net).await;
    baileys.tell(json!({"op": "start"})).await;
    let qr = baileys.event("qr", |_| true).await;
    let device = phone.scan(qr["qr"].as_str().unwrap()).await.unwrap();
    baileys.event("paired", |_| true).await;
    baileys.event("close", |e| e["status"] == RESTART).await;
    let open = baileys.event("open", |_| true).await;
    assert_eq!(
        open["me"]["id"],
        format!("{ACCOUNT}:{device}@s.whatsapp.net")
    );
    assert_eq!(open["me"]["lid"], format!("{}:{device}@lid", phone.lid()));
    assert_eq!(open["me"]["name"], "Owner");
    assert!(phone.linked_devices()[0].online);
    assert!(phone.linked_devices()[0].one_time_keys > 0);
    let by_qr = |e: &NetEvent| matches!(e, NetEvent::Linked { account, by: LinkMethod::Qr, .. } if account == ACCOUNT);
    net.wait_for(LIMIT, by_qr).await.unwrap();
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_is_linked_by_code_after_a_typing_error() {
    let net = network().await;
    let phone = phone(&net);
    let mut baileys = Baileys::ready(&net).await;
    baileys.tell(json!({"op": "start", "phone": ACCOUNT})).await;
    let asked = baileys.event("pairing-code", |_| true).await;
    let code = asked["code"].as_str().unwrap();
    let wrong = if code == "ABCD1234" {
        "ABCD1235"
    } else {
        "ABCD1234"
    };
    assert!(matches!(
        phone.type_code(wrong).await,
        Err(SimError::WrongCode)
    ));
    let device = phone.type_code(code).await.unwrap();
    let open = baileys.event("open", |_| true).await;
    assert_eq!(
        open["me"]["id"],
        format!("{ACCOUNT}:{device}@s.whatsapp.net")
    );
    let by_code = |e: &NetEvent| {
        matches!(
            e,
            NetEvent::Linked {
                by: LinkMethod::Code,
                ..
            }
        )
    };
    net.wait_for(LIMIT, by_code).await.unwrap();
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_is_told_that_it_was_unlinked() {
    let net = network().await;
    let phone = phone(&net);
    let mut baileys = Baileys::linked(&net, &phone).await;
    phone.unlink(1).await.unwrap();
    baileys.event("close", |e| e["status"] == LOGGED_OUT).await;
    assert!(phone.linked_devices().is_empty());
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_learns_at_its_next_login_that_it_was_unlinked_meanwhile() {
    let net = network().await;
    let phone = phone(&net);
    let mut baileys = Baileys::linked(&net, &phone).await;
    baileys.tell(json!({"op": "leave"})).await;
    net.wait_for(LIMIT, |e| {
        matches!(e, NetEvent::Disconnected { device: 1, .. })
    })
    .await
    .unwrap();
    phone.unlink(1).await.unwrap();
    baileys.tell(json!({"op": "start"})).await;
    baileys.event("close", |e| e["status"] == LOGGED_OUT).await;
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_is_given_the_history() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
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
    let mut baileys = Baileys::linked(&net, &phone).await;
    let mut told = Vec::new();
    while told.len() < 3 {
        let portion = baileys.event("history", |_| true).await;
        for message in portion["messages"].as_array().unwrap() {
            let key = &message["key"];
            let chat = key["remoteJid"].as_str().unwrap();
            assert!(
                chat == address(ANA) || chat == format!("{}@lid", ana.lid()),
                "{key}"
            );
            let text = message["message"]["conversation"].as_str().unwrap();
            told.push((key["fromMe"] == true, text.to_owned()));
        }
    }
    told.sort();
    let expected = [(false, "just now"), (false, "long ago"), (true, "yes?")];
    assert_eq!(told, expected.map(|(own, text)| (own, text.to_owned())));
    baileys.stop().await;
    net.shutdown().await;
}
