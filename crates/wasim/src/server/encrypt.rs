//! The key server: uploads, counts, digests and key requests; and the phone's first gift, the
//! app-state key.

use crate::clock::unix_seconds;
use crate::error::{Result, SimError};
use crate::keys::{self, KeyBundle, OneTimeKey};
use crate::lock::Locked;
use crate::mailbox::{Class, OWN_LANE};
use crate::sending;
use crate::server::session::{Session, welcome};
use crate::stanza::{children, first_child, iq_result, jid_attr};
use crate::world::World;
use std::sync::Arc;
use wa::message::protocol_message::Type;
use wa::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId,
    AppStateSyncKeyShare, ProtocolMessage,
};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

/// Devices whose keys one request may ask for.
const MAX_KEYS_PER_REQUEST: usize = 1_000;

/// Answers a request of the `encrypt` namespace.
pub(crate) async fn answer(session: &Arc<Session>, iq: &Node, tag: &str) -> Result<()> {
    let keys = &session.companion.keys;
    let content = match tag {
        "count" => {
            let count = keys.locked().one_time.len() as u32;
            vec![NodeBuilder::new("count").attr("value", count).build()]
        }
        "digest" => vec![keys.locked().digest()],
        "key" => vec![requested_keys(&session.world, iq).await?],
        "rotate" => {
            let holder = first_child(iq).ok_or_else(|| SimError::protocol("empty rotate"))?;
            keys.locked().rotate(holder)?;
            Vec::new()
        }
        _ if crate::stanza::child(iq, "list").is_some() => {
            keys.locked().upload(iq)?;
            session.conn.answer(iq_result(iq, Vec::new())).await;
            return welcome(session).await;
        }
        _ => Vec::new(),
    };
    session.conn.answer(iq_result(iq, content)).await;
    Ok(())
}

async fn requested_keys(world: &World, iq: &Node) -> Result<Node> {
    let asked = first_child(iq).map(children).unwrap_or_default();
    if asked.len() > MAX_KEYS_PER_REQUEST {
        return Err(SimError::protocol(
            "keys of too many devices asked for at once",
        ));
    }
    let mut users = Vec::with_capacity(asked.len());
    for user in asked {
        let jid = jid_attr(user, "jid")
            .ok_or_else(|| SimError::protocol("a key request without an address"))?;
        let known = keys_of(world, &jid).await?;
        users.push(match known {
            Some((bundle, one_time, adv)) => {
                keys::bundle_node(&jid, &bundle, one_time.as_ref(), adv)
            }
            None => NodeBuilder::new("user")
                .attr("jid", jid)
                .children([NodeBuilder::new("error")
                    .attr("code", "404")
                    .attr("text", "item-not-found")
                    .build()])
                .build(),
        });
    }
    Ok(NodeBuilder::new("list").children(users).build())
}

type Known = (KeyBundle, Option<OneTimeKey>, Option<Vec<u8>>);

async fn keys_of(world: &World, jid: &Jid) -> Result<Option<Known>> {
    let Some(person) = world.person_at(jid) else {
        return Ok(None);
    };
    if jid.device == 0 {
        let mut device = person.live(world.config.seed)?.device.lock().await;
        let (bundle, one_time) = device.bundle();
        return Ok(Some((bundle, Some(one_time), None)));
    }
    Ok(person.companion(jid.device).map(|companion| {
        let (bundle, one_time) = companion.keys.locked().take();
        (bundle, one_time, Some(companion.adv.clone()))
    }))
}

/// The phone shares the key under which app state is encrypted.
pub(crate) async fn share_sync_key(session: &Session) -> Result<()> {
    let account = session.account.account()?;
    let key = AppStateSyncKey {
        key_id: MessageField::some(AppStateSyncKeyId {
            key_id: Some(account.sync_key_id.to_vec()),
        }),
        key_data: MessageField::some(AppStateSyncKeyData {
            key_data: Some(account.sync_key.to_vec()),
            timestamp: Some(unix_seconds() as i64 * 1000),
            fingerprint: MessageField::some(AppStateSyncKeyFingerprint {
                raw_id: Some(super::linking::RAW_ID),
                current_index: Some(0),
                device_indexes: (0..=u32::from(session.companion.device)).collect(),
            }),
        }),
    };
    let share = AppStateSyncKeyShare { keys: vec![key] };
    let protocol = ProtocolMessage {
        r#type: Some(Type::APP_STATE_SYNC_KEY_SHARE),
        app_state_sync_key_share: MessageField::some(share),
        ..Default::default()
    };
    let message = wa::Message {
        protocol_message: MessageField::some(protocol),
        ..Default::default()
    };
    sending::to_own_device(
        &session.world,
        &session.account,
        &session.companion,
        &message,
    )
    .await?;
    // Told by the phone's data changing, so that the client fetches what it could not read before.
    let id = format!("s{}", session.world.number());
    let collections = ["critical_block"].map(|name| {
        NodeBuilder::new("collection")
            .attr("name", name)
            .attr("version", "1")
            .build()
    });
    let notification = NodeBuilder::new("notification")
        .attr("type", "server_sync")
        .attr("from", crate::stanza::server_jid())
        .attr("id", id.clone())
        .attr("t", unix_seconds())
        .children(collections)
        .build();
    super::session::push(
        &session.world,
        &session.companion,
        Class::Notification,
        &id,
        OWN_LANE,
        notification,
    )
}
