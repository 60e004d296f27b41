//! Media that is gone from the host: the phone puts it there again when a linked device asks.

use crate::clock::unix_seconds;
use crate::error::{Result, SimError};
use crate::lock::Locked;
use crate::mailbox::{Class, OWN_LANE};
use crate::phone::phone_is_online;
use crate::server::session::{Session, push};
use crate::stanza::{attr, child, leaf};
use wa::media_retry_notification::ResultType;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

/// The protocol's code for "the phone does not have it either".
const NOT_FOUND: u32 = 2;
const KEY_INFO: &[u8] = b"WhatsApp Media Retry Notification";

/// Answers a `server-error` receipt, unless the phone is off: then nothing comes.
pub(crate) fn answer(session: &Session, receipt: &Node) -> Result<()> {
    if !phone_is_online(&session.world, &session.account) {
        return Ok(());
    }
    let id = attr(receipt, "id");
    let content = match found(session, &id)? {
        Some((key, path)) => sealed_path(session, &id, &key, path)?,
        None => NodeBuilder::new("error").attr("code", NOT_FOUND).build(),
    };
    let mut parts = vec![content];
    parts.extend(child(receipt, "rmr").cloned());
    let node = NodeBuilder::new("notification")
        .attr("type", "mediaretry")
        .attr("from", session.account.pn_jid())
        .attr("id", id.clone())
        .attr("t", unix_seconds())
        .children(parts)
        .build();
    push(
        &session.world,
        &session.companion,
        Class::Notification,
        &id,
        OWN_LANE,
        node,
    )
}

/// The media key and the new place of a message's file.
fn found(session: &Session, id: &str) -> Result<Option<(Vec<u8>, String)>> {
    let live = session.account.live(session.world.config.seed)?;
    let Some(known) = live.memory.locked().get(id) else {
        return Ok(None);
    };
    let Some((key, path)) = pointer(&known.message) else {
        return Ok(None);
    };
    Ok(session
        .world
        .media
        .put_again(&path)
        .map(|place| (key, place.direct_path)))
}

fn pointer(message: &wa::Message) -> Option<(Vec<u8>, String)> {
    let image = message
        .image_message
        .as_option()
        .map(|m| (&m.media_key, &m.direct_path));
    let video = message
        .video_message
        .as_option()
        .map(|m| (&m.media_key, &m.direct_path));
    let audio = message
        .audio_message
        .as_option()
        .map(|m| (&m.media_key, &m.direct_path));
    let document = message
        .document_message
        .as_option()
        .map(|m| (&m.media_key, &m.direct_path));
    let sticker = message
        .sticker_message
        .as_option()
        .map(|m| (&m.media_key, &m.direct_path));
    let (key, path) = image.or(video).or(audio).or(document).or(sticker)?;
    Some((key.clone()?, path.clone()?))
}

fn sealed_path(session: &Session, id: &str, media_key: &[u8], path: String) -> Result<Node> {
    let mut key = [0u8; 32];
    wacore::crypto::hkdf_sha256_into(media_key, None, KEY_INFO, &mut key)
        .map_err(SimError::protocol)?;
    let plain = wa::MediaRetryNotification {
        stanza_id: Some(id.to_owned()),
        direct_path: Some(path),
        result: Some(ResultType::SUCCESS),
        ..Default::default()
    }
    .encode_to_vec();
    let iv = session.world.random::<12>();
    let mut sealed = Vec::new();
    wacore_libsignal::crypto::aes_256_gcm_encrypt(&key, &iv, id.as_bytes(), &plain, &mut sealed)
        .map_err(SimError::signal)?;
    Ok(NodeBuilder::new("encrypt")
        .children([leaf("enc_p", sealed), leaf("enc_iv", iv)])
        .build())
}
