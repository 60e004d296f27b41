//! A store in a place of its own, one linked account, and people who write to it.

use crate::place::{Folder, Place};
use serde_json::json;
use std::path::PathBuf;
use waypost_engine::model::{
    Account, AccountId, Address, Content, Draft, Event, Inbound, MessageId, Origin, RuleId,
    SendOrigin, Seq, Timestamp, WorkspaceId,
};
use waypost_store::{
    Accept, Accepted, Complete, Completed, Confirmation, EventFilter, MasterKey, NewAccount,
    OwnerEpoch, Receipt, Store, StoreConfig, Work,
};

pub(crate) const NOON: Timestamp = Timestamp(1_800_000_000_000);

/// A store, whichever database it is in.
pub(crate) struct Scene<P> {
    pub(crate) store: Store,
    pub(crate) account: AccountId,
    pub(crate) owner: OwnerEpoch,
    pub(crate) place: P,
}

pub(crate) fn key() -> MasterKey {
    MasterKey::new([3; 32])
}

impl<P: Place> Scene<P> {
    pub(crate) fn confirmation(
        &self,
        chat: Address,
        wire_ids: Vec<String>,
        receipt: Receipt,
    ) -> Confirmation {
        Confirmation {
            account: self.account,
            chat,
            chat_alt: None,
            wire_ids,
            receipt,
            at: NOON,
        }
    }

    pub(crate) async fn new() -> Self {
        let place = P::make().await;
        let store = Store::open(place.config()).unwrap();
        let account = store
            .create_account(NewAccount::named("Sales", NOON))
            .await
            .unwrap();
        let owner = store.take_ownership(account.id).await.unwrap();
        Self {
            store,
            account: account.id,
            owner,
            place,
        }
    }

    /// How this store is opened.
    pub(crate) fn config(&self) -> StoreConfig {
        self.place.config()
    }

    /// Every byte that is stored, while no store is open.
    pub(crate) async fn contents(&self) -> Vec<u8> {
        self.place.contents().await
    }

    /// Makes the database say that it has this version; the one it had.
    pub(crate) async fn set_schema_version(&self, version: u32) -> u32 {
        self.place.set_schema_version(version).await
    }

    pub(crate) async fn second_account(&self) -> Account {
        self.store
            .create_account(NewAccount::named("Support", NOON))
            .await
            .unwrap()
    }

    /// Stops and starts the program.
    pub(crate) async fn restart(&mut self) {
        self.store.close().await;
        self.store = Store::open(self.config()).unwrap();
        self.owner = self.store.take_ownership(self.account).await.unwrap();
    }

    pub(crate) async fn accept(&self, items: Vec<Inbound>) -> Vec<Accepted> {
        let accept = Accept {
            account: self.account,
            owner: self.owner,
            now: NOON,
            items,
        };
        self.store.accept(accept).await.unwrap()
    }

    pub(crate) async fn accept_one(&self, item: Inbound) -> Accepted {
        self.accept(vec![item]).await.pop().unwrap()
    }

    /// Accepts something that is to be worked on.
    pub(crate) async fn work(&self, item: Inbound) -> Work {
        match self.accept_one(item).await {
            Accepted::New(work) | Accepted::Repaired(work) => *work,
            other => panic!("expected work, got {other:?}"),
        }
    }

    pub(crate) async fn complete(&self, work: &Work, sends: Vec<Draft>) -> Completed {
        let complete = Complete {
            message: work.message,
            account: self.account,
            owner: self.owner,
            now: NOON,
            findings: json!({ "language": "en" }),
            read: None,
            sends,
            events: vec![],
        };
        self.store.complete(complete).await.unwrap()
    }

    pub(crate) async fn unfinished(&self) -> Vec<Work> {
        self.store
            .unfinished(self.account, Seq(0), 1_000)
            .await
            .unwrap()
    }

    /// A text to somebody, decided now.
    pub(crate) fn draft(&self, to: Address, wire_id: &str, words: &str) -> Draft {
        Draft {
            id: self.store.next_id::<MessageId>(NOON),
            account: self.account,
            conversation: None,
            to,
            wire_id: wire_id.to_owned(),
            content: Content::text(words),
            frozen: None,
            origin: SendOrigin::Api,
            created_at: NOON,
        }
    }

    pub(crate) fn answer(&self, work: &Work, wire_id: &str, words: &str) -> Draft {
        Draft {
            conversation: Some(work.conversation),
            origin: SendOrigin::Rule {
                rule: RuleId::from_raw(1),
                answers: work.message,
            },
            ..self.draft(work.chat.clone(), wire_id, words)
        }
    }

    /// Every event of one kind since the beginning.
    pub(crate) async fn told(&self, kind: &str) -> Vec<Event> {
        let filter = EventFilter {
            kinds: vec![kind.to_owned()],
            ..EventFilter::all(WorkspaceId::DEFAULT)
        };
        let start = self.store.cursor_at(0);
        self.store
            .events_after(start, filter, 1_000)
            .await
            .unwrap()
            .events
    }
}

impl Scene<Folder> {
    /// The SQLite file.
    pub(crate) fn path(&self) -> PathBuf {
        self.place.file()
    }
}

pub(crate) fn ana() -> Address {
    Address::phone("971500000001")
}

pub(crate) fn ana_lid() -> Address {
    Address::lid("1111")
}

pub(crate) fn ben() -> Address {
    Address::phone("971500000002")
}

pub(crate) fn ben_lid() -> Address {
    Address::lid("2222")
}

pub(crate) fn family() -> Address {
    Address::group("12036300000000")
}

/// A message from one person to the account.
pub(crate) fn says(from: Address, wire_id: &str, words: &str) -> Inbound {
    Inbound {
        wire_id: wire_id.to_owned(),
        chat: from.clone(),
        chat_alt: None,
        sender: from,
        sender_alt: None,
        from_me: false,
        push_name: None,
        origin: Origin::Live,
        sent_at: NOON,
        received_at: NOON,
        content: Content::text(words),
        raw: words.as_bytes().to_vec(),
    }
}

/// The same person's other address, named by the stanza.
pub(crate) fn also(mut inbound: Inbound, other: Address) -> Inbound {
    inbound.sender_alt = Some(other);
    inbound
}

/// A message of a person in a group.
pub(crate) fn in_group(group: Address, from: Address, wire_id: &str, words: &str) -> Inbound {
    Inbound {
        chat: group,
        ..says(from, wire_id, words)
    }
}

/// A message without words of its own.
pub(crate) fn with(inbound: Inbound, content: Content) -> Inbound {
    Inbound { content, ..inbound }
}
