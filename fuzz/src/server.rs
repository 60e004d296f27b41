//! Parsers of the server, taken file by file: the server as a whole takes minutes to build with
//! counters, and these need nothing of the rest of it.

#[path = "../../crates/server/src/config/mod.rs"]
#[expect(
    dead_code,
    reason = "the whole settings file, of which only the reading is used here"
)]
pub(crate) mod config;

#[path = "../../crates/server/src/file_type.rs"]
pub(crate) mod file_type;

#[path = "../../crates/server/src/disposition.rs"]
pub(crate) mod disposition;

#[path = "../../crates/server/src/webhooks/destination.rs"]
pub(crate) mod destination;

#[path = "../../crates/server/src/webhooks/retry_after.rs"]
pub(crate) mod retry_after;
