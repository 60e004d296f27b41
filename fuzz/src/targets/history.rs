//! A message of a history sync. An input is the chat's name, a line feed, and the protobuf.

use super::address::readable;
use super::{content, limits};
use waypost_engine::model::{Address, Origin};
use waypost_wa::fuzzing;
use waypost_wa::normalise::content_of_raw;

pub(crate) fn run(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (Some(chat), Some(message)) = (parts.next(), parts.next()) else {
        return;
    };
    let own = Address::lid("100000000000001");
    let chat = String::from_utf8_lossy(chat);
    let Some(inbound) = fuzzing::history(&chat, message, &own) else {
        return;
    };
    limits::wire_id(&inbound.wire_id);
    limits::within(&inbound.content);
    limits::name(inbound.push_name.as_deref().unwrap_or_default());
    content::kept(&inbound.content);
    // The database keeps them as text, and gives up on a row whose text is no address.
    readable(&inbound.chat);
    readable(&inbound.sender);
    assert_eq!(inbound.origin, Origin::History, "nobody answers the past");
    if inbound.from_me {
        assert_eq!((inbound.sender, inbound.push_name), (own, None));
    }
    assert_eq!(
        content_of_raw(&inbound.raw),
        Some(inbound.content),
        "what is kept raw says the same"
    );
}
