//! The words and numbers in which the model's nouns are stored.

use crate::db::Row;
use crate::error::StoreError;
use waypost_engine::model::account::Role;
use waypost_engine::model::{AccountState, Address, Direction, Origin, SendState};

/// An enum that is stored as a word.
pub(crate) trait Word: Copy + 'static {
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];
    /// What it is, for an error.
    const WHAT: &'static str;

    /// From the stored word.
    fn from_word(word: &str) -> Result<Self, StoreError> {
        let known = Self::WORDS.iter().find(|(_, w)| *w == word);
        known
            .map(|(value, _)| *value)
            .ok_or_else(|| StoreError::corrupt(format!("'{word}' is no {}", Self::WHAT)))
    }
}

/// Defines the words of an enum and its stored form.
macro_rules! words {
    ($kind:ty, $what:literal, { $($value:path => $word:literal),+ $(,)? }) => {
        impl $crate::sql::codec::Word for $kind {
            const WORDS: &'static [(Self, &'static str)] = &[$(($value, $word)),+];
            const WHAT: &'static str = $what;
        }
        impl $crate::sql::codec::ToWord for $kind {
            fn word(self) -> &'static str {
                match self { $($value => $word),+ }
            }
        }
    };
}
pub(crate) use words;

/// The stored word of a value.
pub(crate) trait ToWord: Copy {
    /// The word.
    fn word(self) -> &'static str;
}

words!(Origin, "origin", {
    Origin::Live => "live", Origin::Offline => "offline", Origin::History => "history",
    Origin::Backfill => "backfill", Origin::Own => "own", Origin::Repair => "repair", Origin::Sent => "sent",
});
words!(Direction, "direction", { Direction::In => "in", Direction::Out => "out" });
words!(SendState, "send state", {
    SendState::Accepted => "accepted", SendState::Server => "server",
    SendState::Delivered => "delivered", SendState::Read => "read",
    SendState::Failed => "failed", SendState::Held => "held",
});
words!(Role, "role", { Role::Primary => "primary", Role::Secondary => "secondary" });
words!(AccountState, "account state", {
    AccountState::New => "new", AccountState::Linking => "linking",
    AccountState::Connecting => "connecting", AccountState::Online => "online",
    AccountState::Degraded => "degraded", AccountState::Recovering => "recovering",
    AccountState::NeedsAttention => "needs_attention", AccountState::LoggedOut => "logged_out",
    AccountState::Banned => "banned", AccountState::Disabled => "disabled",
});
words!(crate::dead_letters::DeadLetterState, "dead letter state", {
    crate::dead_letters::DeadLetterState::Pending => "pending",
    crate::dead_letters::DeadLetterState::Retrying => "retrying",
    crate::dead_letters::DeadLetterState::Resolved => "resolved",
    crate::dead_letters::DeadLetterState::Archived => "archived",
    crate::dead_letters::DeadLetterState::ManualReview => "manual_review",
});

/// A stored word read from a column.
pub(crate) fn word_at<T: Word>(row: &Row<'_>, at: usize) -> Result<T, StoreError> {
    T::from_word(
        row.get_ref(at)?
            .as_str()
            .map_err(|e| StoreError::corrupt(e.to_string()))?,
    )
}

/// An address read from a column.
pub(crate) fn address_at(row: &Row<'_>, at: usize) -> Result<Address, StoreError> {
    let text = row
        .get_ref(at)?
        .as_str()
        .map_err(|e| StoreError::corrupt(e.to_string()))?;
    text.parse()
        .map_err(|_| StoreError::corrupt(format!("'{text}' is no address")))
}

/// An address or nothing, read from a column.
pub(crate) fn address_or_none_at(row: &Row<'_>, at: usize) -> Result<Option<Address>, StoreError> {
    match row.get_ref(at)? {
        crate::db::ValueRef::Null => Ok(None),
        _ => address_at(row, at).map(Some),
    }
}

/// JSON read from a column.
pub(crate) fn json_at<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    at: usize,
) -> Result<T, StoreError> {
    let text = row
        .get_ref(at)?
        .as_str()
        .map_err(|e| StoreError::corrupt(e.to_string()))?;
    Ok(serde_json::from_str(text)?)
}

/// As JSON, for storing.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::invalid(error.to_string()))
}

/// At most `max` characters of `text`.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    text.char_indices()
        .nth(max)
        .map_or(text, |(at, _)| &text[..at])
}

/// The rows of a query, each made by a function that may fail in our own ways.
pub(crate) fn collect<T>(
    mut rows: crate::db::Rows<'_>,
    make: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(make(&row)?);
    }
    Ok(all)
}

/// The first row of a query, if any.
pub(crate) fn first<T>(
    mut rows: crate::db::Rows<'_>,
    make: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    rows.next()?.map(|row| make(&row)).transpose()
}
