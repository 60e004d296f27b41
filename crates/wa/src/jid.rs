//! Between the engine's addresses and the library's.

use wacore_binary::Jid;
use waypost_engine::model::Address;

/// The address of a person, group or anything else, without its device.
pub(crate) fn address(jid: &Jid) -> Address {
    address_of_text(&jid.to_string())
}

/// The same from its text. What cannot be read is kept as it is written.
pub(crate) fn address_of_text(text: &str) -> Address {
    text.parse().unwrap_or_else(|_| {
        Address::Other(
            text.chars()
                .take(ADDRESS_CHARS_MAX)
                .collect::<String>()
                .into(),
        )
    })
}

/// Longest unreadable address kept, in characters.
const ADDRESS_CHARS_MAX: usize = 64;

/// The library's form; `None` when it has none.
pub(crate) fn jid(address: &Address) -> Option<Jid> {
    address.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_left_out_and_the_rest_survives() {
        for (text, expect) in [
            (
                "971500000001:12@s.whatsapp.net",
                Address::phone("971500000001"),
            ),
            ("100000000000001:3@lid", Address::lid("100000000000001")),
            (
                "120363021033254949@g.us",
                Address::group("120363021033254949"),
            ),
            (
                "status@broadcast",
                Address::Other("status@broadcast".into()),
            ),
        ] {
            let parsed: Jid = text.parse().unwrap();
            assert_eq!(address(&parsed), expect);
            assert_eq!(address(&jid(&expect).unwrap()), expect);
        }
    }
}
