//! The pairing code, in its two stages: the device asks, the owner types, the device proves that it
//! knows the code, too.

use crate::clock::unix_seconds;
use crate::error::{Result, SimError};
use crate::event::{Events, LinkMethod, NetEvent};
use crate::lock::Locked;
use crate::noise::{array32, public_bytes};
use crate::person::Person;
use crate::seed;
use crate::server::linking::{Offer, propose, signed_in_time};
use crate::stanza::{attr, bytes, child, iq_result, leaf, need, server_jid, text};
use crate::world::World;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use wacore::pair_code::PairCodeUtils;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wacore_libsignal::protocol::{KeyPair, PublicKey};

/// How long typing a code waits for the server to hear of it.
const CODE_ARRIVAL_LIMIT: Duration = Duration::from_secs(1);

/// A pairing code that a client shows.
pub(super) struct CodeRequest {
    pub(super) offer: Offer,
    reference: String,
    wrapped: Vec<u8>,
    until: Duration,
    shared: Option<[u8; 32]>,
    answer: Option<oneshot::Sender<Result<u16>>>,
}

pub(super) async fn hello(world: &Arc<World>, offer: &Offer, iq: &Node, code: &Node) -> Result<()> {
    let number = attr(code, "jid")
        .split('@')
        .next()
        .unwrap_or_default()
        .to_owned();
    let person = world.person(&number)?;
    person.account()?;
    let reference = hex::encode(world.random::<16>());
    let wrapped = bytes(need(
        code,
        "link_code_pairing_wrapped_companion_ephemeral_pub",
    )?);
    let display = child(code, "companion_platform_display")
        .map(text)
        .unwrap_or_default();
    let request = CodeRequest {
        offer: offer.clone(),
        reference: reference.clone(),
        wrapped,
        until: world.clock.now() + Duration::from_millis(world.config.code_valid_ms),
        shared: None,
        answer: None,
    };
    world.linking.locked().codes.insert(number.clone(), request);
    let answer = NodeBuilder::new("link_code_companion_reg")
        .attr("stage", "companion_hello")
        .children([leaf("link_code_pairing_ref", reference)])
        .build();
    offer.conn.answer(iq_result(iq, vec![answer])).await;
    world.event(NetEvent::CodeAsked {
        account: number,
        display,
    });
    Ok(())
}

/// Clients show their code before the server has heard of it; a quick typist waits a moment.
async fn asked_soon(world: &World, number: &str) {
    let mut events = Events::from_now(world.events.clone());
    let known = world.linking.locked().codes.contains_key(number);
    if !known {
        let wanted =
            |e: &NetEvent| matches!(e, NetEvent::CodeAsked { account, .. } if account == number);
        // Running out of time is not an error here: the look-up that follows tells.
        let _ = events.wait_for(CODE_ARRIVAL_LIMIT, wanted).await;
    }
}

/// The owner types the eight characters on the phone. Returns the new device's number once the
/// device has proved that it knows the code, too.
pub(crate) async fn type_code(
    world: &Arc<World>,
    account: &Arc<Person>,
    code: &str,
) -> Result<u16> {
    let unasked = || SimError::NoCodeAsked(account.pn.clone());
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let code = code.to_ascii_uppercase();
    if !PairCodeUtils::validate_code(&code) {
        return Err(SimError::WrongCode);
    }
    asked_soon(world, &account.pn).await;
    let (wrapped, reference, conn) = {
        let mut linking = world.linking.locked();
        let request = linking.codes.get_mut(&account.pn).ok_or_else(unasked)?;
        if world.clock.now() > request.until {
            return Err(unasked());
        }
        (
            request.wrapped.clone(),
            request.reference.clone(),
            request.offer.conn.clone(),
        )
    };
    let label = format!("code answer {}", world.number());
    let ephemeral = KeyPair::generate(&mut seed::stream(world.config.seed, &label));
    let own_public = public_bytes(&ephemeral)?;
    // The key derivation is slow on purpose and must not hold up other connections.
    let (device_key, wrapped_own) = tokio::task::spawn_blocking(move || {
        let device_key = PairCodeUtils::decrypt_primary_ephemeral_pub(&wrapped, &code);
        (
            device_key,
            PairCodeUtils::encrypt_ephemeral_pub(&own_public, &code),
        )
    })
    .await
    .map_err(SimError::protocol)?;
    let device_key = device_key.map_err(|_| SimError::WrongCode)?;
    let device_key =
        PublicKey::from_djb_public_key_bytes(&device_key).map_err(|_| SimError::WrongCode)?;
    let shared = ephemeral
        .private_key
        .calculate_agreement(&device_key)
        .map_err(|_| SimError::WrongCode)?;
    let (answer, done) = oneshot::channel();
    {
        let mut linking = world.linking.locked();
        let request = linking.codes.get_mut(&account.pn).ok_or_else(unasked)?;
        request.shared = Some(shared);
        request.answer = Some(answer);
    }
    let identity = account
        .live(world.config.seed)?
        .device
        .lock()
        .await
        .identity_public();
    let hello = NodeBuilder::new("link_code_companion_reg")
        .attr("stage", "primary_hello")
        .children([
            leaf(
                "link_code_pairing_wrapped_primary_ephemeral_pub",
                wrapped_own,
            ),
            leaf("primary_identity_pub", identity),
            leaf("link_code_pairing_ref", reference),
        ])
        .build();
    let notification = NodeBuilder::new("notification")
        .attr("type", "link_code_companion_reg")
        .attr("from", server_jid())
        .attr("id", format!("n{}", world.number()))
        .attr("t", unix_seconds())
        .children([hello])
        .build();
    conn.answer(notification).await;
    signed_in_time(done).await
}

pub(super) async fn finish(
    world: &Arc<World>,
    offer: &Offer,
    iq: &Node,
    code: &Node,
) -> Result<()> {
    let reference = text(need(code, "link_code_pairing_ref")?);
    let (number, shared, answer) = {
        let mut linking = world.linking.locked();
        let (number, request) = linking
            .codes
            .iter_mut()
            .find(|(_, r)| r.reference == reference && r.offer.conn.id == offer.conn.id)
            .ok_or_else(|| SimError::protocol("unknown code ref"))?;
        (number.clone(), request.shared.take(), request.answer.take())
    };
    let shared = shared.ok_or_else(|| SimError::protocol("finish before hello"))?;
    offer.conn.answer(iq_result(iq, Vec::new())).await;
    let account = world.person(&number)?;
    let identity = array32(&bytes(need(code, "companion_identity_public")?))?;
    let bundle = bytes(need(code, "link_code_pairing_wrapped_key_bundle")?);
    let secret = match open_key_bundle(world, &account, &shared, &identity, &bundle).await {
        Ok(secret) => secret,
        Err(_) => {
            // The bundle opens only if both sides used the same code. The owner may try again.
            if let Some(answer) = answer {
                let _ = answer.send(Err(SimError::WrongCode));
            }
            return Ok(());
        }
    };
    world.linking.locked().codes.remove(&number);
    let done = propose(
        world,
        &account,
        offer.clone(),
        identity,
        &secret,
        LinkMethod::Code,
    )
    .await;
    if let Some(answer) = answer {
        tokio::spawn(async move {
            let result = match done {
                Ok(done) => signed_in_time(done).await,
                Err(error) => Err(error),
            };
            let _ = answer.send(result);
        });
    }
    Ok(())
}

/// Opens what the device sealed under the code and derives the secret that both now share.
async fn open_key_bundle(
    world: &World,
    account: &Person,
    shared: &[u8; 32],
    identity: &[u8; 32],
    bundle: &[u8],
) -> Result<[u8; 32]> {
    const SALT: usize = 32;
    const NONCE: usize = 12;
    let salt = bundle
        .get(..SALT)
        .ok_or_else(|| SimError::protocol("short key bundle"))?;
    let nonce = bundle
        .get(SALT..SALT + NONCE)
        .and_then(|n| n.try_into().ok());
    let nonce: &[u8; NONCE] = nonce.ok_or_else(|| SimError::protocol("short key bundle"))?;
    let mut key = [0u8; 32];
    let info = b"link_code_pairing_key_bundle_encryption_key";
    wacore::crypto::hkdf_sha256_into(shared, Some(salt), info, &mut key)
        .map_err(SimError::protocol)?;
    let mut plain = Vec::new();
    let sealed = &bundle[SALT + NONCE..];
    wacore_libsignal::crypto::aes_256_gcm_decrypt(&key, nonce, b"", sealed, &mut plain)
        .map_err(SimError::signal)?;
    let (claimed, rest) = plain
        .split_first_chunk::<32>()
        .ok_or_else(|| SimError::protocol("short key bundle"))?;
    if claimed != identity || rest.len() != 64 {
        return Err(SimError::protocol("the key bundle is of another device"));
    }
    let agreed = account
        .live(world.config.seed)?
        .device
        .lock()
        .await
        .agree(identity)?;
    let mut material = shared.to_vec();
    material.extend(agreed);
    material.extend(&rest[32..]);
    let mut secret = [0u8; 32];
    wacore::crypto::hkdf_sha256_into(&material, None, b"adv_secret", &mut secret)
        .map_err(SimError::protocol)?;
    Ok(secret)
}
