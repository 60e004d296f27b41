//! What outsiders' bytes reach inside this room, opened for the fuzzing program and for nobody else.

use crate::{clock, normalise, storage};
use std::num::NonZeroUsize;
use wacore::framing::FrameDecoder;
use wacore_binary::OwnedNodeRef;
use wacore_binary::marshal::marshal_ref;
use wacore_binary::util::unpack_bytes;
use waypost_engine::model::{Address, Inbound};

/// One message of a history sync: the chat as it is named there, and an encoded `WebMessageInfo`.
/// `None` when it is no such protobuf, or says nothing to people.
#[must_use]
pub fn history(chat: &str, web_message: &[u8], own: &Address) -> Option<Inbound> {
    let web = waproto::codec::web_message_info_decode(web_message).ok()?;
    normalise::history(chat, &web, own, clock::now())
}

/// Reads a stored session value in each of the compact layouts. For every layout that takes it: what
/// is written for what was read, and what is written for that once it was read again.
#[must_use]
pub fn session_values(value: &[u8]) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    storage::rewritings()
        .into_iter()
        .filter_map(|rewrite| {
            let first = rewrite(value)?;
            let second = rewrite(&first);
            Some((first, second))
        })
        .collect()
}

/// What came over a socket, in pieces of a length, read as the protocol library does once a frame is
/// decrypted: for every frame its stanza written anew, `None` when it is none.
#[must_use]
pub fn stanzas(stream: &[u8], piece: NonZeroUsize) -> Vec<Option<Vec<u8>>> {
    let mut decoder = FrameDecoder::new();
    let mut stanzas = Vec::new();
    for piece in stream.chunks(piece.get()) {
        decoder.feed(piece);
        while let Some(frame) = decoder.decode_frame() {
            let read = unpack_bytes(frame).and_then(OwnedNodeRef::new);
            stanzas.push(read.and_then(|node| marshal_ref(node.get())).ok());
        }
    }
    stanzas
}
