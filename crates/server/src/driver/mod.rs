//! The thin loops that feed engine, store and channel.
//!
//! Every account has five: [`life`] (linking, connecting), [`flow`] (messages in), [`outbox`]
//! (messages out), [`groups`] (what groups it is in) and [`gaps`] (messages that never came). One more
//! fetches files for all, and one reads them. They hold no decisions: those are the engine's.

mod alive;
mod asked;
mod awaited;
mod context;
pub(crate) mod crash;
mod deferred;
mod files;
mod fleet;
mod flow;
mod gaps;
mod gate;
mod groups;
mod health;
mod inbox;
pub(crate) mod keys;
mod life;
mod link_measures;
mod links;
mod load;
mod media;
mod mutant;
mod news;
mod notes;
mod outbox;
mod plan;
mod proxies;
mod proxy_watch;
mod reading;
mod recent;
mod reception;
mod registry;
mod restraint;
mod steps;
mod strangers;
mod told;
mod upkeep;
mod windows;

use crate::api::ports::Fleet;
use crate::config::Config;
use crate::llm::Asking;
use crate::parts::TextParts;
use crate::parts::again::{self, Aside};
use crate::reading::Reader;
use anyhow::Result;
use context::Context;
use flow::Flow;
use gaps::GapWatch;
use gate::Gate;
use groups::Groups;
use inbox::StoreInbox;
use keys::StoredKeys;
use life::Life;
use outbox::Sender;
use reception::Reception;
use registry::{Registry, Running};
pub use restraint::Sending;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use waypost_engine::model::Account;
use waypost_store::Store;
use waypost_wa::{ChannelConfig, Connector, Inbox};

/// All running accounts.
pub struct Driver {
    shared: Arc<Shared>,
}

/// What the driver and the API's view of it share.
pub(crate) struct Shared {
    context: Arc<Context>,
    inbox: Arc<StoreInbox>,
    media: Arc<Notify>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Driver {
    /// Takes every stored account and starts its loops. `stop` ends them.
    ///
    /// # Errors
    /// When the settings of the channel are refused or the store cannot be read.
    pub async fn start(config: &Config, store: Store, stop: CancellationToken) -> Result<Self> {
        files::prepare(&config.data_dir)?;
        let registry = Arc::new(Registry::default());
        let gate = Gate::new(config.link.waves(), config.link.at_once);
        let asking = Asking::from_settings(&config.insight.llm)?;
        let text = Arc::new(TextParts::new(config, store.clone()).asking(asking));
        text.start().await?;
        let (merging, reading) = (Arc::clone(&registry), Arc::clone(&text));
        store.on_merge(move |merged| {
            reading.forget(merged.from);
            reading.forget(merged.into);
            if let Some(running) = merging.get(merged.account) {
                running.flow.merged(merged.from, merged.into);
                running.outbox.merged(merged.from, merged.into);
            }
        });
        let (aside, stored) = Aside::new();
        let reception = Reception::new(store.clone(), Arc::clone(&text), aside);
        let inbox = StoreInbox::new(Arc::clone(&registry), reception.clone());
        let inbox = Arc::new(inbox);
        let reads_aside = again::run(Arc::clone(&text), store.clone(), stored, stop.clone());
        let keys = StoredKeys::new(store.clone());
        let connector = Connector::new(channel(config), Arc::new(keys), inbox.clone())?;
        let context = Context::new(
            config.clone(),
            store.clone(),
            registry,
            reception,
            Arc::clone(&gate),
            text,
        );
        context.set_connector(connector);
        let context = Arc::new(context);

        let (media, tasks) = (Arc::new(Notify::new()), TaskTracker::new());
        tasks.spawn(gate.run(stop.clone()));
        tasks.spawn(media::run(
            Arc::clone(&context),
            Arc::clone(&media),
            stop.clone(),
        ));
        let reader = Arc::new(Reader::new(config)?);
        tasks.spawn(reading::run(
            Arc::clone(&context),
            reader,
            context.files_here.clone(),
            stop.clone(),
        ));
        let kept = upkeep::Days(config.media.keep_days);
        tasks.spawn(upkeep::run(store.clone(), kept, stop.clone()));
        let scoring = (Arc::clone(&context), stop.clone());
        tasks.spawn(async move {
            let (context, stop) = scoring;
            health::run(&context, &stop).await;
        });
        let measuring = (Arc::clone(&context), stop.clone());
        tasks.spawn(async move {
            let (context, stop) = measuring;
            let tell = |level| context.text.switchboard().set_shed(level);
            context.load.run(&context.store, tell, &stop).await;
        });
        let completing = (Arc::clone(&context), stop.clone());
        tasks.spawn(async move {
            let (context, stop) = completing;
            deferred::run(&context, &stop).await;
        });
        tasks.spawn(reads_aside);
        let trying = (Arc::clone(&context), stop.clone());
        tasks.spawn(async move {
            let (context, stop) = trying;
            context.proxies.run(&context, &stop).await;
        });
        let learning = (Arc::clone(&context), stop.clone());
        tasks.spawn(async move {
            let (context, stop) = learning;
            context.windows.run(&context.store, &stop).await;
        });
        let shared = Arc::new(Shared {
            context,
            inbox,
            media,
            stop,
            tasks,
        });
        for account in store.all_accounts().await? {
            shared.take(account).await?;
        }
        Ok(Self { shared })
    }

    /// Waits until messages can be read without a wait for the intent model.
    ///
    /// # Errors
    /// When one of the lists that people edited cannot be learnt.
    pub async fn ready(&self) -> Result<()> {
        let text = Arc::clone(&self.shared.context.text);
        text.ready().await.map_err(anyhow::Error::msg)
    }

    /// The running accounts as the API sees them.
    #[must_use]
    pub fn fleet(&self) -> Arc<dyn Fleet> {
        Arc::clone(&self.shared) as Arc<dyn Fleet>
    }

    /// Where the channel commits what arrives. A commit returns once the message is durable; the
    /// account's stages then run by themselves.
    #[must_use]
    pub fn inbox(&self) -> Arc<dyn Inbox> {
        Arc::clone(&self.shared.inbox) as Arc<dyn Inbox>
    }

    /// Waits until every loop has ended; call it after the stop token was cancelled.
    pub async fn drain(&self) {
        for running in self.shared.context.registry.all() {
            running.tasks.close();
            running.tasks.wait().await;
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    /// Takes ownership of an account and starts its loops.
    async fn take(&self, account: Account) -> Result<(), waypost_store::StoreError> {
        let id = account.id;
        let owner = self.context.store.take_ownership(id).await?;
        self.context.recall_answers(id).await?;
        let route = proxies::read(&self.context.store, id).await;
        let route = route.unwrap_or_else(|error| {
            // Every connection reads it again, and none is opened while it cannot.
            tracing::error!(account = %id, %error, "the account's proxy cannot be read");
            waypost_wa::Route::Direct
        });
        self.context.proxies.take(id, &route, &self.context);
        let stop = self.stop.child_token();
        let (life, handle, connection) = Life::new(Arc::clone(&self.context), id);
        let (flow, flow_handle) = Flow::new(Arc::clone(&self.context), id);
        let commands = handle.commands.clone();
        let (sender, outbox) =
            Sender::new(Arc::clone(&self.context), id, connection.clone(), commands);
        let (groups, groups_handle) =
            Groups::new(Arc::clone(&self.context), id, connection.clone());
        let (gaps, gaps_handle) = GapWatch::new(Arc::clone(&self.context), id, connection.clone());
        let tasks = TaskTracker::new();
        let running = Running {
            owner,
            flow: flow_handle,
            outbox,
            life: handle,
            groups: groups_handle,
            gaps: gaps_handle,
            strangers: strangers::Strangers::default(),
            route: proxies::Shown::new(route),
            media: Arc::clone(&self.media),
            connection,
            stop: stop.clone(),
            tasks: tasks.clone(),
        };
        self.context.registry.insert(id, Arc::new(running));
        self.context.healths.changed(id);
        tasks.spawn(flow.run(stop.clone()));
        tasks.spawn(sender.run(stop.clone()));
        tasks.spawn(groups.run(stop.clone()));
        tasks.spawn(gaps.run(stop.clone()));
        tasks.spawn(life.run(account, stop));
        Ok(())
    }
}

fn channel(config: &Config) -> ChannelConfig {
    let version = config.whatsapp.version;
    ChannelConfig {
        url: config.whatsapp.url.clone(),
        version: (version.0, version.1, version.2),
        device_name: config.whatsapp.device_name.clone(),
        ..ChannelConfig::default()
    }
}
