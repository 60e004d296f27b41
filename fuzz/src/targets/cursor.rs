//! Cursors as clients hand them back: into the event log, and into lists.

use waypost_store::{Cursor, StoreError, fuzzing};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match text.parse::<Cursor>() {
        Ok(cursor) => {
            assert!(cursor.position >= 0, "{cursor:?} is before the log");
            let again = cursor.to_string().parse::<Cursor>();
            assert!(again == Ok(cursor), "{text:?} does not read back");
        }
        Err(error) => assert!(matches!(error, StoreError::Resync { .. }), "{error}"),
    }
    let keys = fuzzing::page_cursor(text);
    assert!(keys.len() <= 1, "one cursor, several lists: {keys:?}");
}
