//! From the library's events to ours.
//!
//! The library calls its listener in the middle of its own work, so the listener only notes what
//! must be known at once (why the connection ends) and puts the event into a bounded queue. A task
//! takes them out in their order, translates, and waits for whoever reads them.

use crate::alive::Signs;
use crate::arrivals::Arrivals;
use crate::backlog::Counter;
use crate::cause::{self, Cause};
use crate::clock;
use crate::directory::Directory;
use crate::event::{ChannelEvent, GroupChange, ReceiptKind, TypingState};
use crate::history::read_chunks;
use crate::hook::Intake;
use crate::jid;
use crate::limits::HISTORY_CHUNKS_MAX;
use crate::normalise;
use crate::recent::RecentIds;
use crate::repeats::Repeats;
use crate::tasks::Tasks;
use crate::transport::ReconnectSwitch;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wacore::runtime::Runtime as _;
use wacore::stanza::groups::{GroupNotificationAction, GroupParticipantInfo};
use wacore::types::events::{
    Event, EventHandler, EventInterest, EventKind, GroupUpdate, MessageBatch, Receipt,
};
use wacore::types::presence::{ChatPresence, ReceiptType};
use wacore_binary::NodeRef;
use waypost_engine::fleet::down::DownReason;
use waypost_engine::model::{Address, Duration, Inbound};
use whatsapp_rust::Client;

const WANTED: &[EventKind] = &[
    EventKind::Connected,
    EventKind::Disconnected,
    EventKind::PairSuccess,
    EventKind::PairError,
    EventKind::LoggedOut,
    EventKind::PairingQrCode,
    EventKind::PairingCode,
    EventKind::PairingCodeRefresh,
    EventKind::PairingCodeError,
    EventKind::PairingQrCodesExhausted,
    EventKind::QrScannedWithoutMultidevice,
    EventKind::PairPasskeyRequest,
    EventKind::PairPasskeyError,
    EventKind::ClientOutdated,
    EventKind::StreamReplaced,
    EventKind::TemporaryBan,
    EventKind::ConnectFailure,
    EventKind::StreamError,
    EventKind::Messages,
    EventKind::UndecryptableMessage,
    EventKind::Receipt,
    EventKind::ServerAck,
    EventKind::ChatPresence,
    EventKind::GroupUpdate,
    EventKind::PushNameUpdate,
    EventKind::ContactNumberChanged,
    EventKind::HistorySync,
    EventKind::OfflineSyncPreview,
    EventKind::OfflineSyncCompleted,
    EventKind::RawNode,
];

/// What the listener and the rest of a connection share.
pub(crate) struct Shared {
    pub(crate) cause: Arc<Cause>,
    /// Set once logged in and ready.
    pub(crate) online: AtomicBool,
    /// Ids that came undecryptable.
    pub(crate) broken: Arc<RecentIds>,
    pub(crate) switch: ReconnectSwitch,
    /// What proves that the connection is alive.
    pub(crate) signs: Signs,
    /// What came of what was kept while away.
    pub(crate) backlog: Counter,
    /// The order in which messages came.
    pub(crate) arrivals: Arc<Arrivals>,
}

impl Shared {
    fn reconnecting(&self) -> bool {
        self.switch
            .get()
            .is_some_and(|switch| switch.load(Ordering::SeqCst))
    }
}

/// The listener inside the library.
pub(crate) struct Listener {
    pub(crate) shared: Arc<Shared>,
    pub(crate) directory: Directory,
    pub(crate) repeats: Arc<Repeats>,
    pub(crate) queue: mpsc::Sender<Arc<Event>>,
}

impl EventHandler for Listener {
    fn handle_event(&self, event: Arc<Event>) {
        if let Event::RawNode(stanza) = &*event {
            self.shared.signs.stanza(stanza.get(), &self.directory);
            self.shared.backlog.stanza(stanza.get());
            self.shared.arrivals.stanza(stanza.get());
            self.repeats.stanza(stanza.get());
            note_stream_error(&self.shared, stanza.get());
            return;
        }
        note(&self.shared, &event);
        if self.queue.try_send(event).is_err() {
            // Full: the reader is too slow. Rather than dropping one event silently, end the
            // connection; what matters is delivered again on the next.
            self.shared.cause.end(DownReason::Backpressure);
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(WANTED)
    }
}

/// The library keeps two stream errors to itself: too many requests, and a server going down.
fn note_stream_error(shared: &Shared, stanza: &NodeRef<'_>) {
    if stanza.tag.as_ref() != "stream:error" {
        return;
    }
    let code = stanza
        .get_attr("code")
        .and_then(|code| code.as_str().parse().ok());
    if let Some(status @ (429 | 503)) = code {
        shared.cause.end(DownReason::ServerError { status });
    }
}

/// What must be known before anything else happens.
fn note(shared: &Shared, event: &Event) {
    let cause = &shared.cause;
    match event {
        Event::PairSuccess(_) => {
            shared.signs.phone_seen();
            // WhatsApp now closes the socket and expects us back: the link's second socket.
            if let Some(switch) = shared.switch.get() {
                switch.store(true, Ordering::SeqCst);
            }
        }
        Event::Connected(_) => shared.online.store(true, Ordering::SeqCst),
        Event::Disconnected(_) if !shared.reconnecting() => cause.report(DownReason::Network),
        Event::LoggedOut(out) => cause.end(cause::logged_out(out)),
        Event::StreamReplaced(_) => cause.end(DownReason::StreamReplaced),
        Event::ClientOutdated(_) => cause.end(DownReason::ClientOutdated),
        Event::ConnectFailure(failure) => cause.end(cause::refused(&failure.reason)),
        Event::TemporaryBan(ban) => {
            let millis = u64::try_from(ban.expire.num_milliseconds()).unwrap_or(0);
            let until = clock::now() + Duration::millis(millis);
            cause.end(DownReason::TemporaryBan {
                ban: u32::try_from(ban.code.code()).unwrap_or(0),
                until,
            });
        }
        Event::StreamError(error) => {
            // Without a number it is about one stanza, not about the connection.
            if let Ok(status) = error.code.parse() {
                cause.end(DownReason::ServerError { status });
            }
        }
        Event::PairingQrCodesExhausted(exhausted) if exhausted.disconnected => {
            cause.report(DownReason::Closed)
        }
        Event::ServerAck(ack) if ack.class.as_deref().is_none_or(|class| class == "message") => {
            shared.signs.acked(&ack.id);
        }
        Event::UndecryptableMessage(message) => {
            shared.broken.insert(&message.info.id);
            let placeholder = normalise::placeholder(&message.info, clock::now());
            shared.arrivals.broke(placeholder);
        }
        _ => {}
    }
}

/// Takes the library's events out of the queue, in their order, until the library is gone.
pub(crate) struct Pump {
    pub(crate) shared: Arc<Shared>,
    pub(crate) out: mpsc::Sender<ChannelEvent>,
    pub(crate) directory: Directory,
    pub(crate) intake: Arc<Intake>,
    pub(crate) repeats: Arc<Repeats>,
    pub(crate) client: Weak<Client>,
    pub(crate) tasks: Tasks,
    pub(crate) expected: u32,
}

impl Pump {
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Arc<Event>>) {
        // History is bulk: it is read beside, so that it holds up nothing else.
        let (chunks, waiting) = mpsc::channel(HISTORY_CHUNKS_MAX);
        let historian = tokio::spawn(read_chunks(
            waiting,
            self.directory.clone(),
            self.out.clone(),
        ));
        // What stands for undecryptable messages waits for those that came before.
        let mut broken = JoinSet::new();
        while let Some(event) = queue.recv().await {
            if let Event::HistorySync(_) = &*event {
                // Only a reader that panicked is gone, and its panic was logged.
                let _ = chunks.send(event).await;
                continue;
            }
            if let Event::UndecryptableMessage(message) = &*event {
                let placeholder = normalise::placeholder(&message.info, clock::now());
                broken.spawn(take_broken(
                    Arc::clone(&self.intake),
                    self.out.clone(),
                    placeholder,
                ));
                continue;
            }
            while broken.try_join_next().is_some() {}
            if let Event::Connected(_) = &*event {
                let serving = Arc::clone(&self.repeats).serve(self.client.clone());
                self.tasks.spawn_detached(Box::pin(serving));
            }
            let Some(mut event) = self.translate(&event) else {
                continue;
            };
            if let ChannelEvent::Receipt { chat, chat_alt, .. } = &mut event {
                // Whoever was written to under their number confirms under their LID.
                *chat_alt = self.directory.other(chat).await;
            }
            if self.out.send(event).await.is_err() {
                break;
            }
        }
        drop(chunks);
        self.shared.arrivals.end();
        broken.join_all().await;
        let _ = historian.await;
    }

    fn translate(&mut self, event: &Event) -> Option<ChannelEvent> {
        match event {
            Event::OfflineSyncPreview(preview) => {
                self.expected = u32::try_from(preview.total).unwrap_or(0);
                Some(ChannelEvent::OfflineSyncStarted {
                    expected: self.expected,
                })
            }
            Event::OfflineSyncCompleted(completed) => {
                let received = u32::try_from(completed.count).unwrap_or(0);
                let kept = self.shared.backlog.take();
                if received < std::mem::take(&mut self.expected) {
                    self.shared.cause.end(DownReason::OfflineSyncInterrupted);
                    return Some(ChannelEvent::OfflineSyncInterrupted { kept });
                }
                Some(ChannelEvent::OfflineSyncCompleted { received, kept })
            }
            other => linking(other).or_else(|| living(other)),
        }
    }
}

/// Commits what stands for a message in its turn, and tells of it.
async fn take_broken(intake: Arc<Intake>, out: mpsc::Sender<ChannelEvent>, placeholder: Inbound) {
    intake.take_broken(&placeholder.wire_id).await;
    // Nobody listens to a connection that is gone.
    let _ = out
        .send(ChannelEvent::Placeholder(Box::new(placeholder)))
        .await;
}

/// Events of linking.
fn linking(event: &Event) -> Option<ChannelEvent> {
    Some(match event {
        Event::PairingQrCode(qr) => ChannelEvent::QrCode {
            text: qr.code.clone(),
            valid_for: qr.timeout,
        },
        Event::PairingQrCodesExhausted(_) => ChannelEvent::QrExhausted,
        Event::PairingCode(code) => ChannelEvent::PairingCode {
            code: code.code.clone(),
            valid_for: code.timeout,
        },
        Event::PairingCodeError(failed) => ChannelEvent::PairingCodeFailed {
            throttled: failed
                .rejection
                .is_some_and(|rejection| rejection.is_throttled()),
            error: failed.error.clone(),
        },
        Event::PairingCodeRefresh(_) => ChannelEvent::PairingCodeFailed {
            throttled: false,
            error: "the code is not valid any more; ask for a new one".to_owned(),
        },
        Event::PairPasskeyRequest(_) => ChannelEvent::PasskeyRequired,
        Event::PairPasskeyError(failed) => ChannelEvent::LinkFailed {
            error: failed.error.clone(),
        },
        Event::PairError(failed) => ChannelEvent::LinkFailed {
            error: failed.error.clone(),
        },
        Event::QrScannedWithoutMultidevice(_) => ChannelEvent::LinkFailed {
            error: "this phone does not support linked devices; update WhatsApp on it".to_owned(),
        },
        Event::PairSuccess(linked) => ChannelEvent::Linked {
            phone: jid::address(&linked.id),
            lid: Some(jid::address(&linked.lid)).filter(|lid| matches!(lid, Address::Lid(_))),
            push_name: linked.business_name.clone(),
            platform: linked.platform.clone(),
        },
        _ => return None,
    })
}

/// Events of a connection that is up.
fn living(event: &Event) -> Option<ChannelEvent> {
    Some(match event {
        Event::Connected(_) => ChannelEvent::Online,
        Event::ServerAck(ack) if ack.class.as_deref().is_none_or(|class| class == "message") => {
            let error = ack.error.as_ref().map(|code| code.parse().unwrap_or(0));
            ChannelEvent::ServerAck {
                wire_id: ack.id.clone(),
                error,
            }
        }
        Event::Receipt(receipt) => return news(receipt),
        Event::Messages(batch) => return uncommitted(batch),
        Event::ChatPresence(update) => ChannelEvent::Typing {
            chat: jid::address(&update.source.chat),
            sender: jid::address(&update.source.sender),
            state: match update.state {
                ChatPresence::Composing => TypingState::Active,
                ChatPresence::Paused => TypingState::Paused,
            },
        },
        Event::GroupUpdate(update) => group_changed(update),
        Event::PushNameUpdate(update) => ChannelEvent::ContactSeen {
            address: jid::address(&update.jid),
            alt: None,
            push_name: Some(update.new_push_name.clone()),
        },
        Event::ContactNumberChanged(changed) => ChannelEvent::ContactSeen {
            address: changed
                .new_lid
                .as_ref()
                .map_or_else(|| jid::address(&changed.new_jid), jid::address),
            alt: changed
                .new_lid
                .as_ref()
                .map(|_| jid::address(&changed.new_jid)),
            push_name: None,
        },
        _ => return None,
    })
}

fn news(receipt: &Receipt) -> Option<ChannelEvent> {
    let chat = jid::address(&receipt.source.chat);
    let wire_ids = receipt.message_ids.clone();
    let kind = match receipt.r#type {
        ReceiptType::ReadSelf | ReceiptType::PlayedSelf => {
            return Some(ChannelEvent::ReadElsewhere { chat, wire_ids });
        }
        ReceiptType::Delivered => ReceiptKind::Delivered,
        ReceiptType::Read => ReceiptKind::Read,
        ReceiptType::Played => ReceiptKind::Played,
        _ => return None,
    };
    if receipt.source.is_from_me {
        // Another of our own devices has it; that says nothing about the recipient.
        return None;
    }
    let at = waypost_engine::model::Timestamp(receipt.timestamp.timestamp_millis());
    Some(ChannelEvent::Receipt {
        chat,
        chat_alt: None,
        sender: jid::address(&receipt.source.sender),
        wire_ids,
        kind,
        at,
    })
}

/// Messages that did not go through the commit.
fn uncommitted(batch: &MessageBatch) -> Option<ChannelEvent> {
    if batch.hook_committed {
        return None;
    }
    let now = clock::now();
    let messages: Vec<Inbound> = batch
        .iter()
        .filter_map(|item| normalise::inbound(&item.message, &item.info, now))
        .collect();
    Some(ChannelEvent::Messages(messages)).filter(|_| !batch.is_empty())
}

fn group_changed(update: &GroupUpdate) -> ChannelEvent {
    let people =
        |list: &[GroupParticipantInfo]| list.iter().map(|one| jid::address(&one.jid)).collect();
    let change = match &update.action {
        GroupNotificationAction::Subject { subject, .. } => GroupChange::Subject(subject.clone()),
        GroupNotificationAction::Add { participants, .. } => {
            GroupChange::Added(people(participants))
        }
        GroupNotificationAction::Remove { participants, .. } => {
            GroupChange::Removed(people(participants))
        }
        _ => GroupChange::Other,
    };
    ChannelEvent::GroupChanged {
        group: jid::address(&update.group_jid),
        by: update.participant.as_ref().map(jid::address),
        change,
    }
}
