//! The limits that `waypost-wa` promises for what comes from outsiders, said here once more: a limit
//! that is raised by mistake must be noticed.

use super::address::readable;
use waypost_engine::model::content::{BODY_LEN_MAX, MENTIONS_MAX, Media};
use waypost_engine::model::{Address, Content, Quote};

const NAME: usize = 1_024;
const EMOJI: usize = 64;
const ID: usize = 256;
const PATH: usize = 4_096;
const QUOTE: usize = 4_096;
/// `field_` and the largest field number, or the longest known name.
const KIND: usize = 64;
const KEY: usize = 32;

/// Everything in it is within its limits.
pub(super) fn within(content: &Content) {
    match content {
        Content::Text {
            body,
            quote,
            mentions,
        } => {
            at_most(body, BODY_LEN_MAX);
            context(quote.as_ref(), mentions);
        }
        Content::Media {
            file: media,
            quote,
            mentions,
        } => {
            file(media);
            context(quote.as_ref(), mentions);
        }
        Content::Reaction { target, emoji } => {
            wire_id(target);
            at_most(emoji, EMOJI);
        }
        Content::Edit { target, body } => {
            wire_id(target);
            at_most(body, BODY_LEN_MAX);
        }
        Content::Revoke { target } => wire_id(target),
        Content::Placeholder => panic!("a decrypted message is no placeholder"),
        Content::Unsupported { what } => {
            at_most(what, KIND);
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            assert!(!what.is_empty() && what.bytes().all(plain), "{what:?}");
        }
    }
}

/// An id that other messages can name.
pub(super) fn wire_id(id: &str) {
    assert!(!id.is_empty());
    at_most(id, ID);
}

/// A name of a person.
pub(super) fn name(name: &str) {
    at_most(name, NAME);
}

/// Whom it mentions.
pub(super) fn mentions_of(content: &Content) -> &[Address] {
    match content {
        Content::Text { mentions, .. } | Content::Media { mentions, .. } => mentions,
        _ => &[],
    }
}

fn context(quote: Option<&Quote>, mentions: &[Address]) {
    assert!(mentions.len() <= MENTIONS_MAX);
    mentions.iter().for_each(readable);
    if let Some(quote) = quote {
        wire_id(&quote.wire_id);
        quote.sender.iter().for_each(readable);
        at_most(quote.text.as_deref().unwrap_or_default(), QUOTE);
    }
}

fn file(file: &Media) {
    at_most(&file.mime, NAME);
    at_most(file.caption.as_deref().unwrap_or_default(), BODY_LEN_MAX);
    at_most(file.file_name.as_deref().unwrap_or_default(), NAME);
    assert_ne!(file.caption.as_deref(), Some(""));
    assert_ne!(file.file_name.as_deref(), Some(""));
    assert!(
        file.size
            .is_none_or(|(width, height)| width > 0 && height > 0)
    );
    assert_eq!(file.blob, None, "an outsider cannot name a file of ours");
    if let Some(pointer) = &file.pointer {
        at_most(&pointer.direct_path, PATH);
        assert!(!pointer.direct_path.is_empty());
        for key in [
            &pointer.media_key,
            &pointer.file_sha256,
            &pointer.file_enc_sha256,
        ] {
            assert_eq!(key.len(), KEY);
        }
    }
}

fn at_most(text: &str, limit: usize) {
    assert!(
        text.len() <= limit,
        "{} bytes where {limit} are allowed",
        text.len()
    );
}
