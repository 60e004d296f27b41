//! Content as the database keeps it: JSON.

use super::{address, limits};
use waypost_engine::model::Content;

pub(crate) fn run(data: &[u8]) {
    if let Ok(content) = serde_json::from_slice::<Content>(data) {
        kept(&content);
        limits::mentions_of(&content)
            .iter()
            .for_each(address::readable);
        assert!(!content.kind().is_empty());
        assert_eq!(
            content.file().is_some(),
            matches!(content, Content::Media { .. })
        );
    }
}

/// What is kept as JSON reads the same again.
pub(super) fn kept(content: &Content) {
    let text = match serde_json::to_string(content) {
        Ok(text) => text,
        Err(error) => panic!("{content:?} cannot be kept: {error}"),
    };
    match serde_json::from_str::<Content>(&text) {
        Ok(again) => assert_eq!(again, *content),
        Err(error) => panic!("{text} was kept and cannot be read: {error}"),
    }
}
