//! Between the engine's addresses and the library's.

use wacore_binary::Jid;
use waypost_engine::model::Address;

/// The address of a person, group or anything else, without its device.
pub(crate) fn address(jid: &Jid) -> Address {
    address_of_text(&jid.to_string())
}

/// The same from its text. What is no address becomes one of nobody: the store keeps addresses as
/// text, and one that it could not read again would take the whole list it stands in with it.
pub(crate) fn address_of_text(text: &str) -> Address {
    text.parse().unwrap_or_else(|_| nobody(text))
}

/// Most of an unreadable address that is kept, in bytes.
const UNREADABLE_KEPT_MAX: usize = 64;
/// Where unreadable addresses are; no server of WhatsApp's.
const UNREADABLE: &str = "@unreadable";

/// An address that can be read and leads nowhere, with what is legible of the text.
fn nobody(text: &str) -> Address {
    let legible = |c: &char| !c.is_control() && !c.is_whitespace() && !"@:".contains(*c);
    let kept: String = text
        .chars()
        .take(UNREADABLE_KEPT_MAX)
        .filter(legible)
        .collect();
    let kept = &kept[..kept.floor_char_boundary(UNREADABLE_KEPT_MAX)];
    let user = if kept.is_empty() { "nobody" } else { kept };
    Address::Other(format!("{user}{UNREADABLE}").into())
}

/// The library's form; `None` when it has none.
pub(crate) fn jid(address: &Address) -> Option<Jid> {
    address.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_can_still_be_kept_and_read_again() {
        let (long, cut) = ("ش".repeat(200), format!("{}@unreadable", "ش".repeat(32)));
        for (text, kept) in [
            ("s.whatsapp.net", "s.whatsapp.net@unreadable"),
            ("a b\n@lid", "ablid@unreadable"),
            ("@lid", "lid@unreadable"),
            ("", "nobody@unreadable"),
            (long.as_str(), cut.as_str()),
        ] {
            let address = address_of_text(text);
            assert_eq!(address, Address::Other(kept.into()));
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

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
