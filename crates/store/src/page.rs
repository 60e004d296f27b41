//! Reading long lists a page at a time.

use crate::error::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Most items on one page; more are asked for are cut to this.
pub const PAGE_MAX: u16 = 200;
/// Items on a page when nobody says.
pub const PAGE_DEFAULT: u16 = 50;

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Items wanted, at most [`PAGE_MAX`].
    pub limit: u16,
    /// [`Paged::next`] of the page before; `None` for the first page.
    pub cursor: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: PAGE_DEFAULT,
            cursor: None,
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last page. Opaque.
    pub next: Option<String>,
}

impl Page {
    /// The first page with this many items.
    #[must_use]
    pub fn first(limit: u16) -> Self {
        Self {
            limit,
            cursor: None,
        }
    }

    /// How many rows to fetch: one more than shown, which tells whether there is a next page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.shown()) + 1
    }

    fn shown(&self) -> u16 {
        self.limit.clamp(1, PAGE_MAX)
    }

    /// The key that the page starts after: the `N` integers given to [`Self::cut`].
    pub(crate) fn after<const N: usize>(&self) -> Result<Option<[i64; N]>, StoreError> {
        let Some(text) = &self.cursor else {
            return Ok(None);
        };
        let unreadable =
            || StoreError::invalid("the cursor is not one of this list; start without it");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| unreadable())?;
        let (parts, rest) = bytes.as_chunks::<8>();
        if parts.len() != N || !rest.is_empty() {
            return Err(unreadable());
        }
        let mut key = [0; N];
        for (number, part) in key.iter_mut().zip(parts) {
            *number = i64::from_be_bytes(*part);
        }
        Ok(Some(key))
    }

    /// Makes the page out of [`Self::fetch`] rows; `key` names the place of an item.
    pub(crate) fn cut<T, const N: usize>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> [i64; N],
    ) -> Paged<T> {
        let more = items.len() > usize::from(self.shown());
        items.truncate(usize::from(self.shown()));
        let next = items
            .last()
            .filter(|_| more)
            .map(|item| URL_SAFE_NO_PAD.encode(key(item).map(i64::to_be_bytes).concat()));
        Paged { items, next }
    }
}
