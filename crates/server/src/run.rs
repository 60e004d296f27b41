//! `waypost serve`: everything wired together, top to bottom.

use crate::config::{Config, LogFormat};
use crate::driver::Driver;
use crate::{api, auth, cli, clock, ownership, sheets, webhooks};
use anyhow::{Context as _, Result};
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use waypost_store::blobs::blobs_folder;
use waypost_store::{MasterKey, Store, StoreConfig};

/// The number of this node. One machine is one node; a cluster will hand out others.
const NODE: u16 = 1;
/// The cell this node belongs to.
const CELL: u16 = 1;

/// The file whose lock says that the data folder is in use.
const LOCK: &str = "waypost.lock";

/// The database inside the data folder.
#[must_use]
pub fn database_path(data_dir: &Path) -> PathBuf {
    data_dir.join("waypost.db")
}

/// The key that seals sessions and secrets, inside the data folder.
#[must_use]
pub fn master_key_path(data_dir: &Path) -> PathBuf {
    data_dir.join("master.key")
}

/// Runs the server until it is told to stop (SIGTERM or Ctrl-C).
///
/// # Errors
/// When the data folder is in use, the database cannot be opened or the port is taken.
pub async fn serve(config: Config) -> Result<()> {
    start_logs(&config);
    warn_if_simulated();
    crate::driver::crash::watch_store();
    let stop = CancellationToken::new();
    heed_signals(stop.clone())?;
    let _lock = claim_or_take_over(&config).await?;
    let store = open_store(&config).await?;

    let listener = listen(config.server.listen).await?;
    let address = listener.local_addr()?;
    let driver = Driver::start(&config, store.clone(), stop.clone()).await?;
    let webhooks = webhooks::Worker::start(
        &config.webhooks,
        store.clone(),
        driver.fleet(),
        stop.clone(),
    );
    let state = api::AppState::new(&config, store.clone(), driver.fleet());
    let sheets = sheets::Worker::start(
        &config.sheets,
        state.sheets().clone(),
        store.clone(),
        stop.clone(),
    );

    let ownership = tokio::spawn(ownership::keep(
        store.clone(),
        stale_after(&config),
        stop.clone(),
    ));
    introduce(&config, &store, address).await?;
    let told = stop.clone().cancelled_owned();
    let served = axum::serve(listener, api::router(state)).with_graceful_shutdown(told);
    let limit = Duration::from_secs(config.server.shutdown_s);
    let served = tokio::spawn(async move { served.await });
    stop.cancelled().await;
    tracing::info!(
        limit_s = limit.as_secs(),
        "stopping; work in progress is finished first"
    );
    let drain = async {
        driver.drain().await;
        webhooks.drain().await;
        sheets.drain().await;
    };
    if tokio::time::timeout(limit, drain).await.is_err() {
        tracing::warn!("work was still in progress at the limit; it goes on at the next start");
    }
    // Event streams never end by themselves: give requests a moment, then go.
    served.abort();
    let kept = ownership.await.unwrap_or(ownership::End::Stopped);
    store.close().await;
    tracing::info!("stopped");
    match kept {
        ownership::End::Stopped => Ok(()),
        ownership::End::TakenOver => Err(waypost_store::StoreError::TakenOver.into()),
    }
}

fn start_logs(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log.filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first subscriber.
    let _ = match config.log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

fn warn_if_simulated() {
    if cfg!(feature = "sim") {
        tracing::warn!(
            "this build trusts any certificate and talks to the simulator on loopback only; \
             never use it with a real number"
        );
    }
}

/// Makes the data folder, for its owner only, and claims it for this process.
pub(crate) fn claim(data_dir: &Path) -> Result<File> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("{} cannot be made; set data_dir", data_dir.display()))?;
    restrict(data_dir, 0o700)?;
    let path = data_dir.join(LOCK);
    let lock =
        File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(
        |_| {
            anyhow::anyhow!(
                "{} is in use by another waypost; stop that one, or set another data_dir",
                data_dir.display()
            )
        },
    )?;
    Ok(lock)
}

/// Claims the data folder; takes the place of a process that has it and has not moved for long.
async fn claim_or_take_over(config: &Config) -> Result<File> {
    let refused = match claim(&config.data_dir) {
        Ok(lock) => return Ok(lock),
        Err(refused) => refused,
    };
    let store = store_config(config)?;
    let seen = tokio::task::spawn_blocking(move || Store::owner(&store)).await?;
    let Ok(Some(owner)) = seen else {
        return Err(refused);
    };
    if owner.silent_for < stale_after(config) {
        return Err(refused);
    }
    tracing::warn!(
        holder = owner.holder,
        silent_ms = owner.silent_for.as_millis(),
        "another waypost has this data folder and does not move; taking its place"
    );
    replace_lock(&config.data_dir)
}

/// A lock of our own where another process holds one that it will never give back by itself. That
/// process keeps its lock on a file that nobody finds any more.
fn replace_lock(data_dir: &Path) -> Result<File> {
    let path = data_dir.join(LOCK);
    let fresh = data_dir.join(format!("{LOCK}.{}", std::process::id()));
    let lock =
        File::create(&fresh).with_context(|| format!("{} cannot be written", fresh.display()))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .with_context(|| format!("{} cannot be locked", fresh.display()))?;
    std::fs::rename(&fresh, &path)
        .with_context(|| format!("{} cannot be replaced", path.display()))?;
    Ok(lock)
}

fn stale_after(config: &Config) -> waypost_engine::model::Duration {
    waypost_engine::model::Duration::secs(config.store.stale_s)
}

fn restrict(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .with_context(|| format!("the permissions of {} cannot be set", path.display()))
}

/// Opens the database of these settings, making folder-local keys on the first start.
///
/// # Errors
/// When the key or the database cannot be read.
pub async fn open_store(config: &Config) -> Result<Store> {
    let store = store_config(config)?;
    let database = store.database.to_string();
    let opened = tokio::task::spawn_blocking(move || Store::open(store)).await?;
    opened.with_context(|| format!("{database} cannot be opened"))
}

/// Where the store of these settings is, and how it opens.
///
/// # Errors
/// When the master key cannot be read.
pub fn store_config(config: &Config) -> Result<StoreConfig> {
    let master_key = master_key(&config.data_dir)?;
    let file = database_path(&config.data_dir);
    let store = match &config.store.url {
        None => StoreConfig::new(file, master_key),
        Some(url) => StoreConfig::postgres(url.clone(), blobs_folder(&file), master_key),
    };
    Ok(StoreConfig {
        node: NODE,
        cell: CELL,
        stale_after: stale_after(config),
        ..store
    })
}

/// The master key: from `WAYPOST_MASTER_KEY` (64 hex digits), else from its file, made at random
/// on the first start.
///
/// # Errors
/// When it cannot be read or is not 32 bytes.
pub fn master_key(data_dir: &Path) -> Result<MasterKey> {
    let path = master_key_path(data_dir);
    let text = match std::env::var("WAYPOST_MASTER_KEY") {
        Ok(text) => text,
        Err(_) if path.exists() => std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?,
        Err(_) => {
            let text = hex::encode(auth::random_bytes::<32>());
            write_secret(&path, &text)?;
            text
        }
    };
    let bytes: [u8; 32] = hex::decode(text.trim())
        .ok()
        .and_then(|b| b.try_into().ok())
        .with_context(|| {
            format!(
                "the master key must be 64 hex digits; see {}",
                path.display()
            )
        })?;
    Ok(MasterKey::new(bytes))
}

/// Writes a file that only its owner may read, in one step.
fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let fresh = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .with_context(|| format!("{} cannot be written", fresh.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{address} is taken; stop the other program or set server.listen to a free port")
    })
}

/// Tells the person at the terminal where to go, and leaves the command line its key.
async fn introduce(config: &Config, store: &Store, address: SocketAddr) -> Result<()> {
    let key = auth::renew_cli_key(store, clock::now()).await?;
    write_secret(&cli::key_file(&config.data_dir), &key)?;
    let home = config
        .server
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    if let Some(token) = auth::ensure_setup_token(store, clock::now()).await? {
        // Printed once, on purpose to the terminal and not to the log.
        eprintln!("\nFirst run: open {home}/setup?token={token} to create the owner.\n");
    }
    Ok(())
}

/// Cancels `stop` at SIGTERM or Ctrl-C, from now on: whoever stops the program while it starts is heard too.
fn heed_signals(stop: CancellationToken) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}
