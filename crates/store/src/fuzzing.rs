//! What outsiders' bytes reach inside this room, opened for the fuzzing program and for nobody else.

use crate::config::MasterKey;
use crate::page::Page;
use crate::seal::{Kind, Sealer};
use waypost_engine::model::AccountId;

pub use crate::sql::WordIndex;

/// The numbers in a page's cursor, for lists ordered by one, two or three of them.
#[must_use]
pub fn page_cursor(text: &str) -> Vec<Vec<i64>> {
    let page = Page {
        cursor: Some(text.to_owned()),
        ..Page::default()
    };
    let one = page.after::<1>().ok().flatten().map(Vec::from);
    let two = page.after::<2>().ok().flatten().map(Vec::from);
    let three = page.after::<3>().ok().flatten().map(Vec::from);
    [one, two, three].into_iter().flatten().collect()
}

/// Whether somebody without the key can make a value that opens.
pub struct Forger(Sealer);

impl std::fmt::Debug for Forger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forger")
    }
}

/// Whose values are forged.
const ACCOUNT: AccountId = AccountId::from_raw(1);

impl Forger {
    /// With keys that nobody knows.
    ///
    /// # Errors
    /// When keys cannot be made.
    pub fn new() -> Result<Self, crate::StoreError> {
        let sealer = Sealer::new(&MasterKey::new(crate::chance::bytes()));
        sealer.install(&sealer.new_key(ACCOUNT.into())?)?;
        Ok(Self(sealer))
    }

    /// What `sealed` opens to as any kind of value, under `key`.
    #[must_use]
    pub fn open(&self, key: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let kinds = [Kind::SessionValue, Kind::RawMessage, Kind::Frozen];
        kinds
            .into_iter()
            .find_map(|kind| self.0.open(ACCOUNT, kind, key, sealed).ok())
    }

    /// Seals a value.
    ///
    /// # Errors
    /// When it is too large.
    pub fn seal(&self, key: &[u8], plain: &[u8]) -> Result<Vec<u8>, crate::StoreError> {
        self.0.seal(ACCOUNT, Kind::Frozen, key, plain)
    }
}
