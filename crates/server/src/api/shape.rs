//! Shapes that several resources share.

use crate::clock::iso;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waypost_engine::model::{Address, Timestamp};
use waypost_store::Paged;

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    /// Give this as `cursor` to get the next page; null on the last one.
    pub(crate) next: Option<String>,
}

impl<T> List<T> {
    /// A page of the store with every item shown.
    pub(crate) fn of<S>(page: Paged<S>, show: impl FnMut(S) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(show).collect(),
            next: page.next,
        }
    }

    /// A list that is short enough to be given whole.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Most items wanted.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u16>,
    /// `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// A code for programs with a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Explained {
    /// A stable name.
    pub(crate) code: String,
    /// One sentence.
    pub(crate) text: String,
    /// Until when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(crate) until: Option<String>,
}

/// A time as shown, when there is one.
pub(crate) fn iso_or_null(at: Option<Timestamp>) -> Option<String> {
    at.map(iso)
}

/// A phone number as people write it (`+971...`); other addresses as they are.
pub(crate) fn shown(address: &Address) -> String {
    match address {
        Address::Phone(number) => format!("+{number}"),
        other => other.to_string(),
    }
}
