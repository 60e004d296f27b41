//! A message we send, from its content to the bytes and back. An input is content as JSON, or a
//! protobuf that is passed on.

use super::limits;
use std::sync::LazyLock;
use waypost_engine::model::{Address, Content, MediaKind, Timestamp};
use waypost_wa::normalise::content_of_raw;
use waypost_wa::{Author, FreezeError, Target, freeze};

static TARGETS: LazyLock<Vec<Target>> = LazyLock::new(|| {
    let chats = [
        Address::lid("100000000000002"),
        Address::group("120363000000000001"),
    ];
    let other = Author::Other(Address::lid("100000000000003"));
    let authors = [None, Some(Author::Own), Some(other)];
    let target = |chat: &Address, author: &Option<Author>| Target {
        chat: chat.clone(),
        own: Address::lid("100000000000001"),
        author: author.clone(),
        pointer: None,
        secret: [7; 32],
        at: Timestamp(1_700_000_000_123),
    };
    let all = chats
        .iter()
        .flat_map(|chat| authors.iter().map(move |author| target(chat, author)));
    all.collect()
});

pub(crate) fn run(data: &[u8]) {
    let content = serde_json::from_slice(data)
        .ok()
        .or_else(|| content_of_raw(data));
    let Some(content): Option<Content> = content else {
        return;
    };
    for target in TARGETS.iter() {
        match freeze(&content, target) {
            Ok(frozen) => reads_as_meant(&content, target, &frozen),
            Err(error) => refused(&content, &error),
        }
    }
}

fn refused(content: &Content, error: &FreezeError) {
    assert!(!error.to_string().is_empty());
    if matches!(error, FreezeError::Unsupported(_)) {
        assert!(matches!(
            content,
            Content::Placeholder | Content::Unsupported { .. }
        ));
    }
}

fn reads_as_meant(content: &Content, target: &Target, frozen: &[u8]) {
    assert_eq!(
        freeze(content, target).as_deref(),
        Ok(frozen),
        "every attempt sends the same bytes"
    );
    // Ids beyond the limits are ours to make, and we make none.
    if about(content).is_some_and(|id| id.is_empty() || id.len() > 256) {
        return;
    }
    let Some(read) = content_of_raw(frozen) else {
        panic!("{content:?} says nothing to whoever gets it")
    };
    limits::within(&read);
    assert_eq!(read.kind(), content.kind());
    assert_eq!(about(&read), about(content));
    if says_words(content) {
        assert_eq!(read.words(), content.words());
    }
    let mentions = limits::mentions_of(content);
    let kept = &mentions[..mentions.len().min(limits::mentions_of(&read).len())];
    assert_eq!(limits::mentions_of(&read), kept);
    if mentions.len() <= waypost_engine::model::content::MENTIONS_MAX {
        assert_eq!(kept.len(), mentions.len());
    }
}

/// The message that this one changes.
fn about(content: &Content) -> Option<&str> {
    match content {
        Content::Reaction { target, .. }
        | Content::Edit { target, .. }
        | Content::Revoke { target } => Some(target),
        _ => None,
    }
}

/// WhatsApp knows no text under sounds and stickers.
fn says_words(content: &Content) -> bool {
    let silent = [MediaKind::Voice, MediaKind::Audio, MediaKind::Sticker];
    content
        .file()
        .is_none_or(|file| !silent.contains(&file.media))
}
