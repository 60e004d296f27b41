//! What the file of a message says, for rules that look into files.
//!
//! The one place that decides whose files count: a message on its way and one that is read again are read with
//! the same words.

use std::sync::Arc;
use waypost_engine::flow::reply::wants_files;
use waypost_engine::model::{AccountId, Address, Content, MessageId, Origin, Rule};
use waypost_store::admin::conversations::MessageView;
use waypost_store::readings::{ReadingKind, ReadingState};
use waypost_store::{Store, StoreError, Work};

/// Characters of a file that rules look at; the reading keeps all.
const CHARS_MAX: usize = 4_000;

/// A message with a file of which something can be read, and that rules may answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filed<'m> {
    message: MessageId,
    account: AccountId,
    chat: &'m Address,
}

/// What the file of a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileSays {
    /// This; nothing, when it has no words or no rule asks.
    This(Option<Arc<str>>),
    /// Nobody knows yet: it was not read so far.
    NotRead,
}

impl<'m> Filed<'m> {
    /// A message that is worked on, if it has such a file.
    pub(crate) fn work(work: &'m Work) -> Option<Self> {
        is_readable(&work.content, work.origin).then_some(Self {
            message: work.message,
            account: work.account,
            chat: &work.chat,
        })
    }

    /// A stored message, if it has such a file.
    pub(crate) fn stored(message: &'m MessageView) -> Option<Self> {
        is_readable(&message.content, message.origin).then_some(Self {
            message: message.id,
            account: message.account,
            chat: &message.chat,
        })
    }

    /// What its file says, if one of these rules wants to know.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn says(self, rules: &[Rule], store: &Store) -> Result<FileSays, StoreError> {
        if !wants_files(rules, self.account, self.chat) {
            return Ok(FileSays::This(None));
        }
        let found = store.file_reading(self.message).await?;
        let Some(found) = found.filter(|found| found.state != ReadingState::Pending) else {
            return Ok(FileSays::NotRead);
        };
        let words: String = found.found.text.chars().take(CHARS_MAX).collect();
        let words = words.trim();
        Ok(FileSays::This((!words.is_empty()).then(|| words.into())))
    }
}

fn is_readable(content: &Content, origin: Origin) -> bool {
    let Content::Media { file, .. } = content else {
        return false;
    };
    ReadingKind::of(file.media).is_some() && origin.may_act()
}
