//! Everything that goes wrong on purpose.

use crate::client::{ACCOUNT, ANA, Device, LIMIT, ana, linked, network, phone, pn};
use std::time::Duration;
use wasim::{
    Burst, Contact, FaultPlan, LoginRefusal, MediaFaults, NetEvent, Network, NetworkConfig,
    Outgoing, SendHow, StreamError, UseAddress,
};
use whatsapp_rust::prelude::*;

fn plan() -> FaultPlan {
    FaultPlan::default()
}

/// A message that the device cannot decrypt at first.
async fn send_damaged(ana: &Contact, text: &str) -> String {
    let how = SendHow {
        undecryptable_first: true,
        ..SendHow::default()
    };
    ana.send_how(ACCOUNT, Outgoing::text(text), how)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_damaged_message_is_asked_for_again_and_arrives_in_the_end() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    ana.send(ACCOUNT, Outgoing::text("fine")).await.unwrap();
    assert_eq!(device.message().await.text, "fine");
    let id = send_damaged(&ana, "damaged").await;
    let heard = device.message().await;
    assert_eq!(
        (heard.id.as_str(), heard.text.as_str()),
        (id.as_str(), "damaged")
    );
    net.wait_for(
        LIMIT,
        |e| matches!(e, NetEvent::DeviceAskedRetry { id: asked, count: 1, .. } if *asked == id),
    )
    .await
    .unwrap();
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn asking_for_a_message_again_does_not_acknowledge_it() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    let mut events = net.events();
    let id = send_damaged(&ana, "damaged").await;
    // The damaged one and its repeat are owed apart: an ack of the first must not cost the second.
    let steps = ["asked", "acknowledged", "acknowledged"];
    for expected in steps {
        let step = events.wait_for(LIMIT, |e| match e {
            NetEvent::DeviceAskedRetry { id: asked, .. } => *asked == id,
            NetEvent::Acked { id: acked, .. } => *acked == id,
            _ => false,
        });
        let step = match step.await.unwrap() {
            NetEvent::DeviceAskedRetry { .. } => "asked",
            _ => "acknowledged",
        };
        assert_eq!(step, expected);
    }
    assert_eq!(device.message().await.text, "damaged");
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn the_very_first_message_may_be_damaged_too() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            undecryptable: 1.0,
            retry_late_by: Duration::from_millis(300),
            ..plan()
        },
    );
    ana.send(ACCOUNT, Outgoing::text("first contact"))
        .await
        .unwrap();
    assert_eq!(device.message().await.text, "first contact");
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_contact_who_cannot_decrypt_asks_and_is_served() {
    let net = network().await;
    let (phone, _ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            recipient_undecryptable: 1.0,
            ..plan()
        },
    );
    for text in ["first", "second"] {
        let id = device
            .client
            .send_text(pn(ANA), text)
            .await
            .unwrap()
            .message_id;
        net.wait_for(
            LIMIT,
            |e| matches!(e, NetEvent::RetryAsked { id: asked, .. } if *asked == id),
        )
        .await
        .unwrap();
        net.wait_for(LIMIT, |e| {
            matches!(e, NetEvent::MessageReceived { reader, text: said, .. } if reader == ANA && said == text)
        })
        .await
        .unwrap();
    }
    let counts = net.with_ledger(|l| l.counts(ACCOUNT));
    assert_eq!(
        (counts.undecryptable, counts.shown, counts.resent_raw),
        (2, 2, 0)
    );
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_phone_helps_out_when_the_sender_takes_long() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    phone.set_placeholder_help(wasim::PlaceholderHelp::WhenAsked);
    let device = linked(&net, &phone).await;
    let slow = Duration::from_secs(3_600);
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            retry_late_by: slow,
            ..plan()
        },
    );
    let id = send_damaged(&ana, "only the phone can tell").await;
    let heard = device.message().await;
    assert_eq!(
        (heard.id, heard.text.as_str()),
        (id, "only the phone can tell")
    );
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_rough_day_loses_nothing_on_the_way_to_a_device() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    net.set_faults(ACCOUNT, FaultPlan::seeded(11));
    let burst = Burst {
        count: 100,
        gap: Duration::from_millis(5),
        text: "rough {n}".into(),
    };
    let expected: std::collections::HashSet<String> =
        (0..100).map(|n| format!("rough {n}")).collect();
    let sending = tokio::spawn({
        let ana = ana.clone();
        async move { ana.burst(ACCOUNT, &burst).await }
    });
    let mut heard = std::collections::HashSet::new();
    sending.await.unwrap().unwrap();
    // The last lost delivery needs one more login.
    phone.kick();
    while heard != expected {
        heard.extend(device.messages(1).await);
    }
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_restricted_account_is_told_why_its_message_is_refused() {
    let net = network().await;
    let (phone, _ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            refuse_sends: Some(463),
            ..plan()
        },
    );
    device.client.send_text(pn(ANA), "hello").await.unwrap();
    device
        .wait("refusal", |e| match e {
            Event::ServerAck(ack) if format!("{:?}", ack.error).contains("463") => Some(()),
            _ => None,
        })
        .await;
    assert_eq!(net.with_ledger(|l| l.counts(ACCOUNT).shown), 0);
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_temporary_ban_names_its_end() {
    let net = network().await;
    let phone = phone(&net);
    let device = linked(&net, &phone).await;
    let backend = device.stop().await;
    let ban = LoginRefusal {
        reason: 402,
        expires_in: Some(3_600),
        times: None,
    };
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            refuse_login: Some(ban),
            ..plan()
        },
    );
    let again = Device::with_backend(&net, backend).await;
    again
        .wait("ban", |e| matches!(e, Event::TemporaryBan(_)).then_some(()))
        .await;
    again.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_server_that_is_down_for_a_moment_is_tried_again() {
    let net = network().await;
    let phone = phone(&net);
    let device = linked(&net, &phone).await;
    let busy = LoginRefusal {
        reason: 503,
        expires_in: None,
        times: Some(1),
    };
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            refuse_login: Some(busy),
            ..plan()
        },
    );
    phone.kick();
    net.wait_for(LIMIT, |e| {
        matches!(e, NetEvent::LoginRefused { reason: 503, .. })
    })
    .await
    .unwrap();
    device.connected().await;
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_lost_message_comes_after_the_next_login_and_keeps_its_order() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            lose_delivery: 1.0,
            ..plan()
        },
    );
    let burst = Burst {
        count: 5,
        gap: Duration::ZERO,
        text: "lost {n}".into(),
    };
    ana.burst(ACCOUNT, &burst).await.unwrap();
    net.clear_faults();
    phone.kick();
    let expected: Vec<String> = (0..5).map(|n| format!("lost {n}")).collect();
    assert_eq!(device.messages(5).await, expected);
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_message_delivered_twice_is_counted_twice_and_heard_once() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            duplicate: 1.0,
            ..plan()
        },
    );
    ana.send(ACCOUNT, Outgoing::text("twice")).await.unwrap();
    net.clear_faults();
    ana.send(ACCOUNT, Outgoing::text("once")).await.unwrap();
    assert_eq!(device.messages(2).await, ["twice", "once"]);
    assert_eq!(net.with_ledger(|l| l.counts(ACCOUNT).redelivered), 1);
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn one_person_may_come_under_both_addresses() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            other_address: 1.0,
            ..plan()
        },
    );
    ana.send(ACCOUNT, Outgoing::text("by number"))
        .await
        .unwrap();
    assert_eq!(device.message().await.from, format!("{ANA}@s.whatsapp.net"));
    net.clear_faults();
    ana.send(ACCOUNT, Outgoing::text("by lid")).await.unwrap();
    assert_eq!(device.message().await.from, format!("{}@lid", ana.lid()));
    let how = SendHow {
        address: UseAddress::Pn,
        ..SendHow::default()
    };
    ana.send_how(ACCOUNT, Outgoing::text("on request"), how)
        .await
        .unwrap();
    assert_eq!(device.message().await.text, "on request");
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_silent_server_keeps_the_socket_and_says_nothing() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            silent: true,
            ..plan()
        },
    );
    ana.send(ACCOUNT, Outgoing::text("are you there"))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(phone.linked_devices()[0].online);
    assert_eq!(net.with_ledger(|l| l.counts(ACCOUNT).acked), 0);
    net.clear_faults();
    assert_eq!(device.message().await.text, "are you there");
    device.stop().await;
    net.shutdown().await;
}

async fn resend_same_id(config: NetworkConfig) -> wasim::Counts {
    let net = Network::start(config).await.unwrap();
    let (phone, _ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    for _ in 0..2 {
        let options = whatsapp_rust::SendOptions::default().with_message_id("3EB0SAMEID");
        let message = waproto::whatsapp::Message {
            conversation: Some("again".into()),
            ..Default::default()
        };
        device
            .client
            .send_message_with_options(pn(ANA), message, options)
            .await
            .unwrap();
    }
    device.client.send_text(pn(ANA), "last").await.unwrap();
    net.wait_for(LIMIT, |e| {
        matches!(e, NetEvent::MessageReceived { reader, text, .. } if reader == ANA && text == "last")
    })
    .await
    .unwrap();
    device.stop().await;
    net.shutdown().await;
    net.with_ledger(|l| l.counts(ACCOUNT))
}

#[tokio::test]
async fn a_resent_id_is_dropped_by_a_server_that_deduplicates() {
    let counts = resend_same_id(NetworkConfig::default()).await;
    assert_eq!((counts.resent_raw, counts.dropped_by_server), (1, 1));
    assert_eq!((counts.shown, counts.hidden_doubles), (2, 0));
}

#[tokio::test]
async fn a_resent_id_is_hidden_by_the_app_when_the_server_lets_it_through() {
    let config = NetworkConfig {
        dedupe: wasim::Dedupe::Off,
        ..NetworkConfig::default()
    };
    let counts = resend_same_id(config).await;
    assert_eq!((counts.resent_raw, counts.dropped_by_server), (1, 0));
    assert_eq!((counts.shown, counts.hidden_doubles), (2, 1));
}

#[tokio::test]
async fn a_failing_media_host_is_asked_again() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    let image = Outgoing::Image {
        bytes: vec![1; 1000],
        caption: None,
    };
    ana.send(ACCOUNT, image).await.unwrap();
    let heard = device.message().await;
    let pointer = heard.message.image_message.as_option().unwrap();
    net.set_media_faults(MediaFaults {
        failing_downloads: 100,
        ..MediaFaults::default()
    });
    assert!(device.client.download(pointer).await.is_err());
    net.set_media_faults(MediaFaults::default());
    assert_eq!(
        device.client.download(pointer).await.unwrap(),
        vec![1; 1000]
    );
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn expired_media_is_uploaded_again_by_the_phone() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    let image = Outgoing::Image {
        bytes: vec![9; 1000],
        caption: None,
    };
    ana.send(ACCOUNT, image).await.unwrap();
    let heard = device.message().await;
    let mut pointer = heard.message.image_message.as_option().unwrap().clone();
    assert!(net.expire_media(pointer.direct_path.as_deref().unwrap()));
    assert!(device.client.download(&pointer).await.is_err());
    let chat: Jid = heard.chat.parse().unwrap();
    let request = whatsapp_rust::features::MediaReuploadRequest {
        msg_id: &heard.id,
        chat_jid: &chat,
        media_key: pointer.media_key.as_deref().unwrap(),
        is_from_me: false,
        participant: None,
    };
    let answer = device
        .client
        .media_reupload()
        .request(&request)
        .await
        .unwrap();
    let wacore::media_retry::MediaRetryResult::Success { direct_path } = answer else {
        panic!("{answer:?}");
    };
    pointer.direct_path = Some(direct_path);
    pointer.url = None;
    assert_eq!(
        device.client.download(&pointer).await.unwrap(),
        vec![9; 1000]
    );
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn an_outdated_client_is_told_so() {
    let net = network().await;
    let phone = phone(&net);
    let device = linked(&net, &phone).await;
    let backend = device.stop().await;
    let old = LoginRefusal {
        reason: 405,
        expires_in: None,
        times: None,
    };
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            refuse_login: Some(old),
            ..plan()
        },
    );
    let again = Device::with_backend(&net, backend).await;
    again
        .wait("outdated", |e| {
            matches!(e, Event::ClientOutdated(_)).then_some(())
        })
        .await;
    again.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_stream_error_ends_the_connection_and_the_device_returns() {
    let net = network().await;
    let phone = phone(&net);
    let device = linked(&net, &phone).await;
    let mut events = net.events();
    phone.stream_error(StreamError::Code(503)).await;
    events
        .wait_for(LIMIT, |e| matches!(e, NetEvent::Disconnected { .. }))
        .await
        .unwrap();
    events
        .wait_for(LIMIT, |e| matches!(e, NetEvent::LoggedIn { .. }))
        .await
        .unwrap();
    device.connected().await;
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn latency_keeps_messages_back_but_in_order() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    let least = Duration::from_millis(150);
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            latency_min: least,
            latency_max: 2 * least,
            ..plan()
        },
    );
    let start = net.now();
    let burst = Burst {
        count: 5,
        gap: Duration::ZERO,
        text: "slow {n}".into(),
    };
    ana.burst(ACCOUNT, &burst).await.unwrap();
    let expected: Vec<String> = (0..5).map(|n| format!("slow {n}")).collect();
    assert_eq!(device.messages(5).await, expected);
    assert!(net.now() - start >= least);
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn conversations_overtake_each_other_but_none_overtakes_itself() {
    const BEN: &str = "971500000003";
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let ben = net
        .add_contact(wasim::ContactSpec {
            number: BEN.into(),
            ..Default::default()
        })
        .unwrap();
    let device = linked(&net, &phone).await;
    let backend = device.stop().await;
    net.set_faults(
        ACCOUNT,
        FaultPlan {
            reorder: 1.0,
            ..plan()
        },
    );
    for n in 0..5 {
        let text = Outgoing::text(format!("ana {n}"));
        ana.send(ACCOUNT, text).await.unwrap();
    }
    for n in 0..5 {
        let text = Outgoing::text(format!("ben {n}"));
        ben.send(ACCOUNT, text).await.unwrap();
    }
    let again = Device::with_backend(&net, backend).await;
    let heard = again.messages(10).await;
    let of = |who: &str| -> Vec<String> {
        heard
            .iter()
            .filter(|t| t.starts_with(who))
            .cloned()
            .collect()
    };
    for who in ["ana", "ben"] {
        let expected: Vec<String> = (0..5).map(|n| format!("{who} {n}")).collect();
        assert_eq!(of(who), expected);
    }
    assert!(
        heard[0].starts_with("ben"),
        "nothing was overtaken: {heard:?}"
    );
    again.stop().await;
    net.shutdown().await;
}
