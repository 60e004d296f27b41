//! What the server's settings speak of.

#[path = "../../crates/server/src/parts/choice.rs"]
#[expect(dead_code, reason = "settings are read here, nobody switches anything")]
pub(crate) mod choice;
