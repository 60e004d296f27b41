//! Opening connections.

use crate::alive::Signs;
use crate::cause::Cause;
use crate::clock;
use crate::config::{ChannelConfig, HistoryPolicy};
use crate::connection::{Connection, Keeper, Parts};
use crate::directory::Directory;
use crate::event::Events;
use crate::hook::{Hook, Intake};
use crate::limits::{
    CACHE_ENTRIES_MAX, CHAT_LANES_MAX, DEVICE_LISTS_MAX, LINK_SOCKETS_MAX, OWN_SENDS_MAX,
    PREKEYS_PER_UPLOAD, SESSION_LOCKS_MAX,
};
use crate::lost::{self, LostReports};
use crate::ports::{Inbox, KeysError, SessionKeys};
use crate::proxy::{Proxy, ProxyError, Route};
use crate::recent::RecentIds;
use crate::repeats::Repeats;
use crate::storage::owed::OwedRepeats;
use crate::storage::{Storage, has_session};
use crate::tasks::Tasks;
use crate::translate::{Listener, Pump, Shared};
use crate::transport::{Dialer, Endpoint, ReconnectSwitch, Socket, TRUSTS_ANY_CERTIFICATE};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use wacore::runtime::Runtime as _;
use wacore::store::DevicePropsOverride;
use waproto::whatsapp::device_props::PlatformType;
use waypost_engine::model::AccountId;
use whatsapp_rust::bot::{Bot, BotBuilderError};
use whatsapp_rust::{CacheConfig, CacheEntryConfig};

/// The kind of device that phones take this one for.
pub const PLATFORM: &str = "Chrome";
/// The same, as WhatsApp knows it.
const PLATFORM_TYPE: PlatformType = PlatformType::CHROME;

/// What a connection is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To link a new device; the account must not have one.
    Link,
    /// To go on with the device linked before.
    Resume,
}

/// Why a connection could not be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is not on this machine.
    #[error(
        "'{0}' is not a ws:// address on this machine (such as ws://127.0.0.1:9000/ws/chat); remove the setting to reach WhatsApp"
    )]
    NotLoopback(String),
    /// This build accepts any certificate and must not reach WhatsApp.
    #[error(
        "this build is for the simulator and connects to this machine only; set the simulator's address, or use the normal build"
    )]
    SimulatorOnly,
    /// Nothing to resume.
    #[error("this account has no linked device; link it first")]
    NotLinked,
    /// Nothing to link.
    #[error("this account already has a linked device; resume it, or log it out first")]
    AlreadyLinked,
    /// The session store failed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The proxy's address makes no sense to the client for files.
    #[error("the proxy cannot be used: {0}")]
    Proxy(String),
    /// The library refused.
    #[error("the client could not be built: {0}")]
    Build(String),
}

impl From<BotBuilderError> for OpenError {
    fn from(error: BotBuilderError) -> Self {
        Self::Build(error.to_string())
    }
}

/// What a connection is made in, and taken apart with.
struct Frame {
    route: Route,
    own_sends: Arc<RecentIds>,
    tasks: Tasks,
    socket: Socket,
    lost: LostReports,
}

/// Opens connections for any number of accounts.
#[derive(Clone)]
pub struct Connector {
    config: Arc<ChannelConfig>,
    endpoint: Endpoint,
    keys: Arc<dyn SessionKeys>,
    inbox: Arc<dyn Inbox>,
}

impl Connector {
    /// Checks the settings. A build for the simulator says so in the log.
    ///
    /// # Errors
    /// [`OpenError::NotLoopback`], [`OpenError::SimulatorOnly`].
    pub fn new(
        config: ChannelConfig,
        keys: Arc<dyn SessionKeys>,
        inbox: Arc<dyn Inbox>,
    ) -> Result<Self, OpenError> {
        let endpoint = Endpoint::new(config.url.as_deref())?;
        if TRUSTS_ANY_CERTIFICATE {
            tracing::warn!(
                "this build trusts any certificate and connects to this machine only; never use it for real accounts"
            );
        }
        Ok(Self {
            config: Arc::new(config),
            endpoint,
            keys,
            inbox,
        })
    }

    /// Starts a connection. It goes on by itself; what happens comes through [`Events`]. With a
    /// proxy nothing of it goes another way: while the proxy gives none, it ends with
    /// `Down(ProxyUnreachable)` or `Down(ProxyRefused)`.
    ///
    /// # Errors
    /// [`OpenError`], before anything was sent.
    pub async fn open(
        &self,
        account: AccountId,
        purpose: Purpose,
        route: Route,
    ) -> Result<(Connection, Events), OpenError> {
        match (purpose, has_session(&*self.keys, account).await?) {
            (Purpose::Link, true) => return Err(OpenError::AlreadyLinked),
            (Purpose::Resume, false) => return Err(OpenError::NotLinked),
            (Purpose::Link, false) | (Purpose::Resume, true) => {}
        }
        let shared = Arc::new(Shared {
            cause: Arc::new(Cause::new()),
            online: AtomicBool::new(false),
            broken: Arc::new(RecentIds::new(OWN_SENDS_MAX)),
            switch: ReconnectSwitch::default(),
            signs: Signs::new(),
            backlog: crate::backlog::Counter::default(),
            arrivals: Arc::default(),
        });
        let (lost, reports) = LostReports::new(Arc::clone(&shared.arrivals));
        let frame = Frame {
            route,
            own_sends: Arc::new(RecentIds::new(OWN_SENDS_MAX)),
            tasks: Tasks::default(),
            socket: Socket::default(),
            lost,
        };
        let intake = Arc::new(Intake::new(
            Arc::clone(&self.inbox),
            account,
            Arc::clone(&shared.cause),
            Arc::clone(&shared.broken),
            Arc::clone(&shared.arrivals),
            self.config.in_flight_max,
        ));
        let hook = Hook(Arc::clone(&intake));
        let repeats = Arc::new(Repeats::new(
            OwedRepeats::new(Arc::clone(&self.keys), account),
            Arc::clone(&self.inbox),
            account,
            Arc::clone(&shared.cause),
            frame.tasks.clone(),
        ));
        let bot = self.build(account, purpose, &shared, &frame, hook).await?;
        let Frame {
            own_sends,
            tasks,
            socket,
            ..
        } = frame;
        let client = bot.client();
        let asking = lost::ask_again(
            Arc::downgrade(&client),
            reports,
            Arc::clone(&shared.cause),
            Arc::clone(&intake),
        );
        tasks.spawn_detached(Box::pin(asking));
        client.enable_auto_reconnect.store(false, Ordering::SeqCst);
        // The first and only time it is set.
        let _ = shared.switch.set(Arc::clone(&client.enable_auto_reconnect));

        let (queue, queued) = mpsc::channel(self.config.events_max.max(1));
        let (out, receiver) = mpsc::channel(self.config.events_max.max(1));
        let listener = Arc::new(Listener {
            shared: Arc::clone(&shared),
            directory: Directory::of(&client),
            repeats: Arc::clone(&repeats),
            queue,
        });
        let subscription = client.subscribe_handler(listener);
        let stanzas = client.acquire_raw_node_forwarding();
        let pump = Pump {
            shared: Arc::clone(&shared),
            out: out.clone(),
            directory: Directory::of(&client),
            intake,
            repeats,
            client: Arc::downgrade(&client),
            tasks: tasks.clone(),
            expected: 0,
        };
        let pump = tokio::spawn(pump.run(queued));

        tracing::debug!(%account, ?purpose, at = clock::now().0, "opening a connection");
        let parts = Parts {
            client,
            shared,
            own_sends,
        };
        let connection = Connection::start(
            parts,
            Keeper {
                bot: bot.spawn(),
                subscription,
                stanzas,
                pump,
                tasks,
                socket,
                out,
            },
        );
        Ok((connection, Events { receiver }))
    }

    /// Sees whether a proxy gives a way to WhatsApp; nothing is said there.
    ///
    /// # Errors
    /// [`ProxyError`], within [`crate::limits::PROXY_DIAL_MAX`].
    pub async fn check_proxy(&self, proxy: &Proxy) -> Result<(), ProxyError> {
        self.endpoint.check(proxy).await
    }

    async fn build(
        &self,
        account: AccountId,
        purpose: Purpose,
        shared: &Arc<Shared>,
        frame: &Frame,
        hook: Hook,
    ) -> Result<Bot, OpenError> {
        let cause = &shared.cause;
        let storage = Storage::new(
            Arc::clone(&self.keys),
            Arc::clone(&self.inbox),
            account,
            Arc::clone(cause),
            Arc::clone(&frame.own_sends),
            frame.lost.clone(),
        );
        let sockets_max = match purpose {
            Purpose::Link => LINK_SOCKETS_MAX,
            Purpose::Resume => 1,
        };
        let dialer = Dialer::new(
            self.endpoint.clone(),
            frame.route.clone(),
            sockets_max,
            Arc::clone(&shared.switch),
            Arc::clone(cause),
            frame.socket.clone(),
        );
        let props = DevicePropsOverride::new()
            .with_os(self.config.device_name.clone())
            .with_platform_type(PLATFORM_TYPE);
        let builder = Bot::builder()
            .with_backend(storage)
            .with_transport_factory(dialer)
            .with_http_client(self.endpoint.http(&frame.route)?)
            .with_runtime(frame.tasks.clone())
            .with_version(self.config.version)
            .with_device_props(props)
            .with_wanted_pre_key_count(PREKEYS_PER_UPLOAD)
            .with_cache_config(caches())
            .with_inbound_durability_hook(hook);
        let builder = match self.config.history {
            HistoryPolicy::Take => builder,
            HistoryPolicy::Skip => builder.skip_history_sync(),
        };
        Ok(builder.build().await?)
    }
}

/// Small caches: most accounts are idle most of the time. What holds tasks and locks is small too:
/// the library never drops one that is in use.
fn caches() -> CacheConfig {
    let small = |cache: &CacheEntryConfig| {
        CacheEntryConfig::new(cache.timeout, cache.capacity.min(CACHE_ENTRIES_MAX))
    };
    let default = CacheConfig::default();
    let device_lists = &default.device_registry_cache;
    CacheConfig {
        group_cache: small(&default.group_cache),
        device_registry_cache: CacheEntryConfig::new(device_lists.timeout, DEVICE_LISTS_MAX),
        message_retry_counts: small(&default.message_retry_counts),
        undecryptable_dispatched: small(&default.undecryptable_dispatched),
        pdo_requested: small(&default.pdo_requested),
        sender_key_devices_cache: small(&default.sender_key_devices_cache),
        session_locks_capacity: SESSION_LOCKS_MAX,
        chat_lanes_capacity: CHAT_LANES_MAX,
        ..default
    }
}
