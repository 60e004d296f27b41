//! What goes wrong on the way, and that Baileys gets over it.

use super::{Baileys, address, id_of, shown};
use crate::client::{ACCOUNT, ANA, LIMIT, ana, network, phone};
use serde_json::{Value, json};
use std::time::Duration;
use wasim::{
    Burst, Contact, FaultPlan, LoginRefusal, NetEvent, Network, Outgoing, SendHow, StreamError,
};

/// A message each way gets through.
async fn both_are_heard(net: &Network, baileys: &mut Baileys, ana: &Contact) {
    let heard = baileys.hear(ana, Outgoing::text("still there?")).await;
    assert_eq!(heard["message"]["conversation"], "still there?");
    let key = baileys.send(&address(ANA), json!({"text": "yes"})).await;
    let message = shown(net, ANA, id_of(&key)).await;
    assert_eq!(wasim::describe(&message).unwrap().text, "yes");
}

#[tokio::test]
async fn baileys_comes_back_after_its_connection_was_cut() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    both_are_heard(&net, &mut baileys, &ana).await;
    for _ in 0..3 {
        phone.kick();
        baileys.event("close", |e| e["status"] == 428).await;
        baileys.event("open", |_| true).await;
        both_are_heard(&net, &mut baileys, &ana).await;
    }
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_understands_stream_errors_and_comes_back() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    baileys.event("close", |e| e["status"] == 515).await;
    for code in [503, 515] {
        phone.stream_error(StreamError::Code(code)).await;
        baileys.event("close", |e| e["status"] == code).await;
        baileys.event("open", |_| true).await;
        both_are_heard(&net, &mut baileys, &ana).await;
    }
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_tries_again_while_logins_are_refused() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let plan = FaultPlan {
        refuse_login: Some(LoginRefusal {
            reason: 503,
            expires_in: None,
            times: Some(2),
        }),
        ..FaultPlan::default()
    };
    net.set_faults(ACCOUNT, plan);
    phone.kick();
    for _ in 0..2 {
        baileys.event("close", |e| e["status"] == 503).await;
    }
    baileys.event("open", |_| true).await;
    both_are_heard(&net, &mut baileys, &ana).await;
    baileys.stop().await;
    net.shutdown().await;
}

/// Baileys goes away and a contact writes to it meanwhile. Returns the wire ids.
async fn miss(net: &Network, baileys: &mut Baileys, ana: &Contact, count: u32) -> Vec<String> {
    let gone = |e: &NetEvent| matches!(e, NetEvent::Disconnected { device: 1, .. });
    let mut events = net.events();
    baileys.tell(json!({"op": "leave"})).await;
    events.wait_for(LIMIT, gone).await.unwrap();
    let burst = Burst {
        count,
        gap: Duration::ZERO,
        text: "missed {n}".into(),
    };
    ana.burst(ACCOUNT, &burst).await.unwrap()
}

fn is_acked(wanted: &str) -> impl FnMut(&NetEvent) -> bool {
    move |e| matches!(e, NetEvent::Acked { id, .. } if id == wanted)
}

/// The next missed message: its id and text.
async fn next_missed(baileys: &mut Baileys) -> (String, String) {
    let is_missed = |e: &Value| {
        let text = e["message"]["conversation"].as_str();
        text.is_some_and(|t| t.starts_with("missed"))
    };
    let heard = baileys.event("message", is_missed).await;
    let text = heard["message"]["conversation"].as_str().unwrap();
    (id_of(&heard["key"]).to_owned(), text.to_owned())
}

#[tokio::test]
async fn what_was_sent_while_baileys_was_away_arrives_in_order_and_once() {
    const MISSED: u32 = 50;
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    both_are_heard(&net, &mut baileys, &ana).await;
    let ids = miss(&net, &mut baileys, &ana, MISSED).await;
    assert!(phone.linked_devices()[0].waiting >= ids.len());
    baileys.tell(json!({"op": "start"})).await;
    let mut heard = Vec::new();
    for _ in &ids {
        heard.push(next_missed(&mut baileys).await);
    }
    let texts = (0..MISSED).map(|n| format!("missed {n}"));
    let expected: Vec<_> = ids.iter().cloned().zip(texts).collect();
    assert_eq!(heard, expected);
    let caught_up =
        |e: &NetEvent| matches!(e, NetEvent::CaughtUp { count, .. } if *count >= ids.len());
    net.wait_for(LIMIT, caught_up).await.unwrap();
    for id in &ids {
        net.wait_for(LIMIT, is_acked(id)).await.unwrap();
    }
    both_are_heard(&net, &mut baileys, &ana).await;
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_backlog_is_given_again_when_the_connection_was_cut_in_its_middle() {
    const MISSED: u32 = 40;
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    both_are_heard(&net, &mut baileys, &ana).await;
    let ids = miss(&net, &mut baileys, &ana, MISSED).await;
    let mut events = net.events();
    baileys.tell(json!({"op": "start"})).await;
    events.wait_for(LIMIT, is_acked(&ids[0])).await.unwrap();
    phone.kick();
    let mut places = Vec::new();
    while places.last() != Some(&(ids.len() - 1)) {
        let (id, text) = next_missed(&mut baileys).await;
        let place = ids.iter().position(|known| *known == id).unwrap();
        assert_eq!(text, format!("missed {place}"));
        // It may be told again of what it had read when it was cut off before confirming it.
        if !places.contains(&place) {
            places.push(place);
        }
    }
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    // Baileys itself forgets the one message that it was reading when it was cut off: it has used
    // up the key, and confirms the repeat without showing it.
    assert!(places.len() + 1 >= ids.len(), "{places:?}");
    for id in &ids {
        net.wait_for(LIMIT, is_acked(id)).await.unwrap();
    }
    let counts = net.with_ledger(|l| l.counts(ACCOUNT));
    assert!(counts.redelivered > 0, "{counts:?}");
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_asks_again_for_what_it_cannot_decrypt() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    // The first message opens the session, the others use it.
    for text in ["first", "second", "third"] {
        let how = SendHow {
            undecryptable_first: true,
            ..SendHow::default()
        };
        let sent = ana.send_how(ACCOUNT, Outgoing::text(text), how);
        let id = sent.await.unwrap();
        let asked = |e: &NetEvent| matches!(e, NetEvent::DeviceAskedRetry { id: asked, .. } if *asked == id);
        net.wait_for(LIMIT, asked).await.unwrap();
        let heard = baileys.message(&id).await;
        assert_eq!(heard["message"]["conversation"], text);
    }
    both_are_heard(&net, &mut baileys, &ana).await;
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_sends_again_what_a_contact_cannot_decrypt() {
    let net = network().await;
    let (phone, _ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let plan = FaultPlan {
        recipient_undecryptable: 1.0,
        ..FaultPlan::default()
    };
    net.set_faults(ACCOUNT, plan);
    for text in ["first", "second"] {
        let key = baileys.send(&address(ANA), json!({"text": text})).await;
        let asked =
            |e: &NetEvent| matches!(e, NetEvent::RetryAsked { id, .. } if *id == id_of(&key));
        net.wait_for(LIMIT, asked).await.unwrap();
        let message = shown(&net, ANA, id_of(&key)).await;
        assert_eq!(wasim::describe(&message).unwrap().text, text);
    }
    let shown = net.with_ledger(|l| l.shown_from(ACCOUNT).len());
    assert_eq!(shown, 2);
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_leaves_a_silent_server_and_finds_a_talking_one() {
    /// So that the silence is noticed within seconds instead of half a minute.
    const KEEP_ALIVE_MS: u64 = 1_000;
    /// Once it has noticed, it waits half a minute for the server to say goodbye.
    const GIVES_UP: Duration = Duration::from_secs(90);
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::ready(&net).await;
    baileys
        .tell(json!({"op": "start", "keepAliveMs": KEEP_ALIVE_MS}))
        .await;
    let qr = baileys.event("qr", |_| true).await;
    phone.scan(qr["qr"].as_str().unwrap()).await.unwrap();
    baileys.event("open", |_| true).await;
    let silent = FaultPlan {
        silent: true,
        ..FaultPlan::default()
    };
    net.set_faults(ACCOUNT, silent);
    let id = ana.send(ACCOUNT, Outgoing::text("anyone?")).await.unwrap();
    let lost = |e: &Value| e["status"] == 408;
    baileys.slow_event(GIVES_UP, "close", lost).await;
    net.clear_faults();
    baileys.event("open", |_| true).await;
    let heard = baileys.message(&id).await;
    assert_eq!(heard["message"]["conversation"], "anyone?");
    both_are_heard(&net, &mut baileys, &ana).await;
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_is_told_that_its_account_is_restricted() {
    const RESTRICTED: u32 = 463;
    /// How Baileys counts a message that the server refused.
    const REFUSED: u64 = 0;
    let net = network().await;
    let (phone, _ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let plan = FaultPlan {
        refuse_sends: Some(RESTRICTED),
        ..FaultPlan::default()
    };
    net.set_faults(ACCOUNT, plan);
    let key = baileys.send(&address(ANA), json!({"text": "hello?"})).await;
    let refused = |e: &Value| e["key"]["id"] == key["id"] && e["update"]["status"] == REFUSED;
    let update = baileys.event("update", refused).await;
    let reasons = &update["update"]["messageStubParameters"];
    assert_eq!(reasons[0], RESTRICTED.to_string(), "{update}");
    baileys.stop().await;
    net.shutdown().await;
}
