//! The network as tests and tools hold it.

use crate::callers::Callers;
use crate::clock::Clock;
use crate::contact::Contact;
use crate::error::{Result, SimError};
use crate::event::{EventLog, Events, NetEvent};
use crate::faults::{FaultPlan, Faults};
use crate::group::{self, Group};
use crate::ledger::Ledger;
use crate::lock::{Locked, Shared};
use crate::media::{self, MediaFaults};
use crate::noise::ServerIdentity;
use crate::person::{Account, Addressing, Person};
use crate::phone::Phone;
use crate::seed;
use crate::server;
use crate::world::World;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Whether the server drops a message whose id the same device already sent to the same chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dedupe {
    /// It acknowledges such a message and drops it.
    #[default]
    On,
    /// It passes it on; the recipient's app hides it.
    Off,
}

/// How the network is set up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkConfig {
    /// Everything random comes from it.
    pub seed: u64,
    /// Port of the WebSocket server; 0 takes a free one.
    pub ws_port: u16,
    /// Port of the media host; 0 takes a free one.
    pub media_port: u16,
    /// How many QR refs one connection gets.
    pub qr_refs: usize,
    /// How long the first ref can be scanned, in milliseconds.
    pub qr_ref_first_ms: u64,
    /// How long each further ref can be scanned, in milliseconds.
    pub qr_ref_next_ms: u64,
    /// How much longer than that a ref can still be scanned, because client and server do not turn
    /// to the next one in the same instant; in milliseconds.
    pub qr_grace_ms: u64,
    /// How long a pairing code is valid, in milliseconds.
    pub code_valid_ms: u64,
    /// Pause between the last message of a link and the restart (515), in milliseconds.
    pub restart_pause_ms: u64,
    /// Server-side deduplication of message ids.
    pub dedupe: Dedupe,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            ws_port: 0,
            media_port: 0,
            qr_refs: 6,
            qr_ref_first_ms: 60_000,
            qr_ref_next_ms: 20_000,
            qr_grace_ms: 3_000,
            code_valid_ms: 180_000,
            restart_pause_ms: 100,
            dedupe: Dedupe::On,
        }
    }
}

/// A new account: a phone that devices can be linked to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PhoneSpec {
    /// The phone number, digits only.
    pub number: String,
    /// The LID; one is made up if absent.
    pub lid: Option<String>,
    /// The name the owner chose.
    pub push_name: String,
    /// Whether the account has moved to LIDs.
    pub addressing: Addressing,
    /// What kind of phone it is: `android` or `iphone`; empty is `android`.
    pub platform: String,
}

/// A new contact.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactSpec {
    /// The phone number, digits only.
    pub number: String,
    /// The LID; one is made up if absent.
    pub lid: Option<String>,
    /// The name they chose.
    pub push_name: String,
    /// Whether they have moved to LIDs.
    pub addressing: Addressing,
}

/// A running network on loopback. Dropping the last clone does not stop it; call
/// [`Network::shutdown`].
#[derive(Clone)]
pub struct Network {
    pub(crate) world: Arc<World>,
    ws: SocketAddr,
}

impl Network {
    /// Opens the sockets on loopback and starts serving.
    ///
    /// # Errors
    /// [`SimError::Listen`] when a port is taken.
    pub async fn start(config: NetworkConfig) -> Result<Self> {
        let ws = TcpListener::bind((Ipv4Addr::LOCALHOST, config.ws_port)).await?;
        let media = TcpListener::bind((Ipv4Addr::LOCALHOST, config.media_port)).await?;
        let address = ws.local_addr()?;
        let stop = CancellationToken::new();
        let callers = Arc::new(Callers::default());
        let world = Arc::new(World {
            clock: Clock::start(),
            identity: ServerIdentity::from_seed(config.seed)?,
            media: media::serve(media, stop.clone(), Arc::clone(&callers))?,
            callers,
            directory: Default::default(),
            linking: Default::default(),
            ledger: Default::default(),
            events: Arc::new(EventLog::new()),
            faults: Faults::new(config.seed),
            dice: Mutex::new(seed::stream(config.seed, "network")),
            stop,
            counter: AtomicU64::new(1),
            config,
        });
        tokio::spawn(server::serve(world.clone(), ws));
        Ok(Self { world, ws: address })
    }

    /// From which addresses connections came so far, to the server and to the media host, and how
    /// many of each.
    #[must_use]
    pub fn callers(&self) -> BTreeMap<IpAddr, u64> {
        self.world.callers.counts()
    }

    /// What a client connects to: `ws://127.0.0.1:PORT/ws/chat`.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}/ws/chat", self.ws)
    }

    /// The media host: `http://127.0.0.1:PORT`. Clients build `https` URLs from what the network
    /// tells them and must be made to use plain HTTP on loopback.
    #[must_use]
    pub fn media_url(&self) -> String {
        format!("http://{}", self.world.media.host())
    }

    /// The key that clients must take for WhatsApp's certificate root to accept this network.
    #[must_use]
    pub fn root_public_key(&self) -> [u8; 32] {
        // The key was serialised once when the network started, so this cannot fail any more.
        self.world.identity.root_public().unwrap_or_default()
    }

    /// Adds an account.
    ///
    /// # Errors
    /// [`SimError::BadNumber`] or [`SimError::Taken`].
    pub fn add_phone(&self, spec: PhoneSpec) -> Result<Phone> {
        let mut dice = seed::stream(self.world.config.seed, &format!("phone {}", spec.number));
        let platform = if spec.platform.is_empty() {
            "android".into()
        } else {
            spec.platform
        };
        let account = Account {
            platform,
            companions: Mutex::default(),
            next_device: Mutex::new(1),
            sync_key_id: dice.random(),
            sync_key: dice.random(),
            collections: Mutex::default(),
            phone: Mutex::default(),
        };
        let person = self.add_person(
            &spec.number,
            spec.lid,
            spec.push_name,
            spec.addressing,
            Some(Box::new(account)),
        )?;
        Ok(Phone::new(self.world.clone(), person))
    }

    /// Adds a contact.
    ///
    /// # Errors
    /// [`SimError::BadNumber`] or [`SimError::Taken`].
    pub fn add_contact(&self, spec: ContactSpec) -> Result<Contact> {
        let person = self.add_person(
            &spec.number,
            spec.lid,
            spec.push_name,
            spec.addressing,
            None,
        )?;
        Ok(Contact::new(self.world.clone(), person))
    }

    fn add_person(
        &self,
        number: &str,
        lid: Option<String>,
        push_name: String,
        addressing: Addressing,
        account: Option<Box<Account>>,
    ) -> Result<Arc<Person>> {
        const DIGITS: std::ops::RangeInclusive<usize> = 5..=15;
        if !DIGITS.contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SimError::BadNumber(number.to_owned()));
        }
        let lid = lid.unwrap_or_else(|| made_up_lid(self.world.config.seed, number));
        let person = Arc::new(Person::new(
            number.to_owned(),
            lid,
            push_name,
            addressing,
            account,
        ));
        self.world.directory.writing().add(person.clone())?;
        Ok(person)
    }

    /// Adds a group; its creator is its first member and need not be listed.
    ///
    /// # Errors
    /// [`SimError::UnknownNumber`], or [`SimError::Protocol`] when there are too many members.
    pub fn add_group(&self, subject: &str, creator: &str, members: &[&str]) -> Result<Group> {
        let creator = self.world.person(creator)?;
        let members = members
            .iter()
            .map(|n| self.world.person(n))
            .collect::<Result<Vec<_>>>()?;
        let room = group::create(&self.world, &creator, subject, &members, None)?;
        Ok(Group::new(self.world.clone(), room))
    }

    /// A group by its id, also one that a linked device made.
    ///
    /// # Errors
    /// [`SimError::UnknownGroup`].
    pub fn group(&self, id: &str) -> Result<Group> {
        let id = id.split('@').next().unwrap_or_default();
        Ok(Group::new(self.world.clone(), self.world.group(id)?))
    }

    /// The ids of all groups, sorted.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .world
            .directory
            .reading()
            .groups
            .keys()
            .cloned()
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The phone of an account that was added before.
    ///
    /// # Errors
    /// [`SimError::UnknownNumber`] or [`SimError::NotAnAccount`].
    pub fn phone(&self, number: &str) -> Result<Phone> {
        let person = self.world.person(number)?;
        person.account()?;
        Ok(Phone::new(self.world.clone(), person))
    }

    /// A person that was added before. An account's phone can be driven as a contact, too.
    ///
    /// # Errors
    /// [`SimError::UnknownNumber`].
    pub fn contact(&self, number: &str) -> Result<Contact> {
        Ok(Contact::new(self.world.clone(), self.world.person(number)?))
    }

    /// Numbers of all accounts, sorted.
    #[must_use]
    pub fn accounts(&self) -> Vec<String> {
        self.numbers(|p| p.account.is_some())
    }

    /// Numbers of all contacts, sorted.
    #[must_use]
    pub fn contacts(&self) -> Vec<String> {
        self.numbers(|p| p.account.is_none())
    }

    fn numbers(&self, wanted: impl Fn(&Person) -> bool) -> Vec<String> {
        let people = self.world.directory.reading().people();
        let mut numbers: Vec<String> = people
            .iter()
            .filter(|p| wanted(p))
            .map(|p| p.pn.clone())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    /// Reads the ledger. Traffic waits while `read` runs, so keep it short.
    pub fn with_ledger<T>(&self, read: impl FnOnce(&Ledger) -> T) -> T {
        read(&self.world.ledger.locked())
    }

    /// Empties the ledger, for a new measurement.
    pub fn clear_ledger(&self) {
        self.world.ledger.locked().clear();
    }

    /// Follows what happens from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::from_now(self.world.events.clone())
    }

    /// What has happened, as far back as it is kept ([`crate::MAX_EVENTS`]).
    #[must_use]
    pub fn past_events(&self) -> Vec<NetEvent> {
        let mut past = Events::from_start(self.world.events.clone());
        std::iter::from_fn(|| past.try_next()).collect()
    }

    /// The first event that `wanted` accepts among those still kept and those to come.
    ///
    /// # Errors
    /// [`SimError::Timeout`] when none comes within `limit`.
    pub async fn wait_for(
        &self,
        limit: Duration,
        wanted: impl FnMut(&NetEvent) -> bool,
    ) -> Result<NetEvent> {
        Events::from_start(self.world.events.clone())
            .wait_for(limit, wanted)
            .await
    }

    /// Lets an account misbehave as planned; other faults of it end.
    pub fn set_faults(&self, account: &str, plan: FaultPlan) {
        self.world.faults.set(account, plan);
        server::faults_changed(&self.world);
    }

    /// Lets all accounts without a plan of their own misbehave.
    pub fn set_faults_for_all(&self, plan: FaultPlan) {
        self.world.faults.set_all(plan);
        server::faults_changed(&self.world);
    }

    /// Ends all faults of accounts.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
        server::faults_changed(&self.world);
    }

    /// The current faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// Lets the media host misbehave.
    pub fn set_media_faults(&self, faults: MediaFaults) {
        self.world.media.set_faults(faults);
    }

    /// Removes a file from the media host. Returns whether it was there.
    #[must_use]
    pub fn expire_media(&self, direct_path: &str) -> bool {
        self.world.media.expire(direct_path)
    }

    /// Time since the network started; the ledger's times are on this clock.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.world.clock.now()
    }

    /// Cuts all connections and stops listening.
    pub async fn shutdown(&self) {
        self.world.stop.cancel();
        tokio::task::yield_now().await;
    }
}

/// A LID that looks like one and depends on nothing but seed and number.
fn made_up_lid(seed: u64, number: &str) -> String {
    const LOWEST: u64 = 100_000_000_000_000;
    let mut dice = seed::stream(seed, &format!("lid of {number}"));
    dice.random_range(LOWEST..LOWEST * 3).to_string()
}
