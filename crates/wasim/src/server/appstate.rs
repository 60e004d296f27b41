//! App state: named collections of signed, encrypted patches that an account's devices share.

use crate::clock::unix_seconds;
use crate::error::{Result, SimError};
use crate::lock::Locked;
use crate::mailbox::{Class, OWN_LANE};
use crate::person::{Account, Person};
use crate::server::session::{Session, push};
use crate::stanza::{attr, bytes, child, children, leaf, need, server_jid};
use std::collections::HashMap;
use wacore_appstate::hash::{HashState, generate_patch_mac};
use wacore_appstate::keys::expand_app_state_keys;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

/// Patches kept per collection; beyond it uploads are refused.
const MAX_PATCHES: usize = 10_000;
/// Patches in one answer; the client asks again for the rest.
const PATCHES_PER_ANSWER: usize = 50;
const PUSH_NAME_COLLECTION: &str = "critical_block";

/// An account's collections; version n is after the n-th patch.
#[derive(Default)]
pub(crate) struct Collections {
    patches: HashMap<String, Vec<Vec<u8>>>,
}

/// Answers `<sync><collection .../></sync>`: takes uploads and returns what the device lacks.
pub(crate) fn answer(session: &Session, iq: &Node) -> Result<Node> {
    let account = session.account.account()?;
    let mut changed = Vec::new();
    let mut results = Vec::new();
    for asked in children(need(iq, "sync")?) {
        let name = attr(asked, "name");
        seed_push_name(account, &session.account, &name)?;
        let mut collections = account.collections.locked();
        let patches = collections.patches.entry(name.clone()).or_default();
        let known: usize = attr(asked, "version").parse().unwrap_or_default();
        let result = match child(asked, "patch") {
            Some(_) if known != patches.len() => conflict(&name, known, patches),
            Some(upload) => {
                append(patches, &bytes(upload))?;
                changed.push((name.clone(), patches.len()));
                collection(&name, patches.len())
            }
            None => missing(&name, known, patches),
        };
        results.push(result);
    }
    for (name, version) in changed {
        announce(session, &name, version);
    }
    Ok(NodeBuilder::new("sync").children(results).build())
}

fn collection(name: &str, version: usize) -> Node {
    NodeBuilder::new("collection")
        .attr("name", name.to_owned())
        .attr("version", version as u32)
        .attr("has_more_patches", "false")
        .build()
}

fn missing(name: &str, known: usize, patches: &[Vec<u8>]) -> Node {
    with_patches(name, known, patches, None)
}

fn conflict(name: &str, known: usize, patches: &[Vec<u8>]) -> Node {
    let error = NodeBuilder::new("error")
        .attr("code", "409")
        .attr("text", "conflict")
        .build();
    with_patches(name, known, patches, Some(error))
}

fn with_patches(name: &str, known: usize, patches: &[Vec<u8>], error: Option<Node>) -> Node {
    let lacking = patches.get(known.min(patches.len())..).unwrap_or_default();
    let portion = &lacking[..lacking.len().min(PATCHES_PER_ANSWER)];
    let more = if portion.len() < lacking.len() {
        "true"
    } else {
        "false"
    };
    let mut node = NodeBuilder::new("collection")
        .attr("name", name.to_owned())
        .attr("version", (known + portion.len()) as u32)
        .attr("has_more_patches", more);
    if error.is_some() {
        node = node.attr("type", "error");
    }
    let mut parts: Vec<Node> = error.into_iter().collect();
    if !portion.is_empty() {
        let patches = portion.iter().map(|p| leaf("patch", p.clone()));
        parts.push(NodeBuilder::new("patches").children(patches).build());
    }
    if parts.is_empty() {
        node.build()
    } else {
        node.children(parts).build()
    }
}

fn append(patches: &mut Vec<Vec<u8>>, upload: &[u8]) -> Result<()> {
    if patches.len() >= MAX_PATCHES {
        return Err(SimError::protocol("a collection of app state is full"));
    }
    let mut patch = wa::SyncdPatch::decode_from_slice(upload).map_err(SimError::protocol)?;
    patch.version = version(patches.len() as u64 + 1);
    patches.push(patch.encode_to_vec());
    Ok(())
}

fn version(number: u64) -> MessageField<wa::SyncdVersion> {
    MessageField::some(wa::SyncdVersion {
        version: Some(number),
    })
}

/// Other devices of the account hear of a new version.
fn announce(session: &Session, name: &str, version: usize) {
    for companion in session.account.companions() {
        if companion.device == session.companion.device {
            continue;
        }
        let id = format!("s{}", session.world.number());
        let node = NodeBuilder::new("notification")
            .attr("type", "server_sync")
            .attr("from", server_jid())
            .attr("id", id.clone())
            .attr("t", unix_seconds())
            .children([NodeBuilder::new("collection")
                .attr("name", name.to_owned())
                .attr("version", version as u32)
                .build()])
            .build();
        let pushed = push(
            &session.world,
            &companion,
            Class::Notification,
            &id,
            OWN_LANE,
            node,
        );
        if let Err(error) = pushed {
            tracing::warn!(%error, "a device could not be told of new app state");
        }
    }
}

/// The phone's own first patch: the name its owner chose. Without it clients wait for it at every
/// start and stay "inactive".
fn seed_push_name(account: &Account, person: &Person, name: &str) -> Result<()> {
    let mut collections = account.collections.locked();
    if name != PUSH_NAME_COLLECTION || collections.patches.contains_key(name) {
        return Ok(());
    }
    let keys = expand_app_state_keys(&account.sync_key);
    let setting = wa::sync_action_value::PushNameSetting {
        name: Some(person.push_name.clone()),
    };
    let value = wa::SyncActionValue {
        timestamp: Some(unix_seconds() as i64 * 1000),
        push_name_setting: MessageField::some(setting),
        ..Default::default()
    };
    let set = wa::syncd_mutation::SyncdOperation::SET;
    let iv: [u8; 16] = account.sync_key[..16]
        .try_into()
        .map_err(SimError::protocol)?;
    let (mutation, _) = wacore_appstate::encode_record(
        set,
        br#"["setting_pushName"]"#,
        &value,
        &keys,
        &account.sync_key_id,
        &iv,
        1,
    );
    let mut state = HashState {
        version: 1,
        ..HashState::default()
    };
    let (_, updated) = state.update_hash(std::slice::from_ref(&mutation), |_, _| Ok(None));
    updated.map_err(SimError::protocol)?;
    let mut patch = wa::SyncdPatch {
        version: version(1),
        mutations: vec![mutation],
        snapshot_mac: Some(state.generate_snapshot_mac(name, &keys.snapshot_mac)),
        key_id: MessageField::some(wa::KeyId {
            id: Some(account.sync_key_id.to_vec()),
        }),
        ..Default::default()
    };
    patch.patch_mac = Some(generate_patch_mac(&patch, name, &keys.patch_mac, 1));
    collections
        .patches
        .insert(name.to_owned(), vec![patch.encode_to_vec()]);
    Ok(())
}
