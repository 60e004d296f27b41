//! Who a message goes to.

use super::AppState;
use super::phone;
use super::problem::{ApiError, ApiResult};
use waypost_engine::model::{AccountId, Address, ConversationId, WorkspaceId};
use waypost_store::admin::conversations::{ConversationView, Party};
use waypost_store::admin::groups::Joined;

/// Who a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipient {
    pub(super) workspace: WorkspaceId,
    pub(super) account: AccountId,
    /// Where it goes on the wire.
    pub(super) address: Address,
    /// The conversation that was named, if one was.
    pub(super) conversation: Option<ConversationId>,
}

/// Reads `to`: a conversation's id, an address or a phone number.
pub(super) async fn resolve(
    state: &AppState,
    workspace: WorkspaceId,
    account: AccountId,
    to: &str,
) -> ApiResult<Recipient> {
    let to = to.trim();
    if to.starts_with(ConversationId::PREFIX) && !to.contains('@') {
        let id = to
            .parse()
            .map_err(|error: waypost_engine::model::id::IdError| {
                ApiError::invalid("to", error.to_string())
            })?;
        return of_conversation(state, workspace, account, id).await;
    }
    let address = phone::parse_address("to", to)?;
    if matches!(address, Address::Other(_)) {
        return Err(ApiError::invalid(
            "to",
            "Messages can go to people and groups only",
        ));
    }
    Ok(Recipient {
        workspace,
        account,
        address,
        conversation: None,
    })
}

async fn of_conversation(
    state: &AppState,
    workspace: WorkspaceId,
    account: AccountId,
    id: ConversationId,
) -> ApiResult<Recipient> {
    let unknown = |_| ApiError::invalid("to", "There is no such conversation; check the id");
    let conversation = state
        .store()
        .conversation(workspace, id)
        .await
        .map_err(unknown)?;
    if conversation.account != account {
        return Err(ApiError::invalid(
            "to",
            "This conversation belongs to another account; send from that one",
        ));
    }
    let address = address(&conversation)?;
    Ok(Recipient {
        workspace,
        account,
        address,
        conversation: Some(conversation.id),
    })
}

/// Where a conversation is reached on the wire.
pub(super) fn address(conversation: &ConversationView) -> ApiResult<Address> {
    match &conversation.party {
        // The LID is the identity; a number may have moved to somebody else.
        Party::Contact { phone, lid, .. } => {
            lid.clone().or_else(|| phone.clone()).ok_or_else(|| {
                ApiError::invalid("to", "Nothing is known about where to reach this contact")
            })
        }
        Party::Chat {
            joined: Some(Joined::Left),
            ..
        } => Err(ApiError::invalid(
            "to",
            "This account is no longer in the group",
        )),
        Party::Chat { address, .. } => Ok(address.clone()),
    }
}
