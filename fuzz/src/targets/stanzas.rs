//! What comes over the socket, behind the encryption: however it is cut, the same stanzas arrive. The first
//! two bytes say how long the pieces are; the rest is the stream.

use std::num::NonZeroUsize;
use waypost_wa::fuzzing::stanzas;

pub(crate) fn run(data: &[u8]) {
    let Some((&[a, b], stream)) = data.split_first_chunk::<2>() else {
        return;
    };
    let piece = NonZeroUsize::MIN.saturating_add(u16::from_be_bytes([a, b]).into());
    let whole = stanzas(stream, NonZeroUsize::MAX);
    assert_eq!(whole, stanzas(stream, piece), "in pieces of {piece}");
}
