//! The server: accepts sockets, shakes hands, and hands each connection to linking or to a session.

pub(crate) mod appstate;
pub(crate) mod code;
mod encrypt;
mod groups;
pub(crate) mod history;
mod inbound;
mod iq;
pub(crate) mod linking;
mod placeholder;
mod receipts;
mod reupload;
mod session;
mod usync;

pub(crate) use inbound::{ask_again, damage_if_wanted, shown_or_copied, unpadded};
pub(crate) use receipts::{read_by_owner, receipt_to_account};
pub(crate) use session::{Session, faults_changed, push, stream_error, unlink};

use crate::companion::{Conn, Out};
use crate::error::{Result, SimError};
use crate::noise::{self, NodeWriter};
use crate::seed;
use crate::world::World;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use wacore_libsignal::protocol::KeyPair;

/// Connections served at once; more are closed right after they are accepted.
const MAX_CONNECTIONS: usize = 10_000;
/// Time a client has for the WebSocket upgrade and the Noise handshake.
const HANDSHAKE_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Accepts connections until the network stops.
pub(crate) async fn serve(world: Arc<World>, listener: TcpListener) {
    let places = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = world.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let socket = match accepted {
            Ok((socket, _)) => {
                world.callers.note(&socket);
                socket
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::warn!("too many connections; one more was refused");
            continue;
        };
        let world = world.clone();
        tokio::spawn(async move {
            if let Err(error) = connection(&world, socket).await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
}

async fn connection(world: &Arc<World>, socket: TcpStream) -> Result<()> {
    socket.set_nodelay(true)?;
    let number = world.number();
    let mut rng = seed::stream(world.config.seed, &format!("ephemeral {number}"));
    let opening = async {
        let ws = tokio_tungstenite::accept_async(socket)
            .await
            .map_err(SimError::protocol)?;
        noise::accept(ws, &world.identity, KeyPair::generate(&mut rng)).await
    };
    let opened = tokio::time::timeout(HANDSHAKE_LIMIT, opening)
        .await
        .map_err(|_| SimError::protocol("the handshake took too long"))??;
    let (conn, queue) = Conn::new(number, world.stop.child_token());
    let mut payload = opened.payload;
    match payload.device_pairing_data.take() {
        Some(registration) => {
            let offer = linking::Offer {
                conn: conn.clone(),
                registration,
                noise_static: opened.client_static,
            };
            tokio::spawn(write_answers(conn.clone(), queue, opened.writer));
            let mut reader = opened.reader;
            let result = linking::run(world, offer, &mut reader).await;
            conn.cut.cancel();
            result
        }
        None => {
            let login = session::Login {
                account: payload.username.map(|u| u.to_string()).unwrap_or_default(),
                device: payload
                    .device
                    .and_then(|d| u16::try_from(d).ok())
                    .unwrap_or_default(),
                noise_static: opened.client_static,
                handshake: opened.handshake,
            };
            session::run(world, login, conn, queue, opened.reader, opened.writer).await
        }
    }
}

/// Writes what is queued until the connection is closed or cut.
async fn write_answers(conn: Arc<Conn>, mut queue: mpsc::Receiver<Out>, mut writer: NodeWriter) {
    loop {
        let out = tokio::select! {
            () = conn.cut.cancelled() => break,
            out = queue.recv() => out,
        };
        match out {
            Some(Out::Node(node)) => {
                if writer.send(&node).await.is_err() {
                    break;
                }
            }
            Some(Out::Close) => {
                conn.linger().await;
                break;
            }
            None => break,
        }
    }
    writer.close().await;
    conn.cut.cancel();
}
