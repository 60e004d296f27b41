//! Where a connection may go, and how often.

use crate::cause::Cause;
use crate::connector::OpenError;
use crate::limits::GOODBYE_MAX;
use async_trait::async_trait;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use ureq::http::Uri;
use wacore::net::{
    HttpClient, HttpRequest, HttpResponse, StreamingHttpResponse, Transport, TransportEvent,
    TransportFactory, UploadBody,
};
use whatsapp_rust::http::UreqHttpClient;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;

/// Whether this build accepts any certificate chain, to talk to the simulator.
pub(crate) const TRUSTS_ANY_CERTIFICATE: bool = cfg!(feature = "sim");

/// Where connections go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// WhatsApp itself.
    WhatsApp,
    /// A simulator on this machine.
    Loopback { url: String },
}

impl Endpoint {
    /// Refuses everything but WhatsApp and this machine, and WhatsApp as well in a build that trusts
    /// any certificate.
    pub(crate) fn new(url: Option<&str>) -> Result<Self, OpenError> {
        match url {
            None if TRUSTS_ANY_CERTIFICATE => Err(OpenError::SimulatorOnly),
            None => Ok(Self::WhatsApp),
            Some(url) if is_loopback(url, "ws") => Ok(Self::Loopback {
                url: url.to_owned(),
            }),
            Some(url) => Err(OpenError::NotLoopback(url.to_owned())),
        }
    }

    fn dialer(&self) -> TokioWebSocketTransportFactory {
        match self {
            Self::WhatsApp => TokioWebSocketTransportFactory::new(),
            Self::Loopback { url } => TokioWebSocketTransportFactory::new().with_url(url.clone()),
        }
    }

    pub(crate) fn http(&self) -> Http {
        match self {
            Self::WhatsApp => Http::Real(UreqHttpClient::new()),
            Self::Loopback { .. } => Http::Loopback(UreqHttpClient::new()),
        }
    }
}

fn is_loopback(url: &str, scheme: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let host = uri
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    // Names are not resolved: whoever answers for one could answer with anything.
    uri.scheme_str() == Some(scheme) && host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The library's switch for connecting again by itself, known once its client is built.
pub(crate) type ReconnectSwitch = Arc<OnceLock<Arc<std::sync::atomic::AtomicBool>>>;

/// The socket in use, so that it can be closed even when the library does not.
#[derive(Clone, Default)]
pub(crate) struct Socket(Arc<Mutex<Option<Arc<dyn Transport>>>>);

impl Socket {
    fn set(&self, transport: &Arc<dyn Transport>) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::clone(transport));
    }

    /// Closes it; one that is closed already stays so.
    pub(crate) async fn close(&self) {
        let socket = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(socket) = socket {
            // Saying goodbye may block on a dead network; giving up on it drops the socket.
            let _ = tokio::time::timeout(GOODBYE_MAX, socket.disconnect()).await;
        }
    }
}

/// Dials, and counts: the last socket a connection may open switches the library's own reconnecting
/// off for good.
pub(crate) struct Dialer {
    endpoint: Endpoint,
    opened: AtomicU32,
    sockets_max: u32,
    switch: ReconnectSwitch,
    cause: Arc<Cause>,
    socket: Socket,
}

impl Dialer {
    pub(crate) fn new(
        endpoint: Endpoint,
        sockets_max: u32,
        switch: ReconnectSwitch,
        cause: Arc<Cause>,
        socket: Socket,
    ) -> Self {
        let opened = AtomicU32::new(0);
        Self {
            endpoint,
            opened,
            sockets_max,
            switch,
            cause,
            socket,
        }
    }
}

#[async_trait]
impl TransportFactory for Dialer {
    async fn create_transport(
        &self,
    ) -> anyhow::Result<(Arc<dyn Transport>, async_channel::Receiver<TransportEvent>)> {
        let opened = self.opened.fetch_add(1, Ordering::SeqCst) + 1;
        anyhow::ensure!(
            opened <= self.sockets_max,
            "this connection has used up its sockets"
        );
        anyhow::ensure!(!self.cause.is_ending(), "this connection is closing");
        if opened == self.sockets_max
            && let Some(switch) = self.switch.get()
        {
            switch.store(false, Ordering::SeqCst);
        }
        let (transport, events) = self.endpoint.dialer().create_transport().await?;
        self.socket.set(&transport);
        Ok((transport, events))
    }
}

/// The client for files.
pub(crate) enum Http {
    /// As the library does it.
    Real(UreqHttpClient),
    /// The library always asks for `https`; the simulator speaks plain HTTP on this machine, and
    /// nothing else may be asked.
    Loopback(UreqHttpClient),
}

impl Http {
    fn route(&self, mut request: HttpRequest) -> anyhow::Result<(&UreqHttpClient, HttpRequest)> {
        match self {
            Self::Real(client) => Ok((client, request)),
            Self::Loopback(client) => {
                if let Some(rest) = request.url.strip_prefix("https://") {
                    request.url = format!("http://{rest}");
                }
                anyhow::ensure!(
                    is_loopback(&request.url, "http"),
                    "refused to leave this machine: {}",
                    request.url
                );
                Ok((client, request))
            }
        }
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let (client, request) = self.route(request)?;
        client.execute(request).await
    }

    fn supports_streaming(&self) -> bool {
        true
    }

    fn execute_streaming(&self, request: HttpRequest) -> anyhow::Result<StreamingHttpResponse> {
        let (client, request) = self.route(request)?;
        client.execute_streaming(request)
    }

    fn supports_upload_streaming(&self) -> bool {
        true
    }

    fn execute_upload(
        &self,
        request: HttpRequest,
        body: UploadBody,
        content_length: u64,
    ) -> anyhow::Result<HttpResponse> {
        let (client, request) = self.route(request)?;
        client.execute_upload(request, body, content_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_stand_in_for_whatsapp() {
        for url in ["ws://127.0.0.1:9000/ws/chat", "ws://[::1]:9000/ws/chat"] {
            assert!(
                matches!(Endpoint::new(Some(url)), Ok(Endpoint::Loopback { .. })),
                "{url}"
            );
        }
        for url in [
            "wss://web.whatsapp.com/ws/chat",
            "ws://10.0.0.1/ws/chat",
            "ws://127.0.0.1.example.com/ws/chat",
            "ws://localhost/ws/chat",
            "http://127.0.0.1/",
            "ws://127.0.0.1@example.com/",
            "nonsense",
        ] {
            assert!(
                matches!(Endpoint::new(Some(url)), Err(OpenError::NotLoopback(_))),
                "{url}"
            );
        }
    }

    #[test]
    fn a_build_for_the_simulator_never_reaches_whatsapp() {
        let endpoint = Endpoint::new(None);
        if TRUSTS_ANY_CERTIFICATE {
            assert!(matches!(endpoint, Err(OpenError::SimulatorOnly)));
        } else {
            assert_eq!(endpoint.ok(), Some(Endpoint::WhatsApp));
        }
    }

    #[test]
    fn files_of_the_simulator_never_come_from_elsewhere() {
        let http = Http::Loopback(UreqHttpClient::new());
        let (_, request) = http
            .route(HttpRequest::get("https://127.0.0.1:80/mms/image/x"))
            .unwrap();
        assert_eq!(request.url, "http://127.0.0.1:80/mms/image/x");
        assert!(
            http.route(HttpRequest::get("https://mmg.whatsapp.net/x"))
                .is_err()
        );
    }
}
