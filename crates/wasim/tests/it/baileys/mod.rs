//! wasim with Baileys connected to it: a client that shares no code with wasim.
//!
//! Baileys runs unmodified in a Node process of its own; `client.mjs` turns lines of JSON into its
//! calls and its events into lines of JSON.

mod groups;
mod linking;
mod media;
mod process;
mod trouble;
mod words;

use crate::client::{ACCOUNT, LIMIT};
use base64::Engine as _;
use process::Process;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use wasim::{Contact, NetEvent, Network, Outgoing, Phone, proto};

/// Baileys as a linked device.
struct Baileys {
    process: Process,
}

impl Baileys {
    /// Starts the process; it does not connect yet.
    async fn ready(net: &Network) -> Self {
        let mut process = Process::spawn(net);
        process.event("ready", |_| true).await;
        Self { process }
    }

    /// Connects and is linked by QR.
    async fn linked(net: &Network, phone: &Phone) -> Self {
        let mut baileys = Self::ready(net).await;
        baileys.tell(json!({"op": "start"})).await;
        let qr = baileys.event("qr", |_| true).await;
        phone.scan(qr["qr"].as_str().unwrap()).await.unwrap();
        baileys.event("open", |_| true).await;
        baileys
    }

    async fn tell(&mut self, command: Value) {
        self.process.write(&command).await;
    }

    /// The oldest event of this name that `wanted` accepts and nobody took before.
    async fn event(&mut self, name: &str, wanted: impl FnMut(&Value) -> bool) -> Value {
        self.process.event(name, wanted).await
    }

    /// The message with this wire id, decrypted, as Baileys shows it.
    async fn message(&mut self, id: &str) -> Value {
        // What it cannot decrypt (yet) it shows as a stub.
        let readable = |e: &Value| e["key"]["id"] == id && e["stub"].is_null();
        self.event("message", readable).await
    }

    /// Lets a contact send something, and what Baileys makes of it.
    async fn hear(&mut self, from: &Contact, what: Outgoing) -> Value {
        let id = from.send(ACCOUNT, what).await.unwrap();
        self.message(&id).await
    }

    /// Sends a content in the form that Baileys takes. Returns the key of the message.
    async fn send(&mut self, jid: &str, content: Value) -> Value {
        self.send_with(json!({"op": "send", "jid": jid, "content": content}))
            .await
    }

    /// Sends an answer that quotes a message it received.
    async fn reply(&mut self, jid: &str, content: Value, quoted: &str) -> Value {
        self.send_with(json!({"op": "send", "jid": jid, "content": content, "quoted": quoted}))
            .await
    }

    async fn send_with(&mut self, command: Value) -> Value {
        self.tell(command).await;
        self.event("sent", |_| true).await["key"].clone()
    }

    /// Fetches and decrypts the file of a message that it received.
    async fn download(&mut self, id: &str) -> Vec<u8> {
        self.tell(json!({"op": "download", "id": id})).await;
        let done = self.event("downloaded", |e| e["id"] == id).await;
        unbase64(&done["media"])
    }

    /// Like [`Baileys::event`], for what takes Baileys long.
    async fn slow_event(
        &mut self,
        limit: Duration,
        name: &str,
        wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        self.process.event_within(limit, name, wanted).await
    }

    async fn stop(self) {
        self.process.stop().await;
    }
}

fn unbase64(text: &Value) -> Vec<u8> {
    let text = text.as_str().expect("a text in base64");
    base64::prelude::BASE64_STANDARD.decode(text).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

fn id_of(key: &Value) -> &str {
    key["id"].as_str().expect("a key with an id")
}

fn address(number: &str) -> String {
    format!("{number}@s.whatsapp.net")
}

/// The message with this wire id, as a person's app decrypted it.
async fn shown(net: &Network, who: &str, wanted: &str) -> Arc<proto::Message> {
    let event = net
        .wait_for(LIMIT, |e| {
            matches!(e, NetEvent::MessageReceived { reader, id, .. } if reader == who && id == wanted)
        })
        .await
        .unwrap_or_else(|e| panic!("{wanted} is not shown to {who}: {e}"));
    match event {
        NetEvent::MessageReceived { message, .. } => message,
        other => panic!("{other:?}"),
    }
}
