//! Cursors into the event log: opaque to whoever holds them.

use crate::error::{ResyncReason, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// cell (2 bytes), store epoch (8), position (8), and a version byte before them.
const LEN: usize = 19;
const VERSION: u8 = 1;

/// A place in one cell's event log, between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The cell whose log it is.
    pub cell: u16,
    /// The life of that cell's database; a restore begins a new one.
    pub epoch: i64,
    /// The last event already seen.
    pub position: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; LEN];
        bytes[0] = VERSION;
        bytes[1..3].copy_from_slice(&self.cell.to_be_bytes());
        bytes[3..11].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[11..].copy_from_slice(&self.position.to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl std::str::FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let unreadable = StoreError::Resync {
            why: ResyncReason::Unreadable,
        };
        let mut bytes = [0; LEN + 3];
        let Ok(LEN) = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) else {
            return Err(unreadable);
        };
        let number = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            i64::from_be_bytes(eight)
        };
        if bytes[0] != VERSION || number(11) < 0 {
            return Err(unreadable);
        }
        let cell = u16::from_be_bytes([bytes[1], bytes[2]]);
        Ok(Self {
            cell,
            epoch: number(3),
            position: number(11),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_as_it_was_given(cell: u16, epoch: i64, position in 0..i64::MAX) {
            let cursor = Cursor { cell, epoch, position };
            prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
        }

        #[test]
        fn anything_else_asks_for_a_resync(text in ".{0,60}") {
            if let Err(error) = text.parse::<Cursor>() {
                prop_assert_eq!(error, StoreError::Resync { why: ResyncReason::Unreadable });
            }
        }
    }
}
