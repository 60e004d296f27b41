//! Messages as the API shows them.

use super::shape::{Explained, iso_or_null, shown};
use crate::clock::iso;
use serde::Serialize;
use utoipa::ToSchema;
use waypost_engine::model::content::Media;
use waypost_engine::model::{
    Content, Direction, FailReason, MediaState, Origin, Quote, SendOrigin, SendState,
};
use waypost_store::admin::conversations::{MessageView as Stored, SendView};

/// A message with everything that happened to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageView {
    #[schema(example = "msg_0C3M5V7K2QH8J")]
    id: String,
    account: String,
    conversation: String,
    direction: DirectionText,
    origin: OriginText,
    /// Its place in the account's order.
    seq: i64,
    /// WhatsApp's id of it.
    wire_id: String,
    /// `text`, `image`, `video`, `voice`, `audio`, `document`, `sticker`, `reaction`, `edit`,
    /// `revoke`, `placeholder` or `unsupported`.
    kind: String,
    content: ContentView,
    /// Who wrote it; null for the account itself.
    sender: Option<SenderView>,
    #[schema(format = DateTime)]
    sent_at: String,
    #[schema(format = DateTime)]
    received_at: String,
    /// The reply rule that wrote it, if one did.
    rule: Option<RuleAnswer>,
    /// How far it came, when it was sent from here.
    state: Option<StateText>,
    /// Why it failed.
    failure: Option<Explained>,
    /// Why it has not gone out yet.
    waiting: Option<Explained>,
    media: Option<FileView>,
    reactions: Vec<ReactionView>,
    #[schema(format = DateTime)]
    edited_at: Option<String>,
    /// When it was deleted for everyone.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// What the stages found out about it.
    #[schema(value_type = Option<Object>)]
    findings: Option<serde_json::Value>,
}

/// That a reply rule wrote a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct RuleAnswer {
    id: String,
    /// What it is called now; null when it was deleted.
    name: Option<String>,
    /// The message it answers.
    answers: String,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Direction)]
pub(super) enum DirectionText {
    In,
    Out,
}

/// How a message came to be known.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Origin)]
enum OriginText {
    /// It arrived while connected.
    Live,
    /// WhatsApp kept it while we were away.
    Offline,
    /// It came with a history sync; never acted on.
    History,
    /// It was missing, and the phone gave it later; never acted on.
    Backfill,
    /// Sent from another of the account's devices; never acted on.
    Own,
    /// A retry of something that could not be decrypted before.
    Repair,
    /// Sent through Waypost.
    Sent,
}

/// How far a sent message came.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SendState)]
pub(super) enum StateText {
    Accepted,
    Server,
    Delivered,
    Read,
    Failed,
    /// Held for a person after a restore from a backup.
    Held,
}

/// What a message says; which fields are there depends on its kind.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = Content)]
struct ContentView {
    /// The words of a text or an edit; the newest ones, when it was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The words under a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<String>,
    /// As the sender named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    /// As the sender named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mime: Option<String>,
    /// Length of sound or film.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u32>,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    quote: Option<QuoteView>,
    /// Addresses it mentions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<String>,
    /// WhatsApp's id of the message reacted to, edited or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// The reaction; empty when it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    emoji: Option<String>,
    /// What is not understood yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
}

/// What a message answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Quote)]
struct QuoteView {
    wire_id: String,
    sender: Option<String>,
    text: Option<String>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Sender)]
struct SenderView {
    contact: Option<String>,
    name: Option<String>,
    address: Option<String>,
}

/// A message's file.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MediaState)]
struct FileView {
    /// `pending`, `stored`, `asked_again` (the phone was asked to upload it again) or `failed`.
    state: String,
    bytes: Option<u64>,
    /// As found in the file itself.
    mime: Option<String>,
    /// Why it could not be had.
    reason: Option<String>,
}

/// A reaction.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Reaction)]
struct ReactionView {
    emoji: String,
    /// Whose; null for the account itself.
    by: Option<String>,
    #[schema(format = DateTime)]
    at: String,
}

impl From<Direction> for DirectionText {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::In => Self::In,
            Direction::Out => Self::Out,
        }
    }
}

impl From<Origin> for OriginText {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Live => Self::Live,
            Origin::Offline => Self::Offline,
            Origin::History => Self::History,
            Origin::Backfill => Self::Backfill,
            Origin::Own => Self::Own,
            Origin::Repair => Self::Repair,
            Origin::Sent => Self::Sent,
        }
    }
}

impl From<SendState> for StateText {
    fn from(state: SendState) -> Self {
        match state {
            SendState::Accepted => Self::Accepted,
            SendState::Server => Self::Server,
            SendState::Delivered => Self::Delivered,
            SendState::Read => Self::Read,
            SendState::Failed => Self::Failed,
            SendState::Held => Self::Held,
        }
    }
}

impl MessageView {
    /// As shown, without what only the running fleet knows.
    pub(super) fn of(stored: Stored) -> Self {
        let sender =
            (stored.sender.is_some() || stored.sender_address.is_some()).then(|| SenderView {
                contact: stored.sender.map(|id| id.to_string()),
                name: stored.sender_name,
                address: stored.sender_address.as_ref().map(shown),
            });
        let mut content = content_view(&stored.content);
        if let Some(edited) = &stored.edited {
            match content.caption {
                Some(_) => content.caption = Some(edited.body.clone()),
                None => content.body = Some(edited.body.clone()),
            }
        }
        let rule = stored.send.as_ref().and_then(rule_answer);
        let (state, fail) = stored.send.map(|send| (send.state, send.fail)).unzip();
        Self {
            id: stored.id.to_string(),
            account: stored.account.to_string(),
            conversation: stored.conversation.to_string(),
            direction: stored.direction.into(),
            origin: stored.origin.into(),
            seq: stored.seq.0,
            wire_id: stored.wire_id,
            kind: stored.content.kind().to_owned(),
            content,
            sender,
            sent_at: iso(stored.sent_at),
            received_at: iso(stored.received_at),
            rule,
            state: state.map(Into::into),
            failure: fail.flatten().map(|reason| explain(&reason)),
            waiting: None,
            media: stored.media.map(|media| file_view(media.state, media.mime)),
            reactions: stored
                .reactions
                .into_iter()
                .map(|reaction| ReactionView {
                    emoji: reaction.emoji,
                    by: reaction.contact.map(|id| id.to_string()),
                    at: iso(reaction.at),
                })
                .collect(),
            edited_at: iso_or_null(stored.edited.map(|edited| edited.at)),
            revoked_at: iso_or_null(stored.revoked_at),
            findings: stored.findings,
        }
    }

    /// With why it has not gone out yet.
    pub(super) fn waiting(mut self, waiting: Option<super::ports::Waiting>) -> Self {
        self.waiting = waiting.map(|w| Explained {
            code: w.code.to_owned(),
            text: w.text,
            until: iso_or_null(w.until),
        });
        self
    }
}

fn rule_answer(send: &SendView) -> Option<RuleAnswer> {
    match send.cause {
        SendOrigin::Rule { rule, answers } => Some(RuleAnswer {
            id: rule.to_string(),
            name: send.rule_name.clone(),
            answers: answers.to_string(),
        }),
        SendOrigin::Api => None,
    }
}

fn content_view(content: &Content) -> ContentView {
    let empty = ContentView::default();
    let addresses = |list: &[waypost_engine::model::Address]| list.iter().map(shown).collect();
    match content {
        Content::Text {
            body,
            quote,
            mentions,
        } => ContentView {
            body: Some(body.clone()),
            quote: quote.as_ref().map(quote_view),
            mentions: addresses(mentions),
            ..empty
        },
        Content::Media {
            file,
            quote,
            mentions,
        } => ContentView {
            quote: quote.as_ref().map(quote_view),
            mentions: addresses(mentions),
            ..file_content(file)
        },
        Content::Reaction { target, emoji } => ContentView {
            target: Some(target.clone()),
            emoji: Some(emoji.clone()),
            ..empty
        },
        Content::Edit { target, body } => ContentView {
            target: Some(target.clone()),
            body: Some(body.clone()),
            ..empty
        },
        Content::Revoke { target } => ContentView {
            target: Some(target.clone()),
            ..empty
        },
        Content::Placeholder => empty,
        Content::Unsupported { what } => ContentView {
            what: Some(what.clone()),
            ..empty
        },
    }
}

fn file_content(file: &Media) -> ContentView {
    ContentView {
        caption: file.caption.clone(),
        file_name: file.file_name.clone(),
        mime: Some(file.mime.clone()),
        seconds: file.seconds,
        width: file.size.map(|(width, _)| width),
        height: file.size.map(|(_, height)| height),
        ..ContentView::default()
    }
}

fn quote_view(quote: &Quote) -> QuoteView {
    QuoteView {
        wire_id: quote.wire_id.clone(),
        sender: quote.sender.as_ref().map(shown),
        text: quote.text.clone(),
    }
}

fn file_view(state: MediaState, mime: Option<String>) -> FileView {
    let (state, bytes, reason) = match state {
        MediaState::Pending => ("pending", None, None),
        MediaState::Stored { bytes, .. } => ("stored", Some(bytes), None),
        MediaState::AskedAgain => ("asked_again", None, None),
        MediaState::Failed { reason } => ("failed", None, Some(reason)),
    };
    FileView {
        state: state.to_owned(),
        bytes,
        mime,
        reason,
    }
}

/// Why a send failed, with what to do next.
pub(super) fn explain(reason: &FailReason) -> Explained {
    let (code, text) = match reason {
        FailReason::Refused { status } => (
            "refused",
            format!("WhatsApp refused it with error {status}; check the recipient before sending again."),
        ),
        FailReason::Restricted => (
            "restricted",
            "WhatsApp does not let this number start new chats for now; answer in existing ones, and wait.".into(),
        ),
        FailReason::NotOnWhatsApp => (
            "not_on_whatsapp",
            "There is nobody on WhatsApp under this number; check it.".into(),
        ),
        FailReason::Exhausted { error } => (
            "exhausted",
            format!("Every attempt failed ({error}); repair the cause, then replay it from the dead letters."),
        ),
        FailReason::Unsupported { what } => {
            ("unsupported", format!("This channel cannot send {what}; send something else."))
        }
        FailReason::Media { error } => {
            ("media", format!("The file could not be sent ({error}); upload it again."))
        }
        FailReason::Cancelled => ("cancelled", "Somebody cancelled it before it went out.".into()),
    };
    Explained {
        code: code.to_owned(),
        text,
        until: None,
    }
}
