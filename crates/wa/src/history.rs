//! Older messages: those a phone gives a device that was just linked, and those it is asked for.

use crate::clock;
use crate::connection::{Connection, TaskError};
use crate::directory::Directory;
use crate::event::ChannelEvent;
use crate::jid;
use crate::limits::{HISTORY_BATCH_MAX, RECALLED_MAX};
use crate::normalise;
use std::sync::Arc;
use tokio::sync::mpsc;
use wacore::types::events::{Event, LazyHistorySync};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::HistorySyncType;
use waypost_engine::fleet::gaps::{HistoryPart, Legible, Mark, Piece};
use waypost_engine::model::{Address, Inbound, Origin, Timestamp};

impl Connection {
    /// Asks the account's own phone for `count` messages of a chat before one that it knows. `Ok`
    /// names the question; the answer is [`ChannelEvent::Recalled`], if the phone is switched on and
    /// knows the message.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn ask_before(&self, mark: &Mark, count: u32) -> Result<String, TaskError> {
        let chat = self.address(&mark.chat)?;
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let asking = async {
            let asked = self.client().fetch_message_history(
                &chat,
                &mark.wire_id,
                mark.from_me,
                mark.sent_at.0,
                count,
            );
            asked
                .await
                .map_err(|error| TaskError::Failed(error.to_string()))
        };
        self.while_up(asking).await
    }
}

/// Reads history blobs one after another, each on a thread of its own and in pieces, so that their
/// size does not matter.
pub(crate) async fn read_chunks(
    mut waiting: mpsc::Receiver<Arc<Event>>,
    directory: Directory,
    out: mpsc::Sender<ChannelEvent>,
) {
    while let Some(event) = waiting.recv().await {
        let (Event::HistorySync(history), Some(own)) = (&*event, directory.own()) else {
            continue;
        };
        let (history, out) = (history.clone(), out.clone());
        let reading = tokio::task::spawn_blocking(move || read(&history, &own, &out));
        if let Err(error) = reading.await {
            tracing::warn!(%error, "history could not be read; it is left out");
        }
    }
}

/// Where the messages of a chunk go.
enum Reader<'a> {
    /// To the reader, in batches.
    Chunk(&'a mpsc::Sender<ChannelEvent>),
    /// Together, as the answer to a question.
    Answer {
        given: usize,
        messages: Vec<Inbound>,
    },
}

/// The reader is gone.
struct Gone;

impl Reader<'_> {
    fn take(&mut self, given: usize, messages: Vec<Inbound>) -> Result<(), Gone> {
        match self {
            Self::Chunk(out) => {
                for batch in messages.chunks(HISTORY_BATCH_MAX) {
                    let piece = ChannelEvent::History(batch.to_vec());
                    out.blocking_send(piece).map_err(|_| Gone)?;
                }
            }
            Self::Answer {
                given: before,
                messages: all,
            } => {
                *before += given;
                let room = RECALLED_MAX.saturating_sub(all.len());
                let late = messages.into_iter().take(room);
                all.extend(late.map(|message| Inbound {
                    origin: Origin::Backfill,
                    ..message
                }));
            }
        }
        Ok(())
    }
}

fn read(history: &LazyHistorySync, own: &Address, out: &mpsc::Sender<ChannelEvent>) {
    let request = history.peer_data_request_session_id().map(str::to_owned);
    let mut reader = match request {
        Some(_) => Reader::Answer {
            given: 0,
            messages: Vec::new(),
        },
        None => Reader::Chunk(out),
    };
    let (names, legible) = match read_conversations(history, own, &mut reader) {
        Ok(read) => read,
        Err(Gone) => return,
    };
    let piece = part(history).map(|part| Piece {
        part,
        order: history.chunk_order(),
        progress: progress(history),
        legible,
    });
    if let (None, Some(piece)) = (&request, piece)
        && out
            .blocking_send(ChannelEvent::HistoryPiece(piece))
            .is_err()
    {
        return;
    }
    if let (
        Some(request),
        Reader::Answer {
            given,
            mut messages,
        },
    ) = (request, reader)
    {
        messages.sort_by_key(|message| message.sent_at);
        let given = u32::try_from(given).unwrap_or(u32::MAX);
        let answer = ChannelEvent::Recalled {
            request,
            given,
            messages,
        };
        // Nobody reads any more: then nobody asked.
        let _ = out.blocking_send(answer);
    }
    for name in names {
        let (Some(id), Some(push_name)) = (name.id, name.pushname) else {
            continue;
        };
        let seen = ChannelEvent::ContactSeen {
            address: jid::address_of_text(&id),
            alt: None,
            push_name: Some(push_name),
        };
        if out.blocking_send(seen).is_err() {
            return;
        }
    }
}

/// What a piece is a part of; `None` when it holds no messages, only names and settings.
fn part(history: &LazyHistorySync) -> Option<HistoryPart> {
    let is = |kind: HistorySyncType| history.sync_type() == kind as i32;
    if is(HistorySyncType::INITIAL_BOOTSTRAP) || is(HistorySyncType::NO_HISTORY) {
        return Some(HistoryPart::Newest);
    }
    if is(HistorySyncType::RECENT) {
        return Some(HistoryPart::Recent);
    }
    is(HistorySyncType::FULL).then_some(HistoryPart::Full)
}

/// How far the phone has come. One that says that there is none is done.
fn progress(history: &LazyHistorySync) -> Option<u32> {
    if history.sync_type() == HistorySyncType::NO_HISTORY as i32 {
        return Some(100);
    }
    history.progress()
}

/// Reads as far as it is readable; answers the names, and whether that was all.
fn read_conversations(
    history: &LazyHistorySync,
    own: &Address,
    reader: &mut Reader<'_>,
) -> Result<(Vec<wa::Pushname>, Legible), Gone> {
    let received_at = clock::now();
    let mut stream = history.stream();
    loop {
        match stream.next_conversation() {
            Ok(Some(conversation)) => {
                let given = conversation.messages.len();
                reader.take(given, messages(&conversation, own, received_at))?;
            }
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(%error, "the rest of this history is unreadable; it is left out");
                return Ok((Vec::new(), Legible::No));
            }
        }
    }
    Ok(match stream.remainder() {
        Ok(rest) => (rest.pushnames, Legible::Yes),
        Err(error) => {
            tracing::warn!(%error, "the names in this history are unreadable; they are left out");
            // The messages stand before them.
            (Vec::new(), Legible::Yes)
        }
    })
}

/// The messages of a conversation, oldest first as they stand in it.
fn messages(
    conversation: &wa::Conversation,
    own: &Address,
    received_at: Timestamp,
) -> Vec<Inbound> {
    let alt = [&conversation.lid_jid, &conversation.pn_jid]
        .into_iter()
        .flatten()
        .map(|text| jid::address_of_text(text))
        .find(|alt| *alt != jid::address_of_text(&conversation.id));
    let messages = conversation.messages.iter().rev().filter_map(|item| {
        let message = item.message.as_option()?;
        let mut inbound = normalise::history(&conversation.id, message, own, received_at)?;
        inbound.chat_alt.clone_from(&alt);
        Some(inbound)
    });
    messages.collect()
}
