//! The owner's phone helps a linked device out with a message that it could not decrypt, and with older
//! ones that it asks for.

use crate::clock::unix_seconds;
use crate::error::Result;
use crate::lock::Locked;
use crate::person::{Chat, PlaceholderHelp};
use crate::phone::phone_is_online;
use crate::sending;
use crate::server::history::{self, Recall};
use crate::server::session::Session;
use wa::message::peer_data_operation_request_response_message::PeerDataOperationResult;
use wa::message::peer_data_operation_request_response_message::peer_data_operation_result::PlaceholderMessageResendResponse;
use wa::message::protocol_message::Type;
use wa::message::{
    PeerDataOperationRequestMessage, PeerDataOperationRequestResponseMessage,
    PeerDataOperationRequestType, ProtocolMessage,
};
use wacore_binary::Jid;
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

/// Answers a device's request: for messages it has only placeholders of with those that the phone
/// knows, if it helps; for older messages with those, or with nothing when it does not know the message
/// they came before. Does nothing when the phone is off.
pub(crate) async fn answer(
    session: &Session,
    request_id: &str,
    request: &PeerDataOperationRequestMessage,
) -> Result<()> {
    if !phone_is_online(&session.world, &session.account) {
        return Ok(());
    }
    let wanted = request.peer_data_operation_request_type;
    let results = match wanted {
        Some(PeerDataOperationRequestType::HISTORY_SYNC_ON_DEMAND) => {
            if let Some(wanted) = request.history_sync_on_demand_request.as_option()
                && history::recall(session, request_id, wanted).await? == Recall::Given
            {
                return Ok(());
            }
            Vec::new()
        }
        Some(PeerDataOperationRequestType::PLACEHOLDER_MESSAGE_RESEND) => {
            let results = helped_out(session, request)?;
            if results.is_empty() {
                return Ok(());
            }
            results
        }
        _ => return Ok(()),
    };
    let response = PeerDataOperationRequestResponseMessage {
        peer_data_operation_request_type: wanted,
        stanza_id: Some(request_id.to_owned()),
        peer_data_operation_result: results,
    };
    let message = wa::Message {
        protocol_message: MessageField::some(ProtocolMessage {
            r#type: Some(Type::PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE),
            peer_data_operation_request_response_message: MessageField::some(response),
            ..Default::default()
        }),
        ..Default::default()
    };
    sending::to_own_device(
        &session.world,
        &session.account,
        &session.companion,
        &message,
    )
    .await?;
    Ok(())
}

fn helped_out(
    session: &Session,
    request: &PeerDataOperationRequestMessage,
) -> Result<Vec<PeerDataOperationResult>> {
    let mut results = Vec::new();
    if session.account.account()?.phone.locked().placeholders == PlaceholderHelp::Never {
        return Ok(results);
    }
    let keys = request.placeholder_message_resend_request.iter();
    for key in keys.filter_map(|r| r.message_key.as_option()) {
        results.extend(recalled(session, key)?);
    }
    Ok(results)
}

fn recalled(session: &Session, key: &wa::MessageKey) -> Result<Option<PeerDataOperationResult>> {
    let id = key.id.clone().unwrap_or_default();
    let live = session.account.live(session.world.config.seed)?;
    let Some(known) = live.memory.locked().get(&id) else {
        return Ok(None);
    };
    let author = session.world.person_at(&Jid::lid(known.author.as_str()));
    let in_group = matches!(known.chat, Chat::Group(_));
    let info = wa::WebMessageInfo {
        key: MessageField::some(key.clone()),
        message: MessageField::some((*known.message).clone()),
        message_timestamp: Some(unix_seconds()),
        participant: in_group.then(|| Jid::lid(known.author.as_str()).to_string()),
        push_name: author.map(|a| a.push_name.clone()),
        ..Default::default()
    };
    Ok(Some(PeerDataOperationResult {
        placeholder_message_resend_response: MessageField::some(PlaceholderMessageResendResponse {
            web_message_info_bytes: Some(info.encode_to_vec()),
        }),
        ..Default::default()
    }))
}
