//! Addresses as WhatsApp, the API and the database write them.

use waypost_engine::model::Address;
use waypost_engine::model::address::ADDRESS_LEN_MAX;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match text.parse::<Address>() {
        Ok(address) => readable(&address),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What was read once is shown within the limit and reads the same again: the database keeps it as
/// text.
pub(super) fn readable(address: &Address) {
    let shown = address.to_string();
    assert!(shown.len() <= ADDRESS_LEN_MAX, "{} bytes", shown.len());
    assert!(
        !shown.chars().any(|c| c.is_control() || c.is_whitespace()),
        "{shown:?}"
    );
    assert!(!(address.is_person() && address.is_group()), "{shown}");
    assert_eq!(shown.parse().as_ref(), Ok(address), "{shown:?}");
}
