//! The owner's phone of an account, as tests and tools hold it.

use crate::contact::SendHow;
use crate::content::Outgoing;
use crate::error::{Result, SimError};
use crate::faults::StreamError;
use crate::lock::Locked;
use crate::person::{LinkPolicy, Person, PlaceholderHelp};
use crate::sending;
use crate::server::history::{self, HistorySharing, PastMessage};
use crate::server::{self, code, linking};
use crate::world::World;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A device linked to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkedDevice {
    /// Its number within the account, from 1.
    pub device: u16,
    /// Whether it is connected.
    pub online: bool,
    /// Stanzas that it has not acknowledged.
    pub waiting: usize,
    /// One-time keys that the server holds for it.
    pub one_time_keys: usize,
}

/// The phone of an account. Cheap to clone.
#[derive(Clone)]
pub struct Phone {
    world: Arc<World>,
    person: Arc<Person>,
}

impl Phone {
    pub(crate) fn new(world: Arc<World>, person: Arc<Person>) -> Self {
        Self { world, person }
    }

    /// The account's number, digits only.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.person.pn
    }

    /// The account's LID, digits only.
    #[must_use]
    pub fn lid(&self) -> &str {
        &self.person.lid
    }

    /// Scans the QR code whose text a client shows. Returns the new device's number once the
    /// device has signed; its login follows.
    ///
    /// # Errors
    /// [`SimError::BadQr`] for foreign or expired codes, [`SimError::PhoneOffline`],
    /// [`SimError::TooManyDevices`], [`SimError::Timeout`] when the device falls silent.
    pub async fn scan(&self, qr: &str) -> Result<u16> {
        self.must_be_online()?;
        linking::scan(&self.world, &self.person, qr).await
    }

    /// Scans after a while, as a slow owner would.
    pub fn scan_after(&self, qr: &str, after: Duration) -> JoinHandle<Result<u16>> {
        let (phone, qr) = (self.clone(), qr.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            phone.scan(&qr).await
        })
    }

    /// Types the eight characters that a client shows. Dashes and case do not matter. Returns the
    /// new device's number.
    ///
    /// # Errors
    /// [`SimError::NoCodeAsked`], [`SimError::WrongCode`], and as [`Phone::scan`].
    pub async fn type_code(&self, typed: &str) -> Result<u16> {
        self.must_be_online()?;
        code::type_code(&self.world, &self.person, typed).await
    }

    /// The linked devices.
    #[must_use]
    pub fn linked_devices(&self) -> Vec<LinkedDevice> {
        let describe = |c: &Arc<crate::companion::Companion>| LinkedDevice {
            device: c.device,
            online: c.conn().is_some(),
            waiting: c.post.locked().mailbox().len(),
            one_time_keys: c.keys.locked().one_time.len(),
        };
        self.person.companions().iter().map(describe).collect()
    }

    /// Removes a linked device: it is told, cut off and refused with 401 from then on.
    ///
    /// # Errors
    /// [`SimError::UnknownDevice`].
    pub async fn unlink(&self, device: u16) -> Result<()> {
        server::unlink(&self.world, &self.person, device).await
    }

    /// Cuts the connections of all linked devices; they may come back at once.
    pub fn kick(&self) {
        for companion in self.person.companions() {
            companion.cut();
        }
    }

    /// Ends the connections of all linked devices with a `stream:error`.
    pub async fn stream_error(&self, error: StreamError) {
        server::stream_error(&self.person, &error).await;
    }

    /// Sends from the phone itself; its linked devices get copies. Returns the wire id.
    ///
    /// # Errors
    /// As [`crate::Contact::send`], and [`SimError::PhoneOffline`].
    pub async fn send(&self, to: &str, what: Outgoing) -> Result<String> {
        self.must_be_online()?;
        let recipient = self.world.person(to)?;
        sending::direct(
            &self.world,
            &self.person,
            &recipient,
            &what,
            &SendHow::default(),
        )
        .await
    }

    /// Reads messages of a chat on the phone itself; its linked devices are told. `chat` is a
    /// contact's number or a group's id, `ids` are wire ids.
    ///
    /// # Errors
    /// [`SimError::PhoneOffline`], [`SimError::UnknownNumber`], [`SimError::UnknownGroup`].
    pub fn read(&self, chat: &str, ids: &[&str]) -> Result<()> {
        self.must_be_online()?;
        server::read_by_owner(&self.world, &self.person, chat, ids)
    }

    /// Switches the phone off for so long: it neither scans nor answers its linked devices.
    pub fn go_offline(&self, how_long: Duration) {
        self.set_offline_until(Some(self.world.clock.now() + how_long));
    }

    /// Switches the phone on.
    pub fn go_online(&self) {
        self.set_offline_until(None);
    }

    /// Lets messages vanish that wait for the linked devices: the server announces them with the next
    /// backlog and never delivers them. The phone keeps them.
    pub fn lose_waiting(&self, ids: &[&str]) {
        for companion in self.person.companions() {
            let ids = ids.iter().map(|id| (*id).to_owned());
            companion.post.locked().vanish(ids);
        }
    }

    /// Forgets a message on the phone itself, as when its owner deletes it there.
    ///
    /// # Errors
    /// When the phone's keys cannot be made.
    pub fn forget(&self, id: &str) -> Result<()> {
        let live = self.person.live(self.world.config.seed)?;
        live.memory.locked().forget(id);
        Ok(())
    }

    /// What devices that are linked from now on are given as history.
    ///
    /// # Errors
    /// [`SimError::UnknownNumber`].
    pub fn set_history(&self, past: Vec<PastMessage>) -> Result<()> {
        history::keep(&self.world, &self.person, past)
    }

    /// How they are given it.
    pub fn set_history_sharing(&self, sharing: HistorySharing) {
        if let Some(account) = &self.person.account {
            account.phone.locked().sharing = sharing;
        }
    }

    /// Whether the phone gives its linked devices messages that they could not decrypt.
    pub fn set_placeholder_help(&self, help: PlaceholderHelp) {
        if let Some(account) = &self.person.account {
            account.phone.locked().placeholders = help;
        }
    }

    /// Whether linking needs a passkey from now on.
    pub fn set_link_policy(&self, policy: LinkPolicy) {
        if let Some(account) = &self.person.account {
            account.phone.locked().linking = policy;
        }
    }

    fn set_offline_until(&self, until: Option<Duration>) {
        if let Some(account) = &self.person.account {
            account.phone.locked().offline_until = until;
        }
    }

    fn must_be_online(&self) -> Result<()> {
        if phone_is_online(&self.world, &self.person) {
            Ok(())
        } else {
            Err(SimError::PhoneOffline(self.person.pn.clone()))
        }
    }
}

/// Whether an account's phone can act now.
pub(crate) fn phone_is_online(world: &World, person: &Person) -> bool {
    let until = person
        .account
        .as_ref()
        .and_then(|a| a.phone.locked().offline_until);
    until.is_none_or(|until| world.clock.now() >= until)
}
