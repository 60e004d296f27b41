//! The encrypted pipe: Noise XX and IK as the responder, then one binary node per frame.

use crate::clock::unix_seconds;
use crate::error::{Result, SimError};
use crate::seed;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use wa::cert_chain::{NoiseCertificate, noise_certificate::Details};
use wacore_binary::consts::{NOISE_PATTERN_IK, NOISE_PATTERN_XX, WA_CONN_HEADER};
use wacore_binary::{Node, marshal};
use wacore_libsignal::protocol::KeyPair;
use wacore_noise::framing::{FrameDecoder, encode_frame};
use wacore_noise::{NoiseCipher, NoiseHandshake};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

/// A client WebSocket before and after the handshake.
pub(crate) type Socket = WebSocketStream<TcpStream>;
type Incoming = SplitStream<Socket>;
type Outgoing = SplitSink<Socket, Message>;

const EDGE_ROUTING_INTRO: &[u8] = b"ED\x00\x01";
const CERT_LIFE_SECONDS: u64 = 365 * 24 * 3600;
const CERT_BACKDATE_SECONDS: u64 = 24 * 3600;

/// How a client opened its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Handshake {
    /// Full handshake: the client did not know the server's key.
    Xx,
    /// Short handshake with the remembered server key.
    Ik,
}

/// The server's keys: a root that stands for WhatsApp's, and the certified static key.
pub(crate) struct ServerIdentity {
    root: KeyPair,
    static_key: KeyPair,
    cert_chain: Vec<u8>,
}

impl ServerIdentity {
    /// The identity that belongs to `seed`.
    pub(crate) fn from_seed(seed: u64) -> Result<Self> {
        let mut rng = seed::stream(seed, "server identity");
        let root = KeyPair::generate(&mut rng);
        let intermediate = KeyPair::generate(&mut rng);
        let static_key = KeyPair::generate(&mut rng);
        let signed = |issuer: &KeyPair, details: Details, rng: &mut seed::SimRng| {
            let details = details.encode_to_vec();
            let signature = issuer
                .private_key
                .calculate_signature(&details, rng)
                .map_err(SimError::signal)?;
            Ok::<_, SimError>(NoiseCertificate {
                details: Some(details),
                signature: Some(signature.to_vec()),
            })
        };
        let middle = signed(&root, certificate(1, 0, &intermediate)?, &mut rng)?;
        let leaf = signed(&intermediate, certificate(2, 1, &static_key)?, &mut rng)?;
        let cert_chain = wa::CertChain {
            leaf: MessageField::some(leaf),
            intermediate: MessageField::some(middle),
        }
        .encode_to_vec();
        Ok(Self {
            root,
            static_key,
            cert_chain,
        })
    }

    /// The key that a client must take for WhatsApp's root to trust this network.
    pub(crate) fn root_public(&self) -> Result<[u8; 32]> {
        public_bytes(&self.root)
    }
}

fn certificate(serial: u32, issuer: u32, subject: &KeyPair) -> Result<Details> {
    let now = unix_seconds();
    Ok(Details {
        serial: Some(serial),
        issuer_serial: Some(issuer),
        key: Some(public_bytes(subject)?.to_vec()),
        not_before: Some(now - CERT_BACKDATE_SECONDS),
        not_after: Some(now + CERT_LIFE_SECONDS),
    })
}

/// The 32 raw bytes of a public key.
pub(crate) fn public_bytes(pair: &KeyPair) -> Result<[u8; 32]> {
    array32(pair.public_key.public_key_bytes())
}

/// Exactly 32 bytes, or a protocol error.
pub(crate) fn array32(bytes: &[u8]) -> Result<[u8; 32]> {
    bytes
        .try_into()
        .map_err(|_| SimError::protocol(format!("a key of {} bytes", bytes.len())))
}

/// What a finished handshake yields.
pub(crate) struct Opened {
    pub(crate) handshake: Handshake,
    pub(crate) client_static: [u8; 32],
    pub(crate) payload: wa::ClientPayload,
    pub(crate) reader: NodeReader,
    pub(crate) writer: NodeWriter,
}

/// The receiving half after the handshake.
pub(crate) struct NodeReader {
    frames: Frames,
    cipher: NoiseCipher,
    counter: u32,
}

/// The sending half after the handshake.
pub(crate) struct NodeWriter {
    socket: Outgoing,
    cipher: NoiseCipher,
    counter: u32,
}

struct Frames {
    socket: Incoming,
    decoder: FrameDecoder,
    header_seen: bool,
}

impl Frames {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(frame) = self.decoder.decode_frame() {
                return Ok(Some(frame.to_vec()));
            }
            match self.socket.next().await {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Err(e)) => return Err(SimError::protocol(e)),
                Some(Ok(Message::Binary(data))) => {
                    let data: &[u8] = &data;
                    let body = if self.header_seen {
                        data
                    } else {
                        after_header(data)?
                    };
                    self.header_seen = true;
                    self.decoder.feed(body);
                }
                Some(Ok(_)) => {}
            }
        }
    }

    async fn need(&mut self, what: &str) -> Result<Vec<u8>> {
        self.next()
            .await?
            .ok_or_else(|| SimError::protocol(format!("closed before {what}")))
    }
}

/// Skips the optional edge routing block and the four header bytes.
fn after_header(data: &[u8]) -> Result<&[u8]> {
    let mut rest = data;
    if rest.starts_with(EDGE_ROUTING_INTRO) {
        let len = rest.get(4..7).map(|b| crate::stanza::be_number(b) as usize);
        rest = len
            .and_then(|len| rest.get(7 + len..))
            .ok_or_else(|| SimError::protocol("cut off edge routing block"))?;
    }
    rest.strip_prefix(&WA_CONN_HEADER[..])
        .ok_or_else(|| SimError::protocol("the connection does not start with WA"))
}

/// Runs the server's side of the handshake on a fresh socket.
pub(crate) async fn accept(
    socket: Socket,
    identity: &ServerIdentity,
    ephemeral: KeyPair,
) -> Result<Opened> {
    let (mut sink, stream) = socket.split();
    let mut frames = Frames {
        socket: stream,
        decoder: FrameDecoder::new(),
        header_seen: false,
    };
    let hello = frames.need("the client hello").await?;
    let hello = wa::HandshakeMessage::decode_from_slice(&hello)
        .map_err(SimError::protocol)?
        .client_hello
        .into_option()
        .ok_or_else(|| SimError::protocol("no client hello"))?;
    let client_ephemeral = array32(&hello.ephemeral.unwrap_or_default())?;
    let responder = Responder {
        identity,
        ephemeral,
        client_ephemeral,
    };
    let (handshake, done) = match (hello.r#static, hello.payload) {
        (Some(key), Some(payload)) => (
            Handshake::Ik,
            responder.ik(&mut sink, &key, &payload).await?,
        ),
        _ => (Handshake::Xx, responder.xx(&mut sink, &mut frames).await?),
    };
    // `finish` names the ciphers from the client's side, so they swap here.
    let (client_write, client_read) = done.state.finish().map_err(SimError::protocol)?;
    Ok(Opened {
        handshake,
        client_static: done.client_static,
        payload: wa::ClientPayload::decode_from_slice(&done.payload).map_err(SimError::protocol)?,
        reader: NodeReader {
            frames,
            cipher: client_write,
            counter: 0,
        },
        writer: NodeWriter {
            socket: sink,
            cipher: client_read,
            counter: 0,
        },
    })
}

struct Responder<'a> {
    identity: &'a ServerIdentity,
    ephemeral: KeyPair,
    client_ephemeral: [u8; 32],
}

struct Finished {
    state: NoiseHandshake,
    client_static: [u8; 32],
    payload: Vec<u8>,
}

impl Responder<'_> {
    async fn ik(self, sink: &mut Outgoing, key: &[u8], payload: &[u8]) -> Result<Finished> {
        let own = self.identity.static_key.private_key.serialize();
        let mut state = start(NOISE_PATTERN_IK)?;
        state.authenticate(&public_bytes(&self.identity.static_key)?);
        state.authenticate(&self.client_ephemeral);
        mix(&mut state, own, &self.client_ephemeral)?;
        let client_static = array32(&open(&mut state, key)?)?;
        mix(&mut state, own, &client_static)?;
        let payload = open(&mut state, payload)?;
        let ephemeral_public = public_bytes(&self.ephemeral)?;
        state.authenticate(&ephemeral_public);
        let ephemeral = self.ephemeral.private_key.serialize();
        mix(&mut state, ephemeral, &self.client_ephemeral)?;
        mix(&mut state, ephemeral, &client_static)?;
        let chain = state
            .encrypt(&self.identity.cert_chain)
            .map_err(SimError::protocol)?;
        send_hello(sink, ephemeral_public, None, chain).await?;
        Ok(Finished {
            state,
            client_static,
            payload,
        })
    }

    async fn xx(self, sink: &mut Outgoing, frames: &mut Frames) -> Result<Finished> {
        let ephemeral_public = public_bytes(&self.ephemeral)?;
        let ephemeral = self.ephemeral.private_key.serialize();
        let mut state = start(NOISE_PATTERN_XX)?;
        state.authenticate(&self.client_ephemeral);
        state.authenticate(&ephemeral_public);
        mix(&mut state, ephemeral, &self.client_ephemeral)?;
        let own_public = public_bytes(&self.identity.static_key)?;
        let own_static = state.encrypt(&own_public).map_err(SimError::protocol)?;
        mix(
            &mut state,
            self.identity.static_key.private_key.serialize(),
            &self.client_ephemeral,
        )?;
        let chain = state
            .encrypt(&self.identity.cert_chain)
            .map_err(SimError::protocol)?;
        send_hello(sink, ephemeral_public, Some(own_static), chain).await?;

        let finish = frames.need("the client finish").await?;
        let finish = wa::HandshakeMessage::decode_from_slice(&finish)
            .map_err(SimError::protocol)?
            .client_finish
            .into_option()
            .ok_or_else(|| SimError::protocol("no client finish"))?;
        let client_static = array32(&open(&mut state, &finish.r#static.unwrap_or_default())?)?;
        mix(&mut state, ephemeral, &client_static)?;
        let payload = open(&mut state, &finish.payload.unwrap_or_default())?;
        Ok(Finished {
            state,
            client_static,
            payload,
        })
    }
}

fn start(pattern: &str) -> Result<NoiseHandshake> {
    NoiseHandshake::new(pattern, &WA_CONN_HEADER).map_err(SimError::protocol)
}

fn mix(state: &mut NoiseHandshake, private: &[u8; 32], public: &[u8; 32]) -> Result<()> {
    state
        .mix_shared_secret(private, public)
        .map_err(SimError::protocol)
}

fn open(state: &mut NoiseHandshake, sealed: &[u8]) -> Result<Vec<u8>> {
    state.decrypt(sealed).map_err(SimError::protocol)
}

async fn send_hello(
    sink: &mut Outgoing,
    ephemeral: [u8; 32],
    own_static: Option<Vec<u8>>,
    payload: Vec<u8>,
) -> Result<()> {
    let hello = wa::handshake_message::ServerHello {
        ephemeral: Some(ephemeral.to_vec()),
        r#static: own_static,
        payload: Some(payload),
        ..Default::default()
    };
    let message = wa::HandshakeMessage {
        server_hello: MessageField::some(hello),
        ..Default::default()
    };
    let frame = encode_frame(&message.encode_to_vec(), None).map_err(SimError::protocol)?;
    sink.send(Message::binary(frame))
        .await
        .map_err(SimError::protocol)
}

impl NodeReader {
    /// The next node; `None` when the client has closed.
    pub(crate) async fn next(&mut self) -> Result<Option<Node>> {
        let Some(mut frame) = self.frames.next().await? else {
            return Ok(None);
        };
        self.cipher
            .decrypt_in_place_with_counter(self.counter, &mut frame)
            .map_err(SimError::protocol)?;
        self.counter += 1;
        let body = wacore_binary::util::unpack(&frame).map_err(SimError::protocol)?;
        let node = wacore_binary::marshal::unmarshal_ref(&body).map_err(SimError::protocol)?;
        Ok(Some(node.to_owned()))
    }
}

impl NodeWriter {
    /// Encrypts and sends one node.
    pub(crate) async fn send(&mut self, node: &Node) -> Result<()> {
        let plain = marshal(node).map_err(SimError::protocol)?;
        let sealed = self
            .cipher
            .encrypt_with_counter(self.counter, &plain)
            .map_err(SimError::protocol)?;
        self.counter += 1;
        let frame = encode_frame(&sealed, None).map_err(SimError::protocol)?;
        self.socket
            .send(Message::binary(frame))
            .await
            .map_err(SimError::protocol)
    }

    /// Closes the socket politely; errors do not matter any more.
    pub(crate) async fn close(&mut self) {
        let _ = self.socket.close().await;
    }
}
