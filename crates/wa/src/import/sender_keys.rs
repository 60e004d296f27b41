//! Group keys as Baileys keeps them, turned into the canonical record.

use super::ImportError;
use super::value::At;
use serde_json::Value;
use wacore::libsignal::protocol::{
    SenderChainKeyComponents, SenderKeyRecord, SenderKeyRecordComponents, SenderKeyStateComponents,
    SenderMessageKeyComponents, SenderSigningKeyComponents,
};

/// The states of one author in one group, newest first.
pub(super) type States = Vec<SenderKeyStateComponents>;

/// Reads a file: a list of states, oldest first, or a buffer with such a list as text.
pub(super) fn states(place: &str, file: &At<'_>) -> Result<States, ImportError> {
    if file.is_list() {
        return states_of(file);
    }
    let text = file.bytes()?;
    let list: Value = serde_json::from_slice(&text)
        .map_err(|e| file.wrong(format!("the text inside is not JSON: {e}")))?;
    states_of(&At::new(place, &list))
}

fn states_of(list: &At<'_>) -> Result<States, ImportError> {
    let mut states = list
        .items()?
        .map(|state| one_state(&state))
        .collect::<Result<States, _>>()?;
    states.reverse();
    Ok(states)
}

fn one_state(state: &At<'_>) -> Result<SenderKeyStateComponents, ImportError> {
    let chain = state.get("senderChainKey")?;
    let signing = state.get("senderSigningKey")?;
    let private = signing.maybe("private").map(|at| at.bytes()).transpose()?;
    let mut message_keys = Vec::new();
    if let Some(kept) = state.maybe("senderMessageKeys") {
        for key in kept.items()? {
            message_keys.push(SenderMessageKeyComponents {
                iteration: key.get("iteration")?.int_of()?,
                seed: key.get("seed")?.array::<32>()?.to_vec(),
            });
        }
    }
    Ok(SenderKeyStateComponents {
        key_id: state.get("senderKeyId")?.int_of()?,
        chain_key: SenderChainKeyComponents {
            iteration: chain.get("iteration")?.int_of()?,
            seed: chain.get("seed")?.array::<32>()?.to_vec(),
        },
        signing_key: SenderSigningKeyComponents {
            public: signing.get("public")?.bytes()?,
            // Of other people's keys there is only the public half.
            private: private.filter(|key| !key.is_empty()),
        },
        message_keys,
    })
}

/// One record of the states that several devices of one person had for a group: their names do not
/// tell devices apart here.
pub(super) fn record(place: &str, states: States) -> Result<SenderKeyRecord, ImportError> {
    SenderKeyRecord::from_components(SenderKeyRecordComponents { states })
        .map_err(|e| ImportError::new(place, e.to_string()))
}
