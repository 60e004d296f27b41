use super::*;
use crate::normalise::content_of_raw;
use proptest::prelude::*;

const ANA: &str = "100000000000002";

fn direct() -> Target {
    Target {
        chat: Address::lid(ANA),
        own: Address::lid("100000000000001"),
        author: None,
        pointer: None,
        secret: [7; 32],
        at: Timestamp(1_700_000_000_123),
    }
}

fn in_group(author: Author) -> Target {
    Target {
        chat: Address::group("120363000000000001"),
        author: Some(author),
        ..direct()
    }
}

fn decoded(content: &Content, target: &Target) -> wa::Message {
    waproto::codec::message_decode(&freeze(content, target).unwrap()).unwrap()
}

fn pointer() -> MediaPointer {
    MediaPointer {
        direct_path: "/v/t62/x?ccb=1".to_owned(),
        media_key: vec![1; 32],
        file_sha256: vec![2; 32],
        file_enc_sha256: vec![3; 32],
        file_length: 4_096,
    }
}

fn file(media: MediaKind) -> Media {
    let pictured = matches!(
        media,
        MediaKind::Image | MediaKind::Video | MediaKind::Sticker
    );
    let timed = matches!(
        media,
        MediaKind::Video | MediaKind::Voice | MediaKind::Audio
    );
    let captioned = matches!(
        media,
        MediaKind::Image | MediaKind::Video | MediaKind::Document
    );
    Media {
        media,
        mime: "x/y".to_owned(),
        caption: captioned.then(|| "look".to_owned()),
        file_name: (media == MediaKind::Document).then(|| "offer.pdf".to_owned()),
        seconds: timed.then_some(12),
        size: pictured.then_some((640, 480)),
        pointer: Some(pointer()),
        blob: None,
    }
}

#[test]
fn what_is_frozen_reads_as_it_was_meant() {
    let quote = Some(Quote {
        wire_id: "Q1".to_owned(),
        sender: Some(Address::lid(ANA)),
        text: Some("hi?".to_owned()),
    });
    let mentions = vec![
        Address::lid("100000000000003"),
        Address::phone("971500000004"),
    ];
    let mut contents = vec![
        Content::text("*hello* _you_"),
        Content::Text {
            body: "yes".to_owned(),
            quote: quote.clone(),
            mentions: mentions.clone(),
        },
        Content::Reaction {
            target: "T1".to_owned(),
            emoji: "👍🏽".to_owned(),
        },
        Content::Reaction {
            target: "T1".to_owned(),
            emoji: String::new(),
        },
        Content::Revoke {
            target: "T1".to_owned(),
        },
        Content::Edit {
            target: "T1".to_owned(),
            body: "better".to_owned(),
        },
    ];
    for media in [
        MediaKind::Image,
        MediaKind::Video,
        MediaKind::Voice,
        MediaKind::Audio,
        MediaKind::Document,
        MediaKind::Sticker,
    ] {
        contents.push(Content::Media {
            file: file(media),
            quote: quote.clone(),
            mentions: mentions.clone(),
        });
    }
    for content in contents {
        let raw = freeze(&content, &direct()).unwrap();
        assert_eq!(content_of_raw(&raw), Some(content));
    }
}

#[test]
fn the_same_decision_always_gives_the_same_bytes() {
    let content = Content::Media {
        file: file(MediaKind::Image),
        quote: None,
        mentions: Vec::new(),
    };
    assert_eq!(freeze(&content, &direct()), freeze(&content, &direct()));
    let other = Target {
        secret: [8; 32],
        ..direct()
    };
    assert_ne!(freeze(&content, &direct()), freeze(&content, &other));
}

#[test]
fn every_message_that_can_be_referred_to_carries_its_secret() {
    for content in [
        Content::text("hi"),
        Content::Media {
            file: file(MediaKind::Voice),
            quote: None,
            mentions: Vec::new(),
        },
    ] {
        let message = decoded(&content, &direct());
        let info = message.message_context_info.as_option().unwrap();
        assert_eq!(info.message_secret.as_deref(), Some(&[7u8; 32][..]));
    }
}

#[test]
fn a_reaction_names_whose_message_it_is_about() {
    let content = Content::Reaction {
        target: "T1".to_owned(),
        emoji: "❤️".to_owned(),
    };
    let key = |target: &Target| {
        decoded(&content, target)
            .reaction_message
            .as_option()
            .unwrap()
            .key
            .as_option()
            .unwrap()
            .clone()
    };
    let theirs = key(&in_group(Author::Other(Address::lid(ANA))));
    assert_eq!(
        (theirs.from_me, theirs.participant.as_deref()),
        (Some(false), Some("100000000000002@lid"))
    );
    let ours = key(&in_group(Author::Own));
    assert_eq!((ours.from_me, ours.participant), (Some(true), None));
    let direct = key(&Target {
        author: Some(Author::Other(Address::lid(ANA))),
        ..direct()
    });
    assert_eq!((direct.from_me, direct.participant), (Some(false), None));
    let unknown = Target {
        author: None,
        ..in_group(Author::Own)
    };
    assert_eq!(freeze(&content, &unknown), Err(FreezeError::NeedsAuthor));
}

#[test]
fn what_cannot_be_sent_says_why() {
    let check = |content: Content, target: Target, expect: FreezeError| {
        assert_eq!(freeze(&content, &target), Err(expect))
    };
    let ana = Author::Other(Address::lid(ANA));
    check(Content::text(""), direct(), FreezeError::Empty);
    check(
        Content::text("x".repeat(TEXT_CHARS_MAX + 1)),
        direct(),
        FreezeError::TooLong(TEXT_CHARS_MAX + 1),
    );
    check(
        Content::Placeholder,
        direct(),
        FreezeError::Unsupported("placeholder".to_owned()),
    );
    let edit = Content::Edit {
        target: "T".to_owned(),
        body: "x".to_owned(),
    };
    check(
        edit,
        Target {
            author: Some(ana.clone()),
            ..direct()
        },
        FreezeError::NotOwn,
    );
    let revoke = Content::Revoke {
        target: "T".to_owned(),
    };
    check(
        revoke,
        Target {
            author: Some(ana),
            ..direct()
        },
        FreezeError::NotInGroup,
    );
    let bare = Media {
        pointer: None,
        ..file(MediaKind::Image)
    };
    let content = Content::Media {
        file: bare,
        quote: None,
        mentions: Vec::new(),
    };
    check(content.clone(), direct(), FreezeError::NeedsUpload);
    assert!(
        freeze(
            &content,
            &Target {
                pointer: Some(pointer()),
                ..direct()
            }
        )
        .is_ok()
    );
}

proptest! {
    #[test]
    fn any_text_arrives_as_it_was_written(body in ".{1,400}") {
        let raw = freeze(&Content::text(body.clone()), &direct()).unwrap();
        prop_assert_eq!(content_of_raw(&raw), Some(Content::text(body)));
    }
}
