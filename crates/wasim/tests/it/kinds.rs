//! Every kind of message, both ways.

use crate::client::{ACCOUNT, ANA, Device, LIMIT, Received, ana, linked, network, phone, pn};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use wasim::{Contact, Kind, NetEvent, Network, Outgoing};
use whatsapp_rust::download::MediaType;

async fn hear(device: &Device, ana: &Contact, what: Outgoing) -> Received {
    let id = ana.send(ACCOUNT, what).await.unwrap();
    let heard = device.message().await;
    assert_eq!(heard.id, id);
    heard
}

fn kind_of(heard: &Received) -> Kind {
    wasim::describe(&heard.message)
        .expect("an app shows it")
        .kind
}

#[tokio::test]
async fn a_device_hears_every_kind_of_words() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    let first = hear(&device, &ana, Outgoing::text("*bold* and _italic_")).await;
    assert_eq!(first.text, "*bold* and _italic_");

    let reply = Outgoing::Reply {
        text: "as I said".into(),
        to: first.id.clone(),
    };
    let heard = hear(&device, &ana, reply).await;
    let text = heard.message.extended_text_message.as_option().unwrap();
    let context = text.context_info.as_option().unwrap();
    assert_eq!(context.stanza_id.as_deref(), Some(first.id.as_str()));
    let quoted = context.quoted_message.as_option().unwrap();
    assert_eq!(quoted.conversation.as_deref(), Some("*bold* and _italic_"));

    let mention = Outgoing::Mention {
        text: format!("@{ACCOUNT} look"),
        numbers: vec![ACCOUNT.into()],
    };
    let heard = hear(&device, &ana, mention).await;
    let text = heard.message.extended_text_message.as_option().unwrap();
    let mentioned = &text.context_info.as_option().unwrap().mentioned_jid;
    assert_eq!(mentioned, &[format!("{}@lid", phone.lid())]);

    let reaction = Outgoing::Reaction {
        to: first.id.clone(),
        emoji: "👍".into(),
    };
    let heard = hear(&device, &ana, reaction).await;
    let reaction = heard.message.reaction_message.as_option().unwrap();
    assert_eq!(reaction.text.as_deref(), Some("👍"));

    for (what, kind) in [
        (
            Outgoing::Edit {
                of: first.id.clone(),
                text: "better".into(),
            },
            Kind::Edit,
        ),
        (
            Outgoing::Revoke {
                of: first.id.clone(),
            },
            Kind::Revoke,
        ),
        (
            Outgoing::Location {
                latitude: 25.2,
                longitude: 55.3,
                name: Some("Dubai".into()),
            },
            Kind::Location,
        ),
        (
            Outgoing::ContactCard {
                name: "Omar".into(),
                number: "971500000009".into(),
            },
            Kind::ContactCard,
        ),
        (
            Outgoing::Poll {
                question: "When?".into(),
                options: vec!["now".into(), "later".into()],
                selectable: 1,
            },
            Kind::Poll,
        ),
    ] {
        let heard = hear(&device, &ana, what).await;
        assert_eq!(kind_of(&heard), kind);
    }
    device.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_device_opens_every_kind_of_media() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    let bytes: Vec<u8> = (0..100_000u32).map(|i| (i * 31) as u8).collect();

    let image = Outgoing::Image {
        bytes: bytes.clone(),
        caption: Some("view".into()),
    };
    let heard = hear(&device, &ana, image).await;
    let pointer = heard.message.image_message.as_option().unwrap();
    assert_eq!(pointer.caption.as_deref(), Some("view"));
    assert_eq!(device.client.download(pointer).await.unwrap(), bytes);

    let video = Outgoing::Video {
        bytes: bytes.clone(),
        caption: None,
        seconds: 3,
    };
    let heard = hear(&device, &ana, video).await;
    let pointer = heard.message.video_message.as_option().unwrap();
    assert_eq!(device.client.download(pointer).await.unwrap(), bytes);

    let heard = hear(
        &device,
        &ana,
        Outgoing::Voice {
            bytes: bytes.clone(),
            seconds: 2,
        },
    )
    .await;
    let pointer = heard.message.audio_message.as_option().unwrap();
    assert_eq!(pointer.ptt, Some(true));
    assert_eq!(device.client.download(pointer).await.unwrap(), bytes);

    let document = Outgoing::Document {
        bytes: bytes.clone(),
        name: "plan.pdf".into(),
        mime: "application/pdf".into(),
        caption: None,
    };
    let heard = hear(&device, &ana, document).await;
    let pointer = heard.message.document_message.as_option().unwrap();
    assert_eq!(pointer.file_name.as_deref(), Some("plan.pdf"));
    assert_eq!(device.client.download(pointer).await.unwrap(), bytes);

    let heard = hear(
        &device,
        &ana,
        Outgoing::Sticker {
            bytes: bytes.clone(),
        },
    )
    .await;
    let pointer = heard.message.sticker_message.as_option().unwrap();
    assert_eq!(device.client.download(pointer).await.unwrap(), bytes);
    device.stop().await;
    net.shutdown().await;
}

/// The message with this id, as the contact's app shows it.
async fn shown(net: &Network, wanted: &str) -> (Kind, String) {
    let event = net
        .wait_for(LIMIT, |e| {
            matches!(e, NetEvent::MessageReceived { reader, id, .. } if reader == ANA && id == wanted)
        })
        .await
        .unwrap();
    match event {
        NetEvent::MessageReceived { kind, text, .. } => (kind, text),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_contact_is_shown_every_kind_a_device_sends() {
    let net = network().await;
    let (phone, _ana) = (phone(&net), ana(&net));
    let device = linked(&net, &phone).await;
    let client = &device.client;
    let first = client.send_text(pn(ANA), "hello").await.unwrap().message_id;
    assert_eq!(shown(&net, &first).await, (Kind::Text, "hello".into()));

    let bytes = vec![7u8; 50_000];
    let upload = client
        .upload(bytes, MediaType::Image, whatsapp_rust::UploadOptions::new())
        .await
        .unwrap();
    let options = whatsapp_rust::media::ImageOptions {
        caption: Some("pic".into()),
        ..Default::default()
    };
    let image = whatsapp_rust::media::image_message(upload, options);
    let id = client
        .send_message(pn(ANA), image)
        .await
        .unwrap()
        .message_id;
    assert_eq!(shown(&net, &id).await, (Kind::Image, "pic".into()));

    let key = wa::MessageKey {
        remote_jid: Some(pn(ANA).to_string()),
        from_me: Some(true),
        id: Some(first.clone()),
        ..Default::default()
    };
    let id = client
        .send_reaction(pn(ANA), key, "🎉")
        .await
        .unwrap()
        .message_id;
    assert_eq!(shown(&net, &id).await, (Kind::Reaction, "🎉".into()));

    let options = ["yes".to_owned(), "no".to_owned()];
    let (sent, _) = client
        .polls()
        .create(pn(ANA), "Agreed?", &options, 1)
        .await
        .unwrap();
    assert_eq!(
        shown(&net, &sent.message_id).await,
        (Kind::Poll, "Agreed?".into())
    );

    let place = wa::Message {
        location_message: MessageField::some(wa::message::LocationMessage {
            degrees_latitude: Some(1.0),
            degrees_longitude: Some(2.0),
            ..Default::default()
        }),
        ..Default::default()
    };
    let id = client
        .send_message(pn(ANA), place)
        .await
        .unwrap()
        .message_id;
    assert_eq!(shown(&net, &id).await.0, Kind::Location);

    let revoke = whatsapp_rust::RevokeType::Sender;
    client
        .revoke_message(pn(ANA), first.clone(), revoke)
        .await
        .unwrap();
    net.wait_for(LIMIT, |e| {
        matches!(
            e,
            NetEvent::MessageReceived {
                kind: Kind::Revoke,
                ..
            }
        )
    })
    .await
    .unwrap();
    device.stop().await;
    net.shutdown().await;
}
