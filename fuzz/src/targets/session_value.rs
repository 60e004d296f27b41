//! Stored session values: what was read is written so that it reads the same again.

pub(crate) fn run(data: &[u8]) {
    for (first, second) in waypost_wa::fuzzing::session_values(data) {
        assert_eq!(Some(&first), second.as_ref());
    }
}
