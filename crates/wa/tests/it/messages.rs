//! Messages both ways, of every kind.

use crate::bench::{ANA, Bench, LIMIT, NUMBER};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;
use wasim::{FaultPlan, Kind, NetEvent, Outgoing, SendHow, UseAddress};
use waypost_engine::model::content::Media;
use waypost_engine::model::{Address, Content, MediaKind, Origin, Quote};
use waypost_wa::{Author, ChannelEvent, ReceiptKind, Target, TypingState};

fn said(text: &str) -> Outgoing {
    Outgoing::Text { text: text.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_arrives_under_either_address_of_its_sender() {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    for address in [UseAddress::Lid, UseAddress::Pn] {
        let how = SendHow {
            address,
            ..Default::default()
        };
        let id = bench
            .ana
            .send_how(NUMBER, said("*hello*"), how)
            .await
            .unwrap();
        let inbound = bench.message().await;
        assert_eq!(
            (inbound.wire_id, inbound.content),
            (id, Content::text("*hello*"))
        );
        assert_eq!(
            (inbound.origin, inbound.push_name.as_deref()),
            (Origin::Live, Some("Ana"))
        );
        let mut known = vec![Some(inbound.chat), inbound.chat_alt];
        known.sort();
        assert_eq!(
            known,
            [Some(bench.ana_lid()), Some(Address::phone(ANA))],
            "{address:?}"
        );
    }
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_accepted_delivered_and_read() {
    let bench = Bench::new().await;
    let mut line = bench.linked().await;
    bench
        .send(&line, "OUT1", &Content::text("good day"), &bench.target())
        .await;
    // The receipt names Ana by both addresses. The ack and the receipt may come in either order.
    let (mut accepted, mut delivered) = (false, false);
    while !(accepted && delivered) {
        line.wait("an ack or a receipt", |event| match event {
            ChannelEvent::ServerAck {
                wire_id,
                error: None,
            } if wire_id == "OUT1" => {
                accepted = true;
                Some(())
            }
            event => receipt_of("OUT1")(event).map(|kind| {
                assert_eq!(kind, ReceiptKind::Delivered);
                let ChannelEvent::Receipt { chat, chat_alt, .. } = event else {
                    return;
                };
                let mut known = vec![Some(chat.clone()), chat_alt.clone()];
                known.sort();
                assert_eq!(known, [Some(bench.ana_lid()), Some(Address::phone(ANA))]);
                delivered = true;
            }),
        })
        .await;
    }
    bench.ana.read("OUT1").unwrap();
    assert_eq!(
        line.wait("a read receipt", receipt_of("OUT1")).await,
        ReceiptKind::Read
    );
    let shown = bench
        .net
        .with_ledger(|ledger| ledger.shown_from(NUMBER).to_vec());
    let texts: Vec<&str> = shown
        .iter()
        .filter(|s| s.reader == bench.ana.lid())
        .map(|s| s.text.as_str())
        .collect();
    assert_eq!(texts, ["good day"]);
    bench.end(line).await;
}

fn receipt_of(id: &'static str) -> impl FnMut(&ChannelEvent) -> Option<ReceiptKind> {
    move |event| match event {
        ChannelEvent::Receipt { wire_ids, kind, .. } if wire_ids.iter().any(|one| one == id) => {
            Some(*kind)
        }
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_message_sent_three_times_is_shown_once() {
    let config = wasim::NetworkConfig {
        dedupe: wasim::Dedupe::Off,
        ..Default::default()
    };
    let bench = Bench::with(config, Default::default()).await;
    let mut line = bench.linked().await;
    for _ in 0..3 {
        bench
            .send(&line, "SAME", &Content::text("once"), &bench.target())
            .await;
        assert_eq!(line.server_ack("SAME").await, None);
    }
    bench
        .send(&line, "LAST", &Content::text("the end"), &bench.target())
        .await;
    line.wait("the last one's receipt", receipt_of("LAST"))
        .await;
    let (shown, counts) = bench
        .net
        .with_ledger(|l| (l.shown_from(NUMBER).to_vec(), l.counts(NUMBER)));
    let texts: Vec<&str> = shown
        .iter()
        .filter(|s| s.reader == bench.ana.lid())
        .map(|s| s.text.as_str())
        .collect();
    assert_eq!(texts, ["once", "the end"]);
    assert_eq!(counts.resent_raw, 2);
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_owner_writes_on_the_phone_is_marked_as_their_own() {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    bench.phone.send(ANA, said("from my phone")).await.unwrap();
    let inbound = bench.message().await;
    assert_eq!((inbound.origin, inbound.from_me), (Origin::Own, true));
    assert_eq!(inbound.content, Content::text("from my phone"));
    assert!([bench.ana_lid(), Address::phone(ANA)].contains(&inbound.chat));
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_is_seen_both_ways_and_reading_is_told() {
    let mut bench = Bench::new().await;
    let mut line = bench.linked().await;
    bench
        .ana
        .typing(NUMBER, wasim::TypingState::Composing)
        .unwrap();
    line.wait("typing", |event| match event {
        ChannelEvent::Typing {
            state: TypingState::Active,
            ..
        } => Some(()),
        _ => None,
    })
    .await;
    line.connection
        .typing(&bench.ana_lid(), TypingState::Active)
        .await
        .unwrap();
    let typing =
        |event: &NetEvent| matches!(event, NetEvent::Typing { state, .. } if state == "composing");
    bench
        .net
        .wait_for(Duration::from_secs(10), typing)
        .await
        .unwrap();
    let id = bench.ana.send(NUMBER, said("read me")).await.unwrap();
    let inbound = bench.message().await;
    line.connection
        .mark_read(&inbound.chat, None, std::slice::from_ref(&id))
        .await
        .unwrap();
    let read = |event: &NetEvent| matches!(event, NetEvent::Receipt { kind, ids, .. } if kind == "read" && ids.contains(&id));
    bench
        .net
        .wait_for(Duration::from_secs(10), read)
        .await
        .unwrap();
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_arrives_in_its_normal_form() {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    let first = bench.ana.send(NUMBER, said("first")).await.unwrap();
    bench.message().await;
    let reply = Outgoing::Reply {
        text: "again".into(),
        to: first.clone(),
    };
    let reaction = Outgoing::Reaction {
        to: first.clone(),
        emoji: "👍".into(),
    };
    let edit = Outgoing::Edit {
        of: first.clone(),
        text: "first!".into(),
    };
    let revoke = Outgoing::Revoke { of: first.clone() };
    let mention = Outgoing::Mention {
        text: format!("@{NUMBER}"),
        numbers: vec![NUMBER.into()],
    };
    let place = Outgoing::Location {
        latitude: 25.2,
        longitude: 55.3,
        name: None,
    };
    for (outgoing, kind) in [
        (reply, "text"),
        (mention, "text"),
        (reaction, "reaction"),
        (edit, "edit"),
        (revoke, "revoke"),
        (place, "unsupported"),
    ] {
        bench.ana.send(NUMBER, outgoing).await.unwrap();
        let content = bench.message().await.content;
        assert_eq!(content.kind(), kind);
        match content {
            Content::Text {
                quote: Some(Quote { wire_id, .. }),
                body,
                ..
            } => {
                assert_eq!((wire_id, body.as_str()), (first.clone(), "again"));
            }
            Content::Text { mentions, .. } => assert_eq!(mentions.len(), 1),
            Content::Reaction { target, emoji } => {
                assert_eq!((target, emoji.as_str()), (first.clone(), "👍"))
            }
            Content::Edit { target, body } => {
                assert_eq!((target, body.as_str()), (first.clone(), "first!"))
            }
            Content::Revoke { target } => assert_eq!(target, first),
            Content::Unsupported { what } => assert_eq!(what, "location_message"),
            other => panic!("{other:?}"),
        }
    }
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_leaves_as_it_was_meant() {
    let mut bench = Bench::new().await;
    let mut line = bench.linked().await;
    let theirs = bench.ana.send(NUMBER, said("a question")).await.unwrap();
    bench.message().await;
    let about_theirs = Target {
        author: Some(Author::Other(bench.ana_lid())),
        ..bench.target()
    };
    let about_ours = Target {
        author: Some(Author::Own),
        ..bench.target()
    };
    let quote = Quote {
        wire_id: theirs.clone(),
        sender: Some(bench.ana_lid()),
        text: Some("a question".into()),
    };
    let reply = Content::Text {
        body: "an answer".into(),
        quote: Some(quote),
        mentions: vec![bench.ana_lid()],
    };
    bench
        .send(&line, "OURS", &Content::text("hm"), &bench.target())
        .await;
    bench.send(&line, "K1", &reply, &about_theirs).await;
    bench
        .send(
            &line,
            "K2",
            &Content::Reaction {
                target: theirs,
                emoji: "🙏".into(),
            },
            &about_theirs,
        )
        .await;
    bench
        .send(
            &line,
            "K3",
            &Content::Edit {
                target: "OURS".into(),
                body: "hmm".into(),
            },
            &about_ours,
        )
        .await;
    bench
        .send(
            &line,
            "K4",
            &Content::Revoke {
                target: "OURS".into(),
            },
            &about_ours,
        )
        .await;
    let kinds = [
        ("K1", Kind::Text),
        ("K2", Kind::Reaction),
        ("K3", Kind::Edit),
        ("K4", Kind::Revoke),
    ];
    // The library tells of acks beside each other, in any order.
    let mut accepted = BTreeSet::new();
    while !kinds.iter().all(|(id, _)| accepted.contains(*id)) {
        line.wait("a server ack", |event| match event {
            ChannelEvent::ServerAck { wire_id, error } => {
                assert_eq!(*error, None, "{wire_id}");
                accepted.insert(wire_id.clone());
                Some(())
            }
            _ => None,
        })
        .await;
    }
    for (id, expect) in kinds {
        let received = |event: &NetEvent| matches!(event, NetEvent::MessageReceived { id: of, reader, .. } if of == id && reader == ANA);
        let NetEvent::MessageReceived { kind, .. } = bench
            .net
            .wait_for(Duration::from_secs(10), received)
            .await
            .unwrap()
        else {
            panic!("a message")
        };
        assert_eq!(kind, expect, "{id}");
    }
    bench.end(line).await;
}

fn media(kind: MediaKind) -> Media {
    Media {
        media: kind,
        mime: "application/octet-stream".into(),
        caption: None,
        file_name: Some("a file".into()),
        seconds: Some(3),
        size: None,
        pointer: None,
        blob: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_out_and_come_back_byte_by_byte() {
    let mut bench = Bench::new().await;
    let mut line = bench.linked().await;
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n * 31) as u8).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    for (n, kind) in [
        MediaKind::Image,
        MediaKind::Video,
        MediaKind::Voice,
        MediaKind::Audio,
        MediaKind::Document,
        MediaKind::Sticker,
    ]
    .into_iter()
    .enumerate()
    {
        let uploaded = line
            .connection
            .upload(kind, file.path().to_owned())
            .await
            .unwrap();
        assert_eq!(uploaded.pointer.file_length, 300_000);
        let into = tempfile::tempfile().unwrap();
        let mut back = line
            .connection
            .download(kind, &uploaded.pointer, into)
            .await
            .unwrap();
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut back, &mut read).unwrap();
        assert!(read == bytes, "{kind:?} came back changed");
        let target = Target {
            pointer: Some(uploaded.pointer),
            ..bench.target()
        };
        let content = Content::Media {
            file: media(kind),
            quote: None,
            mentions: Vec::new(),
        };
        let id = format!("FILE{n}");
        bench.send(&line, &id, &content, &target).await;
        assert_eq!(line.server_ack(&id).await, None);
    }
    bench
        .ana
        .send(
            NUMBER,
            Outgoing::Image {
                bytes: bytes.clone(),
                caption: Some("look".into()),
            },
        )
        .await
        .unwrap();
    let inbound = bench.message().await;
    let file = inbound.content.file().unwrap();
    assert_eq!(
        (file.media, file.caption.as_deref()),
        (MediaKind::Image, Some("look"))
    );
    let pointer = file.pointer.clone().unwrap();
    let into = tempfile::tempfile().unwrap();
    let mut back = line
        .connection
        .download(MediaKind::Image, &pointer, into)
        .await
        .unwrap();
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut back, &mut read).unwrap();
    assert!(read == bytes);
    // Gone from the host: told apart from a transfer that failed.
    assert!(bench.net.expire_media(&pointer.direct_path));
    let gone = line
        .connection
        .download(MediaKind::Image, &pointer, tempfile::tempfile().unwrap())
        .await;
    assert_eq!(gone.err(), Some(waypost_wa::MediaError::Gone));
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undecryptable_message_is_a_placeholder_until_its_retry_fills_it() {
    let mut bench = Bench::new().await;
    let mut line = bench.linked().await;
    let how = SendHow {
        undecryptable_first: true,
        ..Default::default()
    };
    bench.net.set_faults(
        NUMBER,
        FaultPlan {
            retry_late_by: Duration::from_millis(300),
            ..Default::default()
        },
    );
    let id = bench
        .ana
        .send_how(NUMBER, said("at last"), how)
        .await
        .unwrap();
    let told = line.wait("a placeholder", |event| match event {
        ChannelEvent::Placeholder(inbound) => Some(inbound.wire_id.clone()),
        _ => None,
    });
    assert_eq!(told.await, id);
    let placeholder = bench.message().await;
    assert_eq!(
        (&placeholder.wire_id, &placeholder.content),
        (&id, &Content::Placeholder)
    );
    let repaired = bench.message().await;
    assert_eq!(
        (repaired.wire_id, repaired.content),
        (id, Content::text("at last"))
    );
    assert_eq!(repaired.origin, Origin::Repair);
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_recipient_asked_for_again_is_served_though_the_connection_ended_meanwhile() {
    let bench = Bench::new().await;
    let mut line = bench.linked().await;
    // Ana cannot read it, and her request comes when nobody is there.
    bench.net.set_faults(
        NUMBER,
        FaultPlan {
            recipient_undecryptable: 1.0,
            latency_min: Duration::from_secs(1),
            latency_max: Duration::from_secs(1),
            ..Default::default()
        },
    );
    let target = bench.target();
    bench
        .send(&line, "A1", &Content::text("to be read"), &target)
        .await;
    assert_eq!(line.server_ack("A1").await, None);
    line.connection.close().await;
    let asked = |event: &NetEvent| matches!(event, NetEvent::RetryAsked { id, .. } if id == "A1");
    bench.net.wait_for(LIMIT, asked).await.unwrap();
    bench.net.clear_faults();
    // It is known what she asks for, and no more; then this connection ends, too.
    bench.inbox.allow_looks(1);
    let line = bench.resumed().await;
    bench.acknowledged().await;
    line.connection.close().await;
    bench.inbox.allow_looks(usize::MAX);
    assert_eq!(bench.net.with_ledger(|l| l.shown_from(NUMBER).len()), 0);
    let line = bench.resumed().await;
    let read = |event: &NetEvent| matches!(event, NetEvent::MessageReceived { reader, text, .. } if reader == ANA && text == "to be read");
    bench.net.wait_for(LIMIT, read).await.unwrap();
    bench.end(line).await;
}

/// Messages that wait for a device that was away.
const BACKLOG: usize = 12;

/// Lets Ana write while the device is away, each message as `how` says, under these faults, and sees that
/// they are committed in the order in which she wrote them, all of them with their words in the end.
async fn a_backlog_keeps_its_order(plan: FaultPlan, how: impl Fn(usize) -> SendHow) {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    // A first word, so that there is a session.
    bench.ana.send(NUMBER, said("hello")).await.unwrap();
    bench.message().await;
    bench.acknowledged().await;
    line.connection.close().await;
    bench.net.set_faults(NUMBER, plan);
    let mut sent = Vec::new();
    for n in 0..BACKLOG {
        let message = said(&n.to_string());
        sent.push(bench.ana.send_how(NUMBER, message, how(n)).await.unwrap());
    }
    let line = bench.resumed().await;
    let (mut order, mut read) = (Vec::new(), BTreeSet::new());
    while read.len() < BACKLOG {
        let inbound = bench.message().await;
        if inbound.content != Content::Placeholder {
            read.insert(inbound.wire_id.clone());
        }
        // What stands for a message comes before it, in its place.
        if !order.contains(&inbound.wire_id) {
            order.push(inbound.wire_id);
        }
    }
    assert_eq!(order, sent);
    bench.end(line).await;
}

fn under_either_address(n: usize) -> SendHow {
    SendHow {
        address: [UseAddress::Lid, UseAddress::Pn][n % 2],
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_under_both_addresses_of_its_sender_keeps_its_order() {
    a_backlog_keeps_its_order(FaultPlan::default(), under_either_address).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_decrypted_keeps_its_place_in_a_backlog() {
    a_backlog_keeps_its_order(FaultPlan::default(), |n| SendHow {
        undecryptable_first: n % 5 == 3,
        ..under_either_address(n)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_of_doubles_keeps_its_order() {
    let twice = FaultPlan {
        duplicate: 1.0,
        ..FaultPlan::default()
    };
    a_backlog_keeps_its_order(twice, under_either_address).await;
}
