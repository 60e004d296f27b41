//! The session of a linked device: login, reading its stanzas, writing what it is owed.

use crate::clock::unix_seconds;
use crate::companion::{Companion, Conn, LAST_WORDS, Out};
use crate::error::Result;
use crate::event::NetEvent;
use crate::faults::{LoginRefusal, StreamError};
use crate::lock::{Locked, Shared};
use crate::mailbox::{Class, OWN_LANE, Owed};
use crate::noise::{Handshake, NodeReader, NodeWriter};
use crate::person::Person;
use crate::post::{Delivery, Step};
use crate::server::{encrypt, history, inbound, iq, receipts};
use crate::stanza::{attr, brief, child, server_jid};
use crate::world::World;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// A client that never asks for the rest of its backlog gets it after this long.
const BACKLOG_PATIENCE: Duration = Duration::from_millis(500);
/// How many backlog stanzas it then gets at a time.
const BACKLOG_PORTION: usize = 200;

/// Who wants to log in, and how.
pub(crate) struct Login {
    pub(crate) account: String,
    pub(crate) device: u16,
    pub(crate) noise_static: [u8; 32],
    pub(crate) handshake: Handshake,
}

/// One logged-in connection, as the stanza handlers see it.
pub(crate) struct Session {
    pub(crate) world: Arc<World>,
    pub(crate) account: Arc<Person>,
    pub(crate) companion: Arc<Companion>,
    pub(crate) conn: Arc<Conn>,
}

/// Runs the connection until it ends.
pub(crate) async fn run(
    world: &Arc<World>,
    login: Login,
    conn: Arc<Conn>,
    queue: mpsc::Receiver<Out>,
    mut reader: NodeReader,
    mut writer: NodeWriter,
) -> Result<()> {
    let found = admit(world, &login);
    let (account, companion) = match found {
        Ok(found) => found,
        Err(refusal) => {
            world.event(NetEvent::LoginRefused {
                account: login.account,
                device: login.device,
                reason: refusal.reason,
            });
            writer.send(&failure_node(refusal)).await?;
            let until_it_closes = async { while let Ok(Some(_)) = reader.next().await {} };
            let _ = tokio::time::timeout(LAST_WORDS, until_it_closes).await;
            writer.close().await;
            return Ok(());
        }
    };
    take_over(&companion, &conn).await;
    conn.silent
        .send_replace(world.faults.plan(&account.pn).silent);
    let success = NodeBuilder::new("success")
        .attr("t", unix_seconds())
        .attr("lid", companion.lid_jid())
        .attr("creation", "0")
        .attr("location", "sim")
        .build();
    conn.answer(success).await;
    world.event(NetEvent::LoggedIn {
        account: account.pn.clone(),
        device: companion.device,
        handshake: login.handshake,
    });
    let session = Arc::new(Session {
        world: world.clone(),
        account,
        companion,
        conn,
    });
    let writing = tokio::spawn(write(session.clone(), queue, writer));
    let result = read(&session, reader).await;
    session.conn.cut.cancel();
    let _ = writing.await;
    leave(&session);
    result
}

fn admit(
    world: &World,
    login: &Login,
) -> std::result::Result<(Arc<Person>, Arc<Companion>), LoginRefusal> {
    const NOT_LINKED: LoginRefusal = LoginRefusal {
        reason: 401,
        expires_in: None,
        times: None,
    };
    let account = world.person(&login.account).map_err(|_| NOT_LINKED)?;
    if let Some(refusal) = world.faults.refuses_login(&account.pn) {
        return Err(refusal);
    }
    let companion = account.companion(login.device).ok_or(NOT_LINKED)?;
    if companion.noise_static != login.noise_static {
        return Err(NOT_LINKED);
    }
    Ok((account, companion))
}

fn failure_node(refusal: LoginRefusal) -> Node {
    let node = NodeBuilder::new("failure")
        .attr("reason", refusal.reason.to_string())
        .attr("location", "sim");
    match refusal.expires_in {
        // For a temporary ban the client also wants to know what for.
        Some(seconds) => node
            .attr("code", "101")
            .attr("expire", seconds.to_string())
            .build(),
        None => node.build(),
    }
}

/// Makes this the device's connection; an older one is told that it was replaced.
async fn take_over(companion: &Companion, conn: &Arc<Conn>) {
    let old = companion.conn.locked().replace(conn.clone());
    companion.post.locked().pause();
    if let Some(old) = old {
        let conflict = NodeBuilder::new("stream:error")
            .children([NodeBuilder::new("conflict")
                .attr("type", "replaced")
                .build()])
            .build();
        old.say_and_close(conflict).await;
    }
}

fn leave(session: &Session) {
    let mut current = session.companion.conn.locked();
    if current.as_ref().is_some_and(|c| c.id == session.conn.id) {
        *current = None;
        session.companion.post.locked().pause();
    }
    drop(current);
    session.world.event(NetEvent::Disconnected {
        account: session.account.pn.clone(),
        device: session.companion.device,
    });
}

async fn read(session: &Arc<Session>, mut reader: NodeReader) -> Result<()> {
    let mut silent = session.conn.silent.subscribe();
    loop {
        let node = tokio::select! {
            () = session.conn.cut.cancelled() => return Ok(()),
            node = async {
                // Only fails when the connection is gone, which `cut` tells as well.
                let _ = silent.wait_for(|s| !s).await;
                reader.next().await
            } => node?,
        };
        let Some(node) = node else { return Ok(()) };
        tracing::trace!(account = %session.account.pn, stanza = %brief(&node), "received");
        // Silence may have begun while the read was waiting: what came in since is not answered.
        while *silent.borrow_and_update() {
            tokio::select! {
                () = session.conn.cut.cancelled() => return Ok(()),
                changed = silent.changed() => if changed.is_err() { return Ok(()) },
            }
        }
        if let Err(error) = handle(session, &node).await {
            tracing::warn!(account = %session.account.pn, %error, stanza = %brief(&node), "refused");
        }
    }
}

async fn handle(session: &Arc<Session>, node: &Node) -> Result<()> {
    match &*node.tag {
        "iq" => iq::answer(session, node).await,
        "message" => inbound::message(session, node).await,
        "receipt" => receipts::from_device(session, node).await,
        "ack" => {
            if let Some(class) = Class::parse(&attr(node, "class")) {
                receipts::settle(session, class, &attr(node, "id"));
            }
            Ok(())
        }
        "ib" => {
            if let Some(batch) = child(node, "offline_batch") {
                let count = attr(batch, "count").parse().unwrap_or(BACKLOG_PORTION);
                session.companion.post.locked().grant(count);
                session.companion.wake.notify_one();
            }
            Ok(())
        }
        "presence" | "chatstate" => {
            receipts::presence(session, node);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The client said that it is ready: announce and start the backlog.
pub(crate) async fn activate(session: &Session) {
    let backlog = {
        let mut post = session.companion.post.locked();
        if post.is_active() {
            return;
        }
        let backlog = post.activate();
        let account = &session.account.pn;
        let short = session.world.faults.plan(account).short_backlog;
        if session.world.faults.happens(account, short) {
            post.stop_half_way();
        }
        backlog
    };
    let preview = NodeBuilder::new("offline_preview")
        .attr("count", backlog.total() as u32)
        .attr("appdata", 0u32)
        .attr("message", backlog.messages as u32)
        .attr("notification", backlog.notifications as u32)
        .attr("receipt", backlog.receipts as u32)
        .build();
    if backlog.total() > 0 {
        session.conn.answer(ib(preview)).await;
    }
    session.companion.wake.notify_one();
}

fn ib(content: Node) -> Node {
    NodeBuilder::new("ib")
        .attr("from", server_jid())
        .children([content])
        .build()
}

/// What the writer does next.
enum Work {
    Direct(Option<Out>),
    Deliver(Box<Delivery>),
    CaughtUp(usize),
}

async fn write(session: Arc<Session>, mut queue: mpsc::Receiver<Out>, mut writer: NodeWriter) {
    let mut silent = session.conn.silent.subscribe();
    loop {
        let work = tokio::select! {
            () = session.conn.cut.cancelled() => break,
            work = async {
                let _ = silent.wait_for(|s| !s).await;
                tokio::select! {
                    biased;
                    direct = queue.recv() => Work::Direct(direct),
                    work = owed(&session) => work,
                }
            } => work,
        };
        let written = match work {
            Work::Direct(Some(Out::Node(node))) => writer.send(&node).await,
            Work::Direct(Some(Out::Close)) => {
                session.conn.linger().await;
                break;
            }
            Work::Direct(None) => break,
            Work::CaughtUp(count) => {
                session.world.event(NetEvent::CaughtUp {
                    account: session.account.pn.clone(),
                    device: session.companion.device,
                    count,
                });
                let done = NodeBuilder::new("offline")
                    .attr("count", count as u32)
                    .build();
                writer.send(&ib(done)).await
            }
            Work::Deliver(delivery) => deliver(&session, &mut writer, *delivery).await,
        };
        if written.is_err() {
            break;
        }
    }
    writer.close().await;
    session.conn.cut.cancel();
}

/// Waits for the next stanza that is due. Nothing is taken until it is returned, so being cancelled
/// loses nothing.
async fn owed(session: &Session) -> Work {
    loop {
        let woken = session.companion.wake.notified();
        let now = session.world.clock.now();
        let (step, starved) = {
            let mut post = session.companion.post.locked();
            let step = post.step(now);
            (step, post.starved())
        };
        match step {
            Step::Write(delivery) => return Work::Deliver(delivery),
            Step::CaughtUp(count) => return Work::CaughtUp(count),
            Step::Later(due) => {
                tokio::select! {
                    () = tokio::time::sleep(due.saturating_sub(now)) => {}
                    () = woken => {}
                }
            }
            Step::Idle if starved => {
                let patience = tokio::time::timeout(BACKLOG_PATIENCE, woken).await;
                if patience.is_err() {
                    session.companion.post.locked().grant(BACKLOG_PORTION);
                }
            }
            Step::Idle => woken.await,
        }
    }
}

async fn deliver(session: &Session, writer: &mut NodeWriter, delivery: Delivery) -> Result<()> {
    let Delivery { owed, offline } = delivery;
    let said = owed.is_said();
    let mut node = owed.node;
    if let Some(place) = offline {
        node.attrs.insert("offline", place as u32);
    }
    let account = &session.account.pn;
    for _ in 0..owed.copies {
        if said {
            let mut ledger = session.world.ledger.locked();
            ledger.handed(account, session.companion.device, &owed.id);
        }
        writer.send(&node).await?;
    }
    if said {
        let plan = session.world.faults.plan(account);
        if session.world.faults.happens(account, plan.kick) {
            session.conn.cut.cancel();
        }
    }
    Ok(())
}

/// Queues a stanza for a device, with the latency and the losses that its account suffers from.
pub(crate) fn push(
    world: &World,
    companion: &Companion,
    class: Class,
    id: &str,
    lane: &str,
    node: Node,
) -> Result<()> {
    let plan = world.faults.plan(&companion.account);
    let due = world.clock.now() + world.faults.latency(&companion.account, &plan);
    let said = class == Class::Message && lane != OWN_LANE;
    let doubled = said && world.faults.happens(&companion.account, plan.duplicate);
    let owed = Owed {
        class,
        id: id.to_owned(),
        lane: lane.to_owned(),
        node,
        due,
        copies: 1 + u32::from(doubled),
        written: 0,
    };
    if said {
        if world.faults.happens(&companion.account, plan.lose_delivery) {
            companion.post.locked().withhold(lane);
        }
        companion.push(owed)?;
        if world.faults.happens(&companion.account, plan.reorder) {
            companion.post.locked().mailbox().overtake();
        }
        return Ok(());
    }
    companion.push(owed)
}

/// Applies faults that concern open connections.
pub(crate) fn faults_changed(world: &World) {
    let people = world.directory.reading().people();
    for person in people.iter().filter(|p| p.account.is_some()) {
        let silent = world.faults.plan(&person.pn).silent;
        for companion in person.companions() {
            if let Some(conn) = companion.conn() {
                conn.silent.send_replace(silent);
            }
        }
    }
}

/// Ends the connections of an account's devices with an error.
pub(crate) async fn stream_error(account: &Person, error: &StreamError) {
    let said = NodeBuilder::new("stream:error");
    let said = match error {
        StreamError::Code(code) => said.attr("code", code.to_string()),
        StreamError::Ack(id) => said.children([NodeBuilder::new("ack")
            .attr("class", "status")
            .attr("id", id.clone())
            .attr("type", "media")
            .build()]),
    };
    let said = said.build();
    for companion in account.companions() {
        if let Some(conn) = companion.conn() {
            conn.say_and_close(said.clone()).await;
        }
    }
}

/// Removes a device from its account: it is told, cut off, and refused from now on.
pub(crate) async fn unlink(world: &World, account: &Person, device: u16) -> Result<()> {
    let gone = account.account()?.companions.locked().remove(&device);
    let gone = gone.ok_or_else(|| crate::error::SimError::UnknownDevice {
        account: account.pn.clone(),
        device,
    })?;
    if let Some(conn) = gone.conn() {
        let removed = NodeBuilder::new("stream:error")
            .attr("code", "401")
            .children([NodeBuilder::new("conflict")
                .attr("type", "device_removed")
                .build()])
            .build();
        conn.say_and_close(removed).await;
    }
    world.event(NetEvent::Unlinked {
        account: account.pn.clone(),
        device,
    });
    device_list_changed(world, account, device).await;
    Ok(())
}

/// Tells the other devices of an account that its list of devices changed.
pub(crate) async fn device_list_changed(world: &World, account: &Person, except: u16) {
    let devices: Vec<Node> = std::iter::once(
        NodeBuilder::new("device")
            .attr("jid", Jid::pn(account.pn.as_str()))
            .build(),
    )
    .chain(account.companions().iter().map(|c| {
        NodeBuilder::new("device")
            .attr("jid", Jid::pn_device(c.account.as_str(), c.device))
            .attr("key-index", c.key_index)
            .build()
    }))
    .collect();
    for companion in account.companions() {
        if companion.device == except {
            continue;
        }
        let id = format!("d{}", world.number());
        let list = NodeBuilder::new("devices")
            .attr("dhash", "2:sim")
            .children(devices.clone());
        let node = NodeBuilder::new("notification")
            .attr("type", "account_sync")
            .attr("from", account.pn_jid())
            .attr("id", id.clone())
            .attr("t", unix_seconds())
            .children([list.build()])
            .build();
        if let Err(error) = push(world, &companion, Class::Notification, &id, "devices", node) {
            tracing::warn!(%error, "a device list could not be announced");
        }
    }
}

/// Sends a new device what only its phone can give it. Done once, after it has uploaded keys.
pub(crate) async fn welcome(session: &Arc<Session>) -> Result<()> {
    use std::sync::atomic::Ordering;
    if session.companion.welcomed.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    encrypt::share_sync_key(session).await?;
    history::share(session).await
}
