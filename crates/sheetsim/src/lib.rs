//! Google Sheets in a box: a stand-in of the Sheets API v4 and of Google's token address, on
//! loopback, for tests.
//!
//! Every request is checked against the discovery document that Google publishes
//! ([`discovery`]): path, method, parameters, and the body down to its last property. What does
//! not fit is refused as Google would, and remembered as a violation. The stand-in keeps the
//! cells ([`book`]), knows who may come in ([`token`]), and can be told to answer badly
//! ([`faults`]): too many requests, an error, late, or to commit and then cut the connection.
//!
//! It knows nothing of Waypost, so that it can judge it. Google's own Python client is run
//! against it in the tests.

pub mod a1;
pub mod book;
mod clock;
mod control;
pub mod discovery;
pub mod faults;
mod handle;
mod serve;
pub mod token;

pub use discovery::Discovery;
pub use faults::{Fault, When};
pub use serve::{Call, SheetSim};
