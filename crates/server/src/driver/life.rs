//! One account's life: linking, connecting, and what its connection reports.
//!
//! The engine's [`ConnectFlow`] and [`LinkFlow`] decide; this loop opens and closes connections
//! for them, writes down the states and passes on what arrives. At most one connection is the
//! account's own; a link uses sockets of its own until the phone accepts.

use super::alive::{Question, Shown, signal_of};
use super::context::Context;
use super::gate::Turn;
use super::links::{LinkTask, Sockets};
use super::news;
use super::plan;
use super::proxies;
use crate::api::ports::{FleetError, LinkMethod, LinkStatus};
use crate::clock;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use waypost_engine::fleet::{
    Answer, ConnectEffect, ConnectFlow, ConnectInput, DownReason, LinkEffect, Liveness, Recovery,
    Signal,
};
use waypost_engine::model::{
    Account, AccountId, AccountState, Address, Duration, Reason, Timestamp,
};
use waypost_engine::watch::tally::Happening;
use waypost_wa::{ChannelEvent, Connection, Events, KeysError, OpenError, Purpose};

/// Events and commands waiting for one account's loop; senders wait when it is full.
const MAILBOX: usize = 256;

/// What an account is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Begin to link.
    Link {
        method: LinkMethod,
        reply: oneshot::Sender<Result<(), FleetError>>,
    },
    /// Stop linking.
    CancelLink { reply: oneshot::Sender<()> },
    /// Disconnect and stay off.
    Pause { reply: oneshot::Sender<()> },
    /// Connect, forgetting waits; also after a pause.
    Reconnect {
        reply: oneshot::Sender<Result<(), FleetError>>,
    },
    /// Try at once what would be tried next.
    Recover {
        reply: oneshot::Sender<Result<(), FleetError>>,
    },
    /// Connect with the session as it is stored.
    Restore {
        reply: oneshot::Sender<Result<(), FleetError>>,
    },
    /// Remove this device from the phone.
    Unlink {
        reply: oneshot::Sender<Result<(), FleetError>>,
    },
    /// The connection takes no messages although it is open.
    Replace,
    /// The account's health score is so low that a new connection is tried.
    Heal {
        /// The score.
        score: u8,
    },
    /// The account goes another way from now on.
    Reroute { reply: oneshot::Sender<()> },
    /// The account's proxy gives a way again.
    ProxyBack,
    /// Another account's connection came up after an outage.
    NetworkBack,
}

/// Which of the account's connections something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ConnectionNo(pub(super) u64);

/// What reaches the loop from its connections.
pub(super) enum Arrival {
    /// A connection was opened, or not.
    Opened(ConnectionNo, Result<(Connection, Events), OpenError>),
    /// A connection reports.
    Event(ConnectionNo, ChannelEvent),
    /// The account's turn to link has come.
    LinkTurn,
    /// The account's turn to connect has come.
    Turn(ConnectionNo),
    /// What became of a question to a connection.
    Answered(ConnectionNo, Question, Answer),
}

/// The outside of an account's life.
#[derive(Debug, Clone)]
pub(super) struct LifeHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) link: watch::Receiver<LinkStatus>,
    pub(super) condition: watch::Receiver<Shown>,
}

/// The loop.
pub(super) struct Life {
    pub(super) context: Arc<Context>,
    pub(super) account: AccountId,
    pub(super) connect: ConnectFlow,
    pub(super) liveness: Liveness,
    /// What was to be done about the account before a person began to link it again.
    pub(super) before_link: Option<Recovery>,
    pub(super) phone_noted: Option<Timestamp>,
    pub(super) own: Option<(ConnectionNo, Option<Connection>)>,
    pub(super) link: Option<LinkTask>,
    pub(super) sockets: Sockets,
    pub(super) connection: watch::Sender<Option<Connection>>,
    pub(super) link_status: watch::Sender<LinkStatus>,
    pub(super) condition: watch::Sender<Shown>,
    commands: mpsc::Receiver<Command>,
    arrivals: mpsc::Receiver<Arrival>,
    pub(super) arrive: mpsc::Sender<Arrival>,
    last_no: u64,
}

impl Life {
    pub(super) fn new(
        context: Arc<Context>,
        account: AccountId,
    ) -> (Self, LifeHandle, watch::Receiver<Option<Connection>>) {
        let (command, commands) = mpsc::channel(MAILBOX);
        let (arrive, arrivals) = mpsc::channel(MAILBOX);
        let (connection, online) = watch::channel(None);
        let (link_status, link) = watch::channel(LinkStatus::default());
        let (condition, shown) = watch::channel(Shown::default());
        let handle = LifeHandle {
            commands: command,
            link,
            condition: shown,
        };
        let liveness = Liveness::new(context.config.liveness.timings());
        let life = Self {
            context,
            account,
            connect: ConnectFlow::default(),
            liveness,
            before_link: None,
            phone_noted: None,
            own: None,
            link: None,
            sockets: Sockets::default(),
            connection,
            link_status,
            condition,
            commands,
            arrivals,
            arrive,
            last_no: 0,
        };
        (life, handle, online)
    }

    /// Lives until told to stop; then every connection is closed.
    pub(super) async fn run(mut self, account: Account, stop: CancellationToken) {
        self.begin(&account).await;
        while !stop.is_cancelled() {
            self.publish();
            let due = self.due();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(arrival) = self.arrivals.recv() => self.arrived(arrival).await,
                Some(command) = self.commands.recv() => self.commanded(command).await,
                () = due => self.tick().await,
            }
        }
        self.cancel_link().await;
        self.close_own().await;
    }

    /// Goes on where the account stood when the process ended.
    async fn begin(&mut self, account: &Account) {
        match plan::read(&self.context.store, self.account).await {
            Ok(plan) => self.connect = plan,
            Err(error) => {
                tracing::error!(account = %self.account, %error, "the plan to connect cannot be read");
            }
        }
        self.connect
            .configure(self.context.config.recovery.patience());
        self.recall_phone().await;
        let linked = self.context.has_session(self.account).await;
        match (account.state, &account.reason) {
            (AccountState::Disabled | AccountState::LoggedOut | AccountState::New, _) => {}
            (_, Reason::Blocked) => {}
            _ if linked => self.step(ConnectInput::Start).await,
            (AccountState::Linking, _) => {
                self.set_state(AccountState::New, Reason::LinkCancelled)
                    .await;
            }
            (AccountState::NeedsAttention, _) => {}
            // Opening finds out why there is no session, and says so.
            _ => self.step(ConnectInput::Start).await,
        }
    }

    fn due(&self) -> impl Future<Output = ()> + use<> {
        let link = self.link.as_ref().and_then(LinkTask::wake_at);
        let (connect, liveness) = (self.connect.wake_at(), self.liveness.wake_at());
        let at = [connect, liveness, link].into_iter().flatten().min();
        let wait = at.map(|at| at.since(clock::now()).max(Duration::millis(1)));
        async move {
            match wait {
                Some(wait) => tokio::time::sleep(wait.into()).await,
                None => std::future::pending().await,
            }
        }
    }

    async fn tick(&mut self) {
        self.step(ConnectInput::Tick).await;
        self.tick_link().await;
        self.feel(Signal::Tick).await;
    }

    async fn commanded(&mut self, command: Command) {
        // A caller that has gone away needs no answer.
        match command {
            Command::Link { method, reply } => {
                let _ = reply.send(self.start_link(method).await);
            }
            Command::CancelLink { reply } => {
                self.cancel_link().await;
                let _ = reply.send(());
            }
            Command::Pause { reply } => {
                self.cancel_link().await;
                self.step(ConnectInput::Pause).await;
                let _ = reply.send(());
            }
            Command::Reconnect { reply } => {
                let _ = reply.send(self.reconnect(ConnectInput::Retry).await);
            }
            Command::Recover { reply } => {
                let _ = reply.send(self.recover().await);
            }
            Command::Restore { reply } => {
                let _ = reply.send(self.reconnect(ConnectInput::Restore).await);
            }
            Command::Unlink { reply } => {
                let _ = reply.send(self.unlink().await);
            }
            Command::Reroute { reply } => {
                self.reroute().await;
                let _ = reply.send(());
            }
            Command::Replace => {
                if self.connection.borrow().is_some() {
                    self.replace(DownReason::NotServed).await;
                }
            }
            Command::Heal { score } => {
                if self.connection.borrow().is_some() {
                    self.replace(DownReason::Unwell { score }).await;
                }
            }
            Command::ProxyBack => self.proxy_back().await,
            Command::NetworkBack => self.step(ConnectInput::NetworkBack).await,
        }
    }

    async fn reconnect(&mut self, how: ConnectInput) -> Result<(), FleetError> {
        if !self.context.has_session(self.account).await {
            return Err(not_linked());
        }
        self.cancel_link().await;
        self.step(how).await;
        Ok(())
    }

    /// Does what is due next about the account, because a person wants it now.
    async fn recover(&mut self) -> Result<(), FleetError> {
        let refuse = |why: &str| Err(FleetError::WrongState(why.to_owned()));
        if self.link.is_some() {
            return refuse("this account is being linked; finish or cancel that first");
        }
        if !self.context.has_session(self.account).await {
            return Err(not_linked());
        }
        let account = self.context.store.account(self.account).await?;
        match (account.state, account.reason) {
            (AccountState::Disabled, _) => {
                return refuse("this account is paused; resume it first");
            }
            (_, Reason::TemporaryBan { until, .. }) if until > clock::now() => {
                return refuse(
                    "WhatsApp has banned this number for a while; it is tried again by itself when \
                     that ends, and trying earlier makes it worse",
                );
            }
            (AccountState::LoggedOut, _) => {
                return refuse("WhatsApp has unlinked this device; link the account again");
            }
            _ => {}
        }
        if self.connection.borrow().is_some() {
            self.feel(Signal::Prove).await;
        } else {
            self.step(ConnectInput::Climb).await;
        }
        Ok(())
    }

    /// Leaves the way it went. A link under way is cancelled: its codes belong to the old way.
    async fn reroute(&mut self) {
        self.cancel_link().await;
        let stored = self.context.store.account(self.account).await;
        let wanted = stored.is_ok_and(|account| match account.state {
            AccountState::Connecting
            | AccountState::Online
            | AccountState::Degraded
            | AccountState::Recovering => true,
            AccountState::NeedsAttention => is_of_proxy(&account.reason),
            _ => false,
        });
        if wanted && self.context.has_session(self.account).await {
            self.step(ConnectInput::Retry).await;
        } else {
            self.close_own().await;
        }
    }

    /// Connects an account that only a person could have helped while its proxy refused us.
    async fn proxy_back(&mut self) {
        let stored = self.context.store.account(self.account).await;
        let stopped = stored.is_ok_and(|account| {
            account.state == AccountState::NeedsAttention && is_of_proxy(&account.reason)
        });
        if stopped && self.link.is_none() && self.context.has_session(self.account).await {
            self.step(ConnectInput::Retry).await;
        }
    }

    async fn unlink(&mut self) -> Result<(), FleetError> {
        let connection = self.connection.borrow().clone();
        let Some(connection) = connection else {
            return Err(FleetError::NotConnected);
        };
        connection.logout().await;
        self.disconnect().await;
        self.context.forget_session(self.account).await?;
        self.set_state(AccountState::LoggedOut, Reason::Requested)
            .await;
        Ok(())
    }

    /// Makes room for a new link, because a person asked for it: what is linked now is taken off
    /// the phone if it can be reached, and its keys are removed.
    pub(super) async fn make_room(&mut self) -> Result<(), FleetError> {
        self.before_link = self.recovery();
        let connection = self.connection.borrow().clone();
        if let Some(connection) = connection {
            connection.logout().await;
        }
        self.disconnect().await;
        if self.context.has_session(self.account).await {
            self.context.forget_session(self.account).await?;
        }
        Ok(())
    }

    /// Ends the account's own connection without saying why.
    pub(super) async fn disconnect(&mut self) {
        for effect in self.decide(ConnectInput::Pause).await {
            if effect == ConnectEffect::Close {
                self.close_own().await;
            }
        }
    }

    /// What the engine makes of it; written down before anything is done.
    async fn decide(&mut self, input: ConnectInput) -> Vec<ConnectEffect> {
        let before = self.connect.clone();
        let jitter = self.context.jitter();
        let effects = self.connect.step(input, clock::now(), jitter);
        if self.connect != before {
            let written = plan::write(&self.context.store, self.account, &self.connect).await;
            if let Err(error) = written {
                tracing::error!(account = %self.account, %error, "the plan to connect cannot be stored");
            }
        }
        effects
    }

    pub(super) async fn step(&mut self, input: ConnectInput) {
        let before = self.recovery();
        let effects = self.decide(input).await;
        // Whoever sees the new state sees as well what is done about it.
        self.publish();
        for effect in effects {
            match effect {
                ConnectEffect::SetState(state, reason) => self.set_state(state, reason).await,
                ConnectEffect::Close => self.close_own().await,
                ConnectEffect::Open(client) => {
                    self.prepare(client);
                    let no = self.open(Purpose::Resume);
                    self.own = Some((no, None));
                }
                ConnectEffect::TellNetworkBack => self.tell_network_back(),
            }
        }
        self.report(before).await;
    }

    /// Opens a connection in the background; [`Arrival::Opened`] follows.
    pub(super) fn open(&mut self, purpose: Purpose) -> ConnectionNo {
        self.last_no += 1;
        let no = ConnectionNo(self.last_no);
        let (context, account, arrive) =
            (Arc::clone(&self.context), self.account, self.arrive.clone());
        tokio::spawn(async move {
            if matches!(purpose, Purpose::Resume) {
                let turn = context.gate.may_connect(account, context.jitter()).await;
                // A loop that has ended wants no connection.
                if turn == Turn::Superseded || arrive.send(Arrival::Turn(no)).await.is_err() {
                    return;
                }
                metrics::counter!("waypost_connects_total").increment(1);
            }
            // Read anew every time: without the setting nothing is opened.
            let opened = match proxies::read(&context.store, account).await {
                Ok(route) => context.connector().open(account, purpose, route).await,
                Err(error) => Err(KeysError(error.to_string()).into()),
            };
            if let Err(mpsc::error::SendError(Arrival::Opened(_, Ok((connection, _))))) =
                arrive.send(Arrival::Opened(no, opened)).await
            {
                // The account stopped meanwhile.
                connection.close().await;
            }
        });
        no
    }

    pub(super) async fn close_own(&mut self) {
        self.connection.send_replace(None);
        self.lost_sight();
        self.context.gate.connected(self.account);
        if let Some((_, Some(connection))) = self.own.take() {
            connection.close().await;
        }
    }

    async fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::LinkTurn => self.link_turn().await,
            Arrival::Opened(no, Ok((connection, events))) => {
                self.opened(no, connection, events).await;
            }
            Arrival::Opened(no, Err(error)) => {
                tracing::warn!(account = %self.account, %error, "a connection cannot be opened");
                self.event(no, ChannelEvent::Down(down_for(&error))).await;
            }
            Arrival::Event(no, event) => self.event(no, event).await,
            Arrival::Turn(no) => {
                if self.is_own(no) {
                    self.step(ConnectInput::Dialing).await;
                }
            }
            Arrival::Answered(no, question, answer) => {
                // A late word about a connection that was replaced says nothing.
                if self.is_own(no) {
                    self.feel(question.signal(answer)).await;
                }
            }
        }
    }

    async fn opened(&mut self, no: ConnectionNo, connection: Connection, mut events: Events) {
        match &mut self.own {
            Some((own, slot)) if *own == no => *slot = Some(connection),
            _ if self.sockets.opened(no, &connection) => {}
            // It was given up while it was being opened.
            _ => return connection.close().await,
        }
        let arrive = self.arrive.clone();
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if arrive.send(Arrival::Event(no, event)).await.is_err() {
                    return;
                }
            }
        });
    }

    fn is_own(&self, no: ConnectionNo) -> bool {
        self.own.as_ref().is_some_and(|(own, _)| *own == no)
    }

    async fn event(&mut self, no: ConnectionNo, event: ChannelEvent) {
        if self.is_own(no) {
            self.own_event(event).await;
        } else if let Some(socket) = self.sockets.number(no) {
            self.link_event(no, socket, event).await;
        }
        // Anything else is a late word of a connection that was closed.
    }

    async fn own_event(&mut self, event: ChannelEvent) {
        match event {
            ChannelEvent::Online => {
                self.context.healths.count(self.account, Happening::Worked);
                self.context.gate.connected(self.account);
                let connection = self.own.as_ref().and_then(|(_, c)| c.clone());
                self.connection.send_replace(connection);
                self.before_link = None;
                let (account, context) = (self.account, &self.context);
                context.proxies.dialled(account, Ok(()), context);
                self.step(ConnectInput::Online).await;
                self.feel(Signal::Connected).await;
            }
            ChannelEvent::Down(reason) => {
                if reason != DownReason::Closed {
                    self.context.healths.count(self.account, Happening::Failed);
                }
                let why = reason.reason();
                if is_of_proxy(&why) {
                    let (account, context) = (self.account, &self.context);
                    context.proxies.dialled(account, Err(why), context);
                }
                self.close_own().await;
                self.step(ConnectInput::Down(reason)).await;
            }
            other => {
                if let Some(signal) = signal_of(&other) {
                    self.feel(signal).await;
                }
                news::take(&self.context, self.account, other).await;
            }
        }
    }

    /// The link's connection is the account's own from now on.
    pub(super) async fn adopt(&mut self, no: ConnectionNo, connection: Option<Connection>) {
        self.own = Some((no, connection));
        self.step(ConnectInput::Adopted).await;
    }

    pub(super) async fn set_state(&self, state: AccountState, reason: Reason) {
        tracing::info!(account = %self.account, %state, reason = reason.code(), "state");
        let now = clock::now();
        let set = self
            .context
            .store
            .set_account_state(self.account, state, reason, now)
            .await;
        match set {
            Ok(_) => self.context.healths.changed(self.account),
            Err(error) => {
                tracing::error!(account = %self.account, %error, "the account's state cannot be stored");
            }
        }
    }

    pub(super) async fn set_identity(&self, phone: Address, lid: Option<Address>) {
        let set = self
            .context
            .store
            .set_account_identity(self.account, Some(phone), lid)
            .await;
        if let Err(error) = set {
            tracing::error!(account = %self.account, %error, "the account's number cannot be stored");
        }
        self.context.identity_changed(self.account);
    }

    pub(super) async fn link_effects(&mut self, effects: Vec<LinkEffect>) {
        for effect in effects {
            self.link_effect(effect).await;
        }
    }
}

/// Whether an account is as it is because of its proxy.
fn is_of_proxy(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::ProxyRefused { .. } | Reason::ProxyUnreachable { .. }
    )
}

fn not_linked() -> FleetError {
    FleetError::WrongState("this account is not linked; link it first".into())
}

/// What a failure to open means for the account.
fn down_for(error: &OpenError) -> DownReason {
    match error {
        OpenError::NotLinked => DownReason::SessionInvalid,
        OpenError::Proxy(error) => DownReason::ProxyUnreachable {
            error: error.clone(),
        },
        OpenError::Keys(error) => DownReason::StoreFailed {
            error: error.to_string(),
        },
        other => DownReason::Unexpected {
            error: other.to_string(),
        },
    }
}
