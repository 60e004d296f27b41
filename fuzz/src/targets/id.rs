//! Ids as the API shows and takes them.

use std::fmt::Display;
use std::str::FromStr;
use waypost_engine::model::{
    AccountId, ApiKeyId, BlobId, ContactId, ConversationId, DeadLetterId, EndpointId, EventId,
    MessageId, PersonId, RuleId, WorkspaceId,
};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let kinds = [
        kind::<WorkspaceId>,
        kind::<AccountId>,
        kind::<ContactId>,
        kind::<ConversationId>,
        kind::<MessageId>,
        kind::<EventId>,
        kind::<EndpointId>,
        kind::<RuleId>,
        kind::<ApiKeyId>,
        kind::<PersonId>,
        kind::<DeadLetterId>,
        kind::<BlobId>,
    ];
    let read: Vec<String> = kinds.iter().filter_map(|as_kind| as_kind(text)).collect();
    assert!(read.len() <= 1, "one text, several kinds of id: {read:?}");
    if let Some(shown) = read.first() {
        let digits = |text: &str| text.split_once('_').map(|(prefix, _)| prefix.to_owned());
        assert_eq!(digits(shown), digits(text), "the prefix says what it is");
        assert_eq!(shown.len(), text.len());
    }
}

/// How it is shown when it is an id of this kind; shown, it reads the same again.
fn kind<T>(text: &str) -> Option<String>
where
    T: FromStr + Display + PartialEq,
{
    let id = text.parse::<T>().ok()?;
    let shown = id.to_string();
    let again = shown.parse::<T>().ok();
    assert!(
        again == Some(id),
        "{text:?} is shown as {shown:?}, which is another id"
    );
    Some(shown)
}
