//! The connector to Google Sheets.
//!
//! It knows Google's API and nothing of Waypost's store, people or messages: what becomes a row
//! is handed in, and what happened is handed back. Pure parts, with time handed in:
//!
//! - [`breaker`]: when to leave a spreadsheet alone for a while.
//! - [`cache`]: what was read a moment ago.
//! - [`quota`]: how many calls a minute Google allows; [`allowance`]: who is counted with whom.
//! - [`batch`]: rows that go into one call.
//! - [`mapping`]: an event as the cells of a row.
//! - [`a1`]: names of tabs, cells and ranges.
//!
//! And the parts that call: [`credentials`] and [`token`] (who we are), [`client`] (the API,
//! typed), [`connector`] (all of it together, for one set of credentials).

pub mod a1;
pub mod allowance;
pub mod batch;
pub mod breaker;
pub mod cache;
pub mod cell;
pub mod client;
mod clock;
pub mod connector;
pub mod credentials;
pub mod error;
pub mod mapping;
pub mod quota;
pub mod token;

pub use a1::{Range, SpreadsheetId};
pub use cell::{Cell, Row};
pub use client::{Client, Endpoints};
pub use connector::Connector;
pub use credentials::Credentials;
pub use error::{Error, Outcome};
pub use mapping::Mapping;
