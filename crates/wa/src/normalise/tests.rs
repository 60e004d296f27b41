use super::*;
use proptest::prelude::*;
use waproto::buffa::MessageField;
use waypost_engine::model::Address;

fn info() -> MessageInfo {
    let mut info = MessageInfo {
        id: "A1".to_owned(),
        push_name: "Ana".to_owned(),
        ..Default::default()
    };
    info.source.chat = "100000000000002@lid".parse().unwrap();
    info.source.sender = "100000000000002:4@lid".parse().unwrap();
    info.source.sender_alt = Some("971500000002:4@s.whatsapp.net".parse().unwrap());
    info
}

fn words(text: &str) -> wa::Message {
    wa::Message {
        conversation: Some(text.to_owned()),
        ..Default::default()
    }
}

fn wrapped(message: wa::Message) -> MessageField<wa::message::FutureProofMessage> {
    MessageField::some(wa::message::FutureProofMessage {
        message: MessageField::some(message),
    })
}

#[test]
fn a_message_carries_both_addresses_of_its_sender() {
    let inbound = inbound(&words("hello"), &info(), Timestamp(5)).unwrap();
    assert_eq!(inbound.chat, Address::lid("100000000000002"));
    assert_eq!(inbound.chat_alt, Some(Address::phone("971500000002")));
    assert_eq!(inbound.sender, inbound.chat);
    assert_eq!(inbound.sender_alt, inbound.chat_alt);
    assert_eq!(
        (inbound.wire_id.as_str(), inbound.push_name.as_deref()),
        ("A1", Some("Ana"))
    );
    assert_eq!(inbound.content, Content::text("hello"));
    assert_eq!(content_of_raw(&inbound.raw), Some(Content::text("hello")));
}

#[test]
fn where_it_came_from_is_told_apart() {
    let with = |change: fn(&mut MessageInfo)| {
        let mut info = info();
        change(&mut info);
        inbound(&words("x"), &info, Timestamp(5)).unwrap()
    };
    assert_eq!(with(|_| ()).origin, Origin::Live);
    assert_eq!(with(|i| i.is_offline = true).origin, Origin::Offline);
    assert_eq!(
        with(|i| i.unavailable_request_id = Some("R".to_owned())).origin,
        Origin::Repair
    );
    let own = with(|i| {
        i.is_offline = true;
        i.source.is_from_me = true;
        i.source.sender = "100000000000001:1@lid".parse().unwrap();
        i.source.recipient_alt = Some("971500000002@s.whatsapp.net".parse().unwrap());
        i.source.sender_alt = None;
    });
    assert_eq!(own.origin, Origin::Own);
    assert!(own.from_me && own.push_name.is_none());
    assert_eq!(own.chat_alt, Some(Address::phone("971500000002")));
    assert_eq!(own.sender, Address::lid("100000000000001"));
}

#[test]
fn wrappers_are_taken_off() {
    let disappearing = wa::Message {
        ephemeral_message: wrapped(words("soon gone")),
        ..Default::default()
    };
    assert_eq!(content(&disappearing), Some(Content::text("soon gone")));
    let own = wa::message::DeviceSentMessage {
        message: MessageField::some(disappearing),
        ..Default::default()
    };
    let own = wa::Message {
        device_sent_message: MessageField::some(own),
        ..Default::default()
    };
    assert_eq!(content(&own), Some(Content::text("soon gone")));
}

#[test]
fn wrappers_without_end_are_not_followed_without_end() {
    let mut message = words("deep");
    for _ in 0..WRAPPERS_MAX {
        message = wa::Message {
            view_once_message: wrapped(message),
            ..Default::default()
        };
    }
    assert_eq!(content(&message), Some(Content::text("deep")));
    let message = wa::Message {
        view_once_message: wrapped(message),
        ..Default::default()
    };
    assert_eq!(
        content(&message),
        Some(Content::Unsupported {
            what: "view_once_message".to_owned()
        })
    );
}

#[test]
fn what_is_not_understood_yet_is_named() {
    let place = wa::message::LocationMessage {
        degrees_latitude: Some(25.2),
        ..Default::default()
    };
    let place = wa::Message {
        location_message: MessageField::some(place),
        message_context_info: MessageField::some(wa::MessageContextInfo::default()),
        ..Default::default()
    };
    assert_eq!(
        content(&place),
        Some(Content::Unsupported {
            what: "location_message".to_owned()
        })
    );
    // A field number no version knows, holding the varint 1.
    assert_eq!(
        kinds::name(&[0xf8, 0x3e, 0x01]).as_deref(),
        Some("field_1007")
    );
}

#[test]
fn what_devices_tell_each_other_is_no_message() {
    assert_eq!(content(&wa::Message::default()), None);
    let keys = wa::message::SenderKeyDistributionMessage::default();
    let keys = wa::Message {
        sender_key_distribution_message: MessageField::some(keys),
        ..Default::default()
    };
    assert_eq!(content(&keys), None);
    let share = wa::message::ProtocolMessage {
        r#type: Some(ProtocolKind::APP_STATE_SYNC_KEY_SHARE),
        ..Default::default()
    };
    let share = wa::Message {
        protocol_message: MessageField::some(share),
        ..Default::default()
    };
    assert_eq!(content(&share), None);
}

#[test]
fn a_sender_key_beside_a_text_does_not_hide_it() {
    let keys = MessageField::some(wa::message::SenderKeyDistributionMessage::default());
    let message = wa::Message {
        sender_key_distribution_message: keys,
        ..words("to all")
    };
    assert_eq!(content(&message), Some(Content::text("to all")));
}

#[test]
fn endless_texts_are_cut_at_a_character() {
    let long = "🦀".repeat(BODY_LEN_MAX / 4 + 3);
    let Some(Content::Text { body, .. }) = content(&words(&long)) else {
        panic!("a text")
    };
    assert_eq!(body.len(), BODY_LEN_MAX);
    assert!(body.chars().all(|c| c == '🦀'));
    let odd = format!("a{long}");
    let Some(Content::Text { body, .. }) = content(&words(&odd)) else {
        panic!("a text")
    };
    assert!(body.len() <= BODY_LEN_MAX && body.ends_with('🦀'));
}

#[test]
fn a_useless_pointer_leaves_the_message_but_no_pointer() {
    let image = |key: Vec<u8>| wa::Message {
        image_message: MessageField::some(wa::message::ImageMessage {
            direct_path: Some("/x".to_owned()),
            media_key: Some(key),
            file_sha256: Some(vec![1; 32]),
            file_enc_sha256: Some(vec![1; 32]),
            caption: Some("see".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    for (key, has_pointer) in [
        (vec![1; 32], true),
        (vec![1; 31], false),
        (Vec::new(), false),
    ] {
        let content = content(&image(key)).unwrap();
        assert_eq!(content.words(), Some("see"));
        assert_eq!(content.file().unwrap().pointer.is_some(), has_pointer);
    }
}

#[test]
fn history_knows_who_wrote_what() {
    let own = Address::phone("971500000001");
    let web = |from_me: bool, participant: Option<&str>| wa::WebMessageInfo {
        key: MessageField::some(wa::MessageKey {
            id: Some("H1".to_owned()),
            from_me: Some(from_me),
            participant: participant.map(str::to_owned),
            ..Default::default()
        }),
        message: MessageField::some(words("long ago")),
        message_timestamp: Some(1_600_000_000),
        ..Default::default()
    };
    let sender =
        |chat: &str, web: &wa::WebMessageInfo| history(chat, web, &own, Timestamp(9)).unwrap();
    let theirs = sender("971500000002@s.whatsapp.net", &web(false, None));
    assert_eq!(
        (theirs.sender, theirs.origin),
        (Address::phone("971500000002"), Origin::History)
    );
    assert_eq!(theirs.sent_at, Timestamp(1_600_000_000_000));
    assert_eq!(
        sender("971500000002@s.whatsapp.net", &web(true, None)).sender,
        own
    );
    let grouped = sender("120363000000000001@g.us", &web(false, Some("5@lid")));
    assert_eq!(grouped.sender, Address::lid("5"));
    let nameless = wa::WebMessageInfo {
        key: MessageField::some(wa::MessageKey::default()),
        ..web(false, None)
    };
    assert!(history("5@lid", &nameless, &own, Timestamp(9)).is_none());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(raw in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = content_of_raw(&raw);
        let _ = kinds::name(&raw);
    }

    #[test]
    fn damaged_messages_never_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut_at in any::<prop::sample::Index>(),
    ) {
        let inner = wa::Message {
            document_message: MessageField::some(wa::message::DocumentMessage {
                direct_path: Some("/x".to_owned()),
                media_key: Some(vec![1; 32]),
                file_sha256: Some(vec![1; 32]),
                file_enc_sha256: Some(vec![1; 32]),
                file_name: Some("../../etc/passwd".to_owned()),
                context_info: MessageField::some(wa::ContextInfo {
                    stanza_id: Some("Q".to_owned()),
                    participant: Some("1:2@lid".to_owned()),
                    mentioned_jid: vec!["1@lid".to_owned(), "no address".to_owned()],
                    quoted_message: MessageField::some(words("q")),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        };
        let message = wa::Message { document_with_caption_message: wrapped(inner), ..Default::default() };
        let mut raw = waproto::codec::message_to_vec(&message);
        let at = at.index(raw.len());
        raw[at] = byte;
        raw.truncate(cut_at.index(raw.len()) + 1);
        if let Some(content) = content_of_raw(&raw) {
            prop_assert!(content.words().is_none_or(|words| words.len() <= BODY_LEN_MAX));
        }
    }
}
