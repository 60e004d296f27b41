//! Linking a new device: QR refs, the pairing code in two stages, and the restart at the end.

use crate::clock::unix_seconds;
use crate::companion::{Companion, Conn};
use crate::error::{Result, SimError};
use crate::event::{LinkMethod, NetEvent};
use crate::keys::{DeviceKeys, KeyBundle};
use crate::lock::Locked;
use crate::noise::NodeReader;
use crate::person::{LinkPolicy, MAX_LINKED_DEVICES, Person};
use crate::server::code::{self, CodeRequest};
use crate::stanza::{
    attr, be_number, bytes, child, empty, iq_error, iq_result, leaf, need, server_jid,
};
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use wa::client_payload::DevicePairingRegistrationData;
use wacore::pair::PairUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use wacore_libsignal::protocol::PublicKey;
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

/// How long a phone waits for the device to answer.
const DEVICE_ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// The id under which an account signs its devices; any constant will do.
pub(crate) const RAW_ID: u32 = 4711;

/// A connection that wants to be linked.
#[derive(Clone)]
pub(crate) struct Offer {
    pub(crate) conn: Arc<Conn>,
    pub(crate) registration: DevicePairingRegistrationData,
    pub(crate) noise_static: [u8; 32],
}

struct QrRef {
    offer: Offer,
    from: Duration,
    until: Duration,
}

/// Waiting for the client to countersign its identity.
struct Unsigned {
    account: Arc<Person>,
    companion: Companion,
    account_key: Vec<u8>,
    by: LinkMethod,
    answer: oneshot::Sender<Result<u16>>,
}

/// All links under way.
#[derive(Default)]
pub(crate) struct Linking {
    refs: HashMap<String, QrRef>,
    /// By the number of the account that the code was asked for.
    pub(super) codes: HashMap<String, CodeRequest>,
    unsigned: HashMap<String, Unsigned>,
}

/// Serves an unlinked client until it is linked, gives up or its refs run out.
pub(crate) async fn run(world: &Arc<World>, offer: Offer, reader: &mut NodeReader) -> Result<()> {
    let (refs, lifetime) = offer_refs(world, &offer);
    let nodes = refs
        .iter()
        .map(|r| leaf("ref", r.as_bytes()))
        .collect::<Vec<_>>();
    let iq = NodeBuilder::new("iq")
        .attr("from", server_jid())
        .attr("type", "set")
        .attr("id", format!("pd-{}", offer.conn.id))
        .attr("xmlns", "md")
        .children([NodeBuilder::new("pair-device").children(nodes).build()])
        .build();
    offer.conn.answer(iq).await;
    world.event(NetEvent::LinkOffered { refs: refs.len() });

    let result = serve(world, &offer, reader, lifetime).await;
    let mut linking = world.linking.locked();
    for reference in &refs {
        linking.refs.remove(reference);
    }
    linking
        .codes
        .retain(|_, request| request.offer.conn.id != offer.conn.id);
    result
}

async fn serve(
    world: &Arc<World>,
    offer: &Offer,
    reader: &mut NodeReader,
    lifetime: Duration,
) -> Result<()> {
    // A code that was asked for outlives the refs, so the socket stays as long as either is good.
    let code_limit = Duration::from_millis(world.config.code_valid_ms);
    let end = tokio::time::sleep(lifetime.max(code_limit) + grace(world));
    tokio::pin!(end);
    loop {
        let node = tokio::select! {
            () = offer.conn.cut.cancelled() => return Ok(()),
            () = &mut end => return Ok(()),
            node = reader.next() => node?,
        };
        let Some(node) = node else { return Ok(()) };
        if node.tag == "iq"
            && let Err(error) = answer(world, offer, &node).await
        {
            tracing::debug!(%error, "an unlinked client was refused");
            offer.conn.answer(iq_error(&node, 400, "bad-request")).await;
        }
    }
}

async fn answer(world: &Arc<World>, offer: &Offer, iq: &Node) -> Result<()> {
    if let Some(sign) = child(iq, "pair-device-sign") {
        return countersigned(world, offer, &attr(iq, "id"), sign).await;
    }
    if let Some(code) = child(iq, "link_code_companion_reg") {
        return match attr(code, "stage").as_str() {
            "companion_hello" => code::hello(world, offer, iq, code).await,
            "companion_finish" => code::finish(world, offer, iq, code).await,
            other => Err(SimError::protocol(format!("unknown stage {other:?}"))),
        };
    }
    if child(iq, "passkey_prologue").is_some() {
        // Nobody here can check a passkey's signature.
        offer.conn.answer(iq_error(iq, 403, "forbidden")).await;
        return Ok(());
    }
    if matches!(attr(iq, "type").as_str(), "get" | "set") {
        offer.conn.answer(iq_result(iq, Vec::new())).await;
    }
    Ok(())
}

fn grace(world: &World) -> Duration {
    Duration::from_millis(world.config.qr_grace_ms)
}

fn offer_refs(world: &World, offer: &Offer) -> (Vec<String>, Duration) {
    let mut from = world.clock.now();
    let start = from;
    let mut refs = Vec::with_capacity(world.config.qr_refs);
    let mut linking = world.linking.locked();
    for n in 0..world.config.qr_refs {
        let millis = if n == 0 {
            world.config.qr_ref_first_ms
        } else {
            world.config.qr_ref_next_ms
        };
        let until = from + Duration::from_millis(millis);
        let reference = format!("2@{}", STANDARD.encode(world.random::<48>()));
        let entry = QrRef {
            offer: offer.clone(),
            from,
            until: until + grace(world),
        };
        linking.refs.insert(reference.clone(), entry);
        refs.push(reference);
        from = until;
    }
    (refs, from - start)
}

/// The owner scans a QR code with the phone of `account`. Returns the new device's number.
pub(crate) async fn scan(world: &Arc<World>, account: &Arc<Person>, qr: &str) -> Result<u16> {
    let bad = |why: &str| SimError::BadQr(why.to_owned());
    let (reference, noise_key, identity) =
        PairUtils::parse_qr_code(qr).map_err(|e| SimError::BadQr(e.to_string()))?;
    let plain = qr
        .strip_prefix(wacore::companion_reg::NATIVE_CAMERA_DEEP_LINK_PREFIX)
        .unwrap_or(qr);
    let secret = plain
        .split(',')
        .nth(3)
        .ok_or_else(|| bad("the secret is missing"))?;
    let secret = STANDARD
        .decode(secret)
        .map_err(|_| bad("the secret is not base64"))?;
    let offer = {
        let mut linking = world.linking.locked();
        let now = world.clock.now();
        let known = linking
            .refs
            .get(&reference)
            .ok_or_else(|| bad("its ref is unknown"))?;
        if now > known.until || now + grace(world) < known.from {
            return Err(bad("it has expired"));
        }
        let offer = known.offer.clone();
        linking.refs.remove(&reference);
        offer
    };
    if offer.noise_static != noise_key {
        return Err(bad("its key is not the one of the connection"));
    }
    if offer.registration.e_ident.as_deref() != Some(&identity[..]) {
        return Err(bad("its identity is not the one of the connection"));
    }
    let done = propose(world, account, offer, identity, &secret, LinkMethod::Qr).await?;
    signed_in_time(done).await
}

pub(super) async fn signed_in_time(done: oneshot::Receiver<Result<u16>>) -> Result<u16> {
    match tokio::time::timeout(DEVICE_ANSWER_LIMIT, done).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(SimError::protocol(
            "the device went away while it was being linked",
        )),
        Err(_) => Err(SimError::Timeout(DEVICE_ANSWER_LIMIT)),
    }
}

/// Tells the device who it will be, signed by the account. The receiver hears of the outcome.
pub(super) async fn propose(
    world: &Arc<World>,
    account: &Arc<Person>,
    offer: Offer,
    identity: [u8; 32],
    secret: &[u8],
    by: LinkMethod,
) -> Result<oneshot::Receiver<Result<u16>>> {
    let owner = account.account()?;
    if owner.phone.locked().linking == LinkPolicy::PasskeyDemanded {
        demand_passkey(world, &offer).await;
        world.event(NetEvent::PasskeyDemanded {
            account: account.pn.clone(),
        });
        return Err(SimError::PasskeyDemanded(account.pn.clone()));
    }
    if owner.companions.locked().len() >= MAX_LINKED_DEVICES {
        return Err(SimError::TooManyDevices(account.pn.clone()));
    }
    let device = {
        let mut next = owner.next_device.locked();
        let device = *next;
        *next += 1;
        device
    };
    let key_index = u32::from(device);
    let details = wa::ADVDeviceIdentity {
        raw_id: Some(RAW_ID),
        timestamp: Some(unix_seconds()),
        key_index: Some(key_index),
        ..Default::default()
    }
    .encode_to_vec();
    let (account_key, signature) = {
        let mut phone = account.live(world.config.seed)?.device.lock().await;
        let signature = phone.sign(&[&[6, 0], details.as_slice(), &identity].concat())?;
        (phone.identity_public(), signature)
    };
    let signed = wa::ADVSignedDeviceIdentity {
        details: Some(details),
        account_signature_key: Some(account_key.clone()),
        account_signature: Some(signature),
        ..Default::default()
    }
    .encode_to_vec();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(SimError::protocol)?;
    mac.update(&signed);
    let container = wa::ADVSignedDeviceIdentityHMAC {
        details: Some(signed),
        hmac: Some(mac.finalize().into_bytes().to_vec()),
        ..Default::default()
    }
    .encode_to_vec();

    let id = format!("ps-{}", world.number());
    let companion = new_companion(account, device, &offer, identity);
    let (answer, done) = oneshot::channel();
    world.linking.locked().unsigned.insert(
        id.clone(),
        Unsigned {
            account: account.clone(),
            companion,
            account_key,
            by,
            answer,
        },
    );
    let identity_node = NodeBuilder::new("device")
        .attr("jid", Jid::pn_device(account.pn.as_str(), device))
        .attr("lid", Jid::lid_device(account.lid.as_str(), device))
        .build();
    let success = NodeBuilder::new("pair-success")
        .children([
            leaf("device-identity", container),
            empty_biz(),
            NodeBuilder::new("platform")
                .attr("name", owner.platform.clone())
                .build(),
            identity_node,
        ])
        .build();
    let iq = NodeBuilder::new("iq")
        .attr("from", server_jid())
        .attr("type", "set")
        .attr("id", id)
        .attr("xmlns", "md")
        .attr("t", unix_seconds())
        .children([success])
        .build();
    offer.conn.answer(iq).await;
    Ok(done)
}

/// The server wants a passkey of the account before it goes on.
async fn demand_passkey(world: &World, offer: &Offer) {
    let options = serde_json::json!({
        "challenge": URL_SAFE_NO_PAD.encode(world.random::<32>()),
        "rpId": "web.whatsapp.com",
        "allowCredentials": [],
        "userVerification": "required",
        "timeout": 60_000,
    });
    let notification = NodeBuilder::new("notification")
        .attr("type", "passkey_prologue_request")
        .attr("from", server_jid())
        .attr("id", format!("n{}", world.number()))
        .attr("t", unix_seconds())
        .children([leaf("passkey_request_options", options.to_string())])
        .build();
    offer.conn.answer(notification).await;
}

/// Personal accounts have an empty business name.
fn empty_biz() -> Node {
    empty("biz")
}

fn new_companion(account: &Person, device: u16, offer: &Offer, identity: [u8; 32]) -> Companion {
    let registration = &offer.registration;
    let number = |field: &Option<Vec<u8>>| be_number(field.as_deref().unwrap_or_default());
    let bundle = KeyBundle {
        registration: number(&registration.e_regid),
        identity: identity.to_vec(),
        signed_id: number(&registration.e_skey_id),
        signed_key: registration.e_skey_val.clone().unwrap_or_default(),
        signed_signature: registration.e_skey_sig.clone().unwrap_or_default(),
    };
    Companion {
        account: account.pn.clone(),
        lid: account.lid.clone(),
        device,
        noise_static: offer.noise_static,
        key_index: u32::from(device),
        adv: Vec::new(),
        keys: std::sync::Mutex::new(DeviceKeys {
            bundle,
            ..DeviceKeys::default()
        }),
        welcomed: Default::default(),
        post: Default::default(),
        wake: Default::default(),
        conn: Default::default(),
        accepted: Default::default(),
    }
}

/// The client returned its countersigned identity: check it, keep it, restart the connection.
async fn countersigned(world: &Arc<World>, offer: &Offer, id: &str, sign: &Node) -> Result<()> {
    let waiting = world.linking.locked().unsigned.remove(id);
    let waiting = waiting.ok_or_else(|| SimError::protocol("nobody proposed this link"))?;
    let adv = bytes(need(sign, "device-identity")?);
    let mut companion = waiting.companion;
    if let Err(error) = check_signature(&adv, &companion, &waiting.account_key) {
        let _ = waiting.answer.send(Err(SimError::protocol(&error)));
        return Err(error);
    }
    companion.adv = adv;
    let device = companion.device;
    let companion = Arc::new(companion);
    waiting
        .account
        .account()?
        .companions
        .locked()
        .insert(device, companion);
    world.event(NetEvent::Linked {
        account: waiting.account.pn.clone(),
        device,
        by: waiting.by,
    });
    let _ = waiting.answer.send(Ok(device));
    super::session::device_list_changed(world, &waiting.account, device).await;
    // The client saves its new identity first; a restart in the same instant would overtake that.
    tokio::time::sleep(Duration::from_millis(world.config.restart_pause_ms)).await;
    offer
        .conn
        .say_and_close(NodeBuilder::new("stream:error").attr("code", "515").build())
        .await;
    Ok(())
}

fn check_signature(adv: &[u8], companion: &Companion, account_key: &[u8]) -> Result<()> {
    let signed = wa::ADVSignedDeviceIdentity::decode_from_slice(adv).map_err(SimError::protocol)?;
    let identity = companion.keys.locked().bundle.identity.clone();
    let key = PublicKey::from_djb_public_key_bytes(&identity).map_err(SimError::signal)?;
    let details = signed.details.unwrap_or_default();
    // Clients may leave the account's key out of their answer, so the known one is used.
    let message = [&[6, 1], details.as_slice(), &identity, account_key].concat();
    if key.verify_signature(&message, &signed.device_signature.unwrap_or_default()) {
        Ok(())
    } else {
        Err(SimError::protocol("the device's signature is invalid"))
    }
}
