//! What recipients asked to have again and may not have got yet.

use super::codec::{Pack, Unpack, join};
use crate::clock;
use crate::ports::{KeyWrite, KeysError, SessionKeys, Space};
use std::sync::Arc;
use wacore_binary::{Jid, JidExt as _, NodeRef};
use waypost_engine::model::{AccountId, Duration, Timestamp};

/// A request of one device for a message of ours that it could not decrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub(crate) id: String,
    pub(crate) chat: Jid,
    pub(crate) requester: Jid,
    /// To whom the message went, when another of the account's own devices asks.
    pub(crate) recipient: Option<Jid>,
    /// Which of its requests it is, from 1.
    pub(crate) count: u8,
}

impl Repeat {
    /// Reads a stanza; `None` when it is no such request.
    pub(crate) fn asked_for(stanza: &NodeRef<'_>) -> Option<Self> {
        let text = |node: &NodeRef<'_>, key: &str| {
            let value = node.get_attr(key)?;
            Some(value.as_str().into_owned())
        };
        if stanza.tag.as_ref() != "receipt" || text(stanza, "type")? != "retry" {
            return None;
        }
        let jid = |key: &str| text(stanza, key)?.parse::<Jid>().ok();
        let retry = stanza.get_optional_child("retry")?;
        let from = jid("from")?;
        let recipient = jid("recipient");
        let (chat, requester) = match (&recipient, jid("participant")) {
            (Some(recipient), _) => (recipient.to_non_ad(), from),
            (None, Some(participant)) if from.is_group() || from.is_status_broadcast() => {
                (from, participant)
            }
            (None, _) => (from.to_non_ad(), from),
        };
        Some(Self {
            id: text(retry, "id")?,
            chat,
            requester,
            recipient,
            count: text(retry, "count")
                .and_then(|count| count.parse().ok())
                .unwrap_or(1),
        })
    }

    fn key(&self) -> Vec<u8> {
        let (chat, requester) = (self.chat.to_string(), self.requester.to_string());
        join(&[&self.id, &chat, &requester])
    }

    fn encode(&self) -> Vec<u8> {
        let recipient = self.recipient.as_ref().map(ToString::to_string);
        Pack::new()
            .int(clock::now().0)
            .flag(self.count)
            .maybe_bytes(recipient.as_deref().map(str::as_bytes))
            .done()
    }

    fn decode(key: &[u8], value: &[u8]) -> Option<(Timestamp, Self)> {
        let mut parts = std::str::from_utf8(key).ok()?.split('\0');
        let (id, chat, requester) = (parts.next()?, parts.next()?, parts.next()?);
        let mut value = Unpack::new(value).ok()?;
        let asked_at = Timestamp(value.int().ok()?);
        let count = value.flag().ok()?;
        let recipient = value.maybe_bytes().ok()?;
        let recipient = recipient.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let repeat = Self {
            id: id.to_owned(),
            chat: chat.parse().ok()?,
            requester: requester.parse().ok()?,
            recipient,
            count,
        };
        Some((asked_at, repeat))
    }
}

/// The requests of one account that are not known to be served.
pub(crate) struct OwedRepeats {
    keys: Arc<dyn SessionKeys>,
    account: AccountId,
}

impl OwedRepeats {
    pub(crate) fn new(keys: Arc<dyn SessionKeys>, account: AccountId) -> Self {
        Self { keys, account }
    }

    /// Durable when it returns.
    pub(crate) async fn owe(&self, repeat: &Repeat) -> Result<(), KeysError> {
        let put = KeyWrite::Put {
            space: Space::OwedRepeat,
            key: repeat.key(),
            value: repeat.encode().into(),
        };
        self.keys.write(self.account, vec![put]).await
    }

    pub(crate) async fn forget(&self, repeat: &Repeat) -> Result<(), KeysError> {
        self.remove(vec![repeat.key()]).await
    }

    async fn remove(&self, keys: Vec<Vec<u8>>) -> Result<(), KeysError> {
        let delete = |key| KeyWrite::Delete {
            space: Space::OwedRepeat,
            key,
        };
        let deletes = keys.into_iter().map(delete).collect();
        self.keys.write(self.account, deletes).await
    }

    /// What was asked for at most so long ago. Older requests, and what cannot be read, go.
    pub(crate) async fn young(&self, age_max: Duration) -> Result<Vec<Repeat>, KeysError> {
        let since = clock::now() - age_max;
        let stored = self.keys.scan(self.account, Space::OwedRepeat, &[]).await?;
        let (mut young, mut gone) = (Vec::new(), Vec::new());
        for (key, value) in stored {
            match Repeat::decode(&key, &value) {
                Some((asked_at, repeat)) if asked_at >= since => young.push(repeat),
                _ => gone.push(key),
            }
        }
        if !gone.is_empty() {
            self.remove(gone).await?;
        }
        Ok(young)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore_binary::builder::NodeBuilder;

    fn asked(attrs: &[(&'static str, &str)]) -> Option<Repeat> {
        let mut stanza = NodeBuilder::new("receipt").attr("type", "retry");
        for (key, value) in attrs {
            stanza = stanza.attr(key, (*value).to_owned());
        }
        let retry = NodeBuilder::new("retry")
            .attr("id", "A1")
            .attr("count", "2");
        let stanza = stanza.children([retry.build()]).build();
        Repeat::asked_for(&stanza.as_node_ref())
    }

    #[test]
    fn a_request_is_read_as_it_was_addressed_and_kept_whole() {
        let jid = |text: &str| text.parse::<Jid>().unwrap();
        let (mine, group, ana) = ("100@lid", "1-2@g.us", "200:3@lid");
        for (attrs, chat, requester, recipient) in [
            (vec![("from", ana)], "200@lid", ana, None),
            (
                vec![("from", group), ("participant", ana)],
                group,
                ana,
                None,
            ),
            (
                vec![("from", mine), ("recipient", "200@lid")],
                "200@lid",
                mine,
                Some("200@lid"),
            ),
        ] {
            let repeat = asked(&attrs).unwrap();
            let expected = Repeat {
                id: "A1".to_owned(),
                chat: jid(chat),
                requester: jid(requester),
                recipient: recipient.map(jid),
                count: 2,
            };
            assert_eq!(repeat, expected);
            let kept = Repeat::decode(&repeat.key(), &repeat.encode());
            assert_eq!(kept.map(|(_, repeat)| repeat), Some(expected));
        }
        assert_eq!(asked(&[]), None);
        assert_eq!(Repeat::decode(b"A1", &[1]), None);
    }
}
