//! What an account's connection reports besides messages: acks, receipts, placeholders, history.
//!
//! These come without a chance to hold WhatsApp's acknowledgement back; ARCHITECTURE.md lists what
//! a crash can cost.

use super::context::Context;
use super::outbox::News;
use super::reception::{TakeError, Taken};
use super::registry::Running;
use super::told;
use crate::clock;
use serde_json::json;
use waypost_engine::fleet::gaps::Backlog;
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountId, Address, Inbound};
use waypost_store::admin::contacts::Noticed;
use waypost_store::admin::conversations::ReadElsewhere;
use waypost_store::{Confirmation, Receipt, StoreError};
use waypost_wa::{ChannelEvent, ReceiptKind, TypingState};

/// How often a message that was read on the phone is looked for again.
const READ_RETRIES: u32 = 5;
/// Pause before each of these looks.
const READ_RETRY_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Takes one report. Failures of the store are logged: WhatsApp will not say it again.
pub(super) async fn take(context: &Context, account: AccountId, event: ChannelEvent) {
    if let Err(error) = note(context, account, event).await {
        tracing::error!(%account, %error, "a report of the connection cannot be stored");
    }
}

async fn note(context: &Context, account: AccountId, event: ChannelEvent) -> Result<(), TakeError> {
    match event {
        ChannelEvent::Receipt {
            chat,
            chat_alt,
            wire_ids,
            kind,
            at,
            ..
        } => {
            let receipt = match kind {
                ReceiptKind::Delivered => Receipt::Delivered,
                ReceiptKind::Read | ReceiptKind::Played => Receipt::Read,
            };
            let confirmation = Confirmation {
                account,
                chat,
                chat_alt,
                wire_ids,
                receipt,
                at,
            };
            context.store.receipt(confirmation).await?;
        }
        ChannelEvent::Messages(messages) => drop(accept(context, account, messages).await?),
        ChannelEvent::History(messages) => history(context, account, messages).await?,
        ChannelEvent::Typing {
            chat,
            sender,
            state,
        } => typing(context, account, &chat, &sender, state).await?,
        ChannelEvent::ContactSeen {
            address,
            alt,
            push_name,
        } => {
            let who = [Some(address), alt].into_iter().flatten().collect();
            seen(context, account, who, push_name).await?;
        }
        ChannelEvent::ReadElsewhere { chat, wire_ids } => {
            read_elsewhere(context, account, chat, wire_ids).await?;
        }
        ChannelEvent::Recalled {
            request,
            given,
            messages,
        } => recalled(context, account, request, given, messages).await?,
        other => {
            if let Some(running) = context.registry.get(account) {
                tell(&running, account, other).await;
            }
        }
    }
    Ok(())
}

/// Tells the account's loops of what is not stored.
async fn tell(running: &Running, account: AccountId, event: ChannelEvent) {
    match event {
        ChannelEvent::ServerAck { wire_id, error } => {
            running.outbox.tell(News::Acked { wire_id, error }).await;
        }
        ChannelEvent::HistoryPiece(piece) => running.gaps.piece(piece).await,
        ChannelEvent::GroupChanged { group, .. } => running.groups.changed(group),
        ChannelEvent::OfflineSyncCompleted { kept, .. } => {
            running.gaps.synced(kept, Backlog::Whole).await;
        }
        ChannelEvent::OfflineSyncInterrupted { kept } => {
            running.gaps.synced(kept, Backlog::Interrupted).await;
        }
        other => tracing::debug!(%account, event = ?other, "noticed"),
    }
}

/// Notes somebody's addresses and name. A stranger's name waits for them.
async fn seen(
    context: &Context,
    account: AccountId,
    who: Vec<Address>,
    name: Option<String>,
) -> Result<(), StoreError> {
    let (store, now) = (&context.store, clock::now());
    let noticed = store
        .contact_seen(account, who.clone(), name.clone(), now)
        .await?;
    let running = context.registry.get(account);
    if let (Noticed::Stranger, Some(name), Some(running)) = (noticed, name, running) {
        for address in who {
            running.strangers.remember(address, name.clone());
        }
    }
    Ok(())
}

async fn history(
    context: &Context,
    account: AccountId,
    messages: Vec<Inbound>,
) -> Result<(), TakeError> {
    let running = context.registry.get(account);
    let names = running.map(|running| running.strangers.of(&messages));
    accept(context, account, messages).await?;
    for (address, name) in names.unwrap_or_default() {
        seen(context, account, vec![address], Some(name)).await?;
    }
    Ok(())
}

/// Marks as read what was read on the phone. A message may be on its way into the store still while
/// this is here already; then it is looked for again.
async fn read_elsewhere(
    context: &Context,
    account: AccountId,
    chat: Address,
    wire_ids: Vec<String>,
) -> Result<(), StoreError> {
    let store = context.store.clone();
    let marked = store
        .read_elsewhere(account, chat.clone(), wire_ids.clone(), clock::now())
        .await?;
    if marked != ReadElsewhere::Unknown {
        return Ok(());
    }
    let gaps = context
        .registry
        .get(account)
        .map(|running| running.gaps.clone());
    tokio::spawn(async move {
        for _ in 0..READ_RETRIES {
            tokio::time::sleep(READ_RETRY_PAUSE).await;
            let marked = store
                .read_elsewhere(account, chat.clone(), wire_ids.clone(), clock::now())
                .await;
            match marked {
                Ok(ReadElsewhere::Unknown) => {}
                Ok(ReadElsewhere::Marked { .. } | ReadElsewhere::Already) => return,
                Err(error) => {
                    return tracing::error!(%account, %error, "what was read on the phone cannot be marked");
                }
            }
        }
        if let Some(gaps) = gaps {
            for wire_id in wire_ids {
                gaps.read_elsewhere(chat.clone(), wire_id).await;
            }
        }
    });
    Ok(())
}

async fn accept(
    context: &Context,
    account: AccountId,
    messages: Vec<Inbound>,
) -> Result<Vec<Taken>, TakeError> {
    match context.registry.get(account) {
        Some(running) => context.reception.take(running, account, messages).await,
        None => Ok(Vec::new()),
    }
}

/// Stores what the phone gave when it was asked, and says what of it was missing.
async fn recalled(
    context: &Context,
    account: AccountId,
    request: String,
    given: u32,
    messages: Vec<Inbound>,
) -> Result<(), TakeError> {
    let taken = accept(context, account, messages.clone()).await?;
    if let Some(running) = context.registry.get(account) {
        let gaps = &running.gaps;
        gaps.recalled(request, given, &messages, &taken).await;
    }
    Ok(())
}

async fn typing(
    context: &Context,
    account: AccountId,
    chat: &Address,
    sender: &Address,
    state: TypingState,
) -> Result<(), StoreError> {
    let store = &context.store;
    let conversation = store.conversation_at(account, chat.clone()).await?;
    let data = json!({"chat": chat, "sender": sender, "active": state == TypingState::Active});
    told::tell(store, account, conversation, kind::TYPING, data).await
}
