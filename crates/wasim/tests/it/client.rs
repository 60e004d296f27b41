//! The real client, in memory, with what a test wants to know about it.

use std::sync::Arc;
use std::time::Duration;
use wasim::{ContactSpec, Network, NetworkConfig, Phone, PhoneSpec};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse, UreqHttpClient};
use whatsapp_rust::prelude::*;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;

pub(crate) const ACCOUNT: &str = "971500000001";
pub(crate) const ANA: &str = "971500000002";
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The library builds `https` URLs for media; the local host speaks plain HTTP.
struct PlainHttp(UreqHttpClient);

#[async_trait::async_trait]
impl HttpClient for PlainHttp {
    async fn execute(&self, mut request: HttpRequest) -> anyhow::Result<HttpResponse> {
        request.url = request
            .url
            .replacen("https://127.0.0.1", "http://127.0.0.1", 1);
        anyhow::ensure!(request.url.starts_with("http://127.0.0.1"), "left loopback");
        self.0.execute(request).await
    }
}

/// A linked device under test.
pub(crate) struct Device {
    pub(crate) client: Arc<Client>,
    pub(crate) backend: Arc<wacore::store::InMemoryBackend>,
    events: async_channel::Receiver<Arc<Event>>,
    run: Option<whatsapp_rust::bot::BotHandle>,
}

impl Device {
    pub(crate) async fn start(net: &Network) -> Self {
        Self::with_backend(net, Arc::new(wacore::store::InMemoryBackend::new())).await
    }

    pub(crate) async fn with_backend(
        net: &Network,
        backend: Arc<wacore::store::InMemoryBackend>,
    ) -> Self {
        let (handler, events) = ChannelEventHandler::new();
        let bot = Bot::builder()
            .with_backend_arc(backend.clone())
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(net.ws_url()))
            .with_http_client(PlainHttp(UreqHttpClient::new()))
            .with_version((2, 3000, 0))
            .build()
            .await
            .unwrap();
        let client = bot.client();
        client.subscribe_handler(handler).detach();
        Self {
            client,
            backend,
            events,
            run: Some(bot.spawn()),
        }
    }

    /// The next event that `pick` makes something of.
    pub(crate) async fn wait<T>(&self, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the client is gone");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(LIMIT, search)
            .await
            .unwrap_or_else(|_| panic!("no {what} within {LIMIT:?}"))
    }

    pub(crate) async fn qr(&self) -> String {
        self.wait("QR code", |e| match e {
            Event::PairingQrCode(qr) => Some(qr.code.to_string()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn connected(&self) {
        self.wait("connection", |e| {
            matches!(e, Event::Connected(_)).then_some(())
        })
        .await;
    }

    /// The next message: id, sender as addressed, and its text.
    pub(crate) async fn message(&self) -> Received {
        self.wait("message", |e| match e {
            Event::Messages(batch) => batch.iter().next().map(|m| Received {
                id: m.info.id.to_string(),
                from: m.info.source.sender.to_string(),
                chat: m.info.source.chat.to_string(),
                text: m.message.conversation.clone().unwrap_or_default(),
                own: m.info.source.is_from_me,
                message: m.message.clone(),
            }),
            _ => None,
        })
        .await
    }

    /// The next `count` messages, in order of arrival.
    pub(crate) async fn messages(&self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            let more: Vec<String> = self
                .wait("messages", |e| match e {
                    Event::Messages(batch) => Some(
                        batch
                            .iter()
                            .map(|m| m.message.conversation.clone().unwrap_or_default())
                            .collect(),
                    ),
                    _ => None,
                })
                .await;
            texts.extend(more);
        }
        texts
    }

    pub(crate) async fn stop(mut self) -> Arc<wacore::store::InMemoryBackend> {
        if let Some(run) = self.run.take() {
            run.shutdown().await;
        }
        self.backend.clone()
    }
}

/// What a device received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) from: String,
    pub(crate) chat: String,
    pub(crate) text: String,
    pub(crate) own: bool,
    pub(crate) message: Arc<waproto::whatsapp::Message>,
}

pub(crate) async fn network() -> Network {
    Network::start(NetworkConfig::default()).await.unwrap()
}

pub(crate) fn phone(net: &Network) -> Phone {
    let spec = PhoneSpec {
        number: ACCOUNT.into(),
        push_name: "Owner".into(),
        ..PhoneSpec::default()
    };
    net.add_phone(spec).unwrap()
}

pub(crate) fn ana(net: &Network) -> wasim::Contact {
    let spec = ContactSpec {
        number: ANA.into(),
        push_name: "Ana".into(),
        ..ContactSpec::default()
    };
    net.add_contact(spec).unwrap()
}

/// A device that is linked by QR and online.
pub(crate) async fn linked(net: &Network, phone: &Phone) -> Device {
    let device = Device::start(net).await;
    phone.scan(&device.qr().await).await.unwrap();
    device.connected().await;
    device
}

pub(crate) fn pn(number: &str) -> Jid {
    Jid::pn(number)
}
