//! Where a connection may go, and how often.

use crate::cause::Cause;
use crate::connector::OpenError;
use crate::limits::{GOODBYE_MAX, PROXY_DIAL_MAX};
use crate::proxy::{self, Proxy, ProxyError, ProxyKind, Route};
use async_trait::async_trait;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio_websockets::ClientBuilder;
use ureq::http::{HeaderValue, Uri, header};
use ureq::{Agent, ProxyProtocol};
use wacore::net::{
    HttpClient, HttpRequest, HttpResponse, StreamingHttpResponse, Transport, TransportEvent,
    TransportFactory, UploadBody, WHATSAPP_WEB_ORIGIN, WHATSAPP_WEB_WS_URL,
};
use whatsapp_rust::http::UreqHttpClient;
use whatsapp_rust::transport::{
    Connector as Tls, TokioWebSocketTransportFactory, default_tls_connector, from_websocket,
};

/// Buffer for each direction of a connection for files, in bytes: large enough for their chunks.
const HTTP_BUFFER: usize = 16 * 1024;
/// Connections for files that one account keeps open for the next file.
const HTTP_IDLE_MAX: usize = 3;

/// What the library gets to talk over.
type Opened = (Arc<dyn Transport>, async_channel::Receiver<TransportEvent>);

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

    fn url(&self) -> &str {
        match self {
            Self::WhatsApp => WHATSAPP_WEB_WS_URL,
            Self::Loopback { url } => url,
        }
    }

    /// Where the socket goes, and whether TLS is spoken there.
    fn target(&self) -> anyhow::Result<Target> {
        let uri: Uri = self.url().parse()?;
        let host = uri.host().unwrap_or_default();
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let secure = uri.scheme_str() == Some("wss");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let tls = if secure {
            default_tls_connector()
        } else {
            Tls::Plain
        };
        Ok(Target {
            uri,
            host,
            port,
            tls,
        })
    }

    /// Opens the socket over a way through the proxy.
    async fn through(&self, proxy: &Proxy, cause: &Cause) -> anyhow::Result<Opened> {
        let target = self.target()?;
        let way = proxy::dial(proxy, &target.host, target.port).await;
        let stream = way.inspect_err(|error| cause.report(error.clone().into()))?;
        let stream = target.tls.wrap(&target.host, stream).await?;
        let origin = HeaderValue::from_static(WHATSAPP_WEB_ORIGIN);
        let request = ClientBuilder::from_uri(target.uri).add_header(header::ORIGIN, origin)?;
        let (socket, _) = request.connect_on(stream).await?;
        Ok(from_websocket(socket))
    }

    /// Sees whether a proxy gives a way to where the socket goes; nothing is said there.
    pub(crate) async fn check(&self, proxy: &Proxy) -> Result<(), ProxyError> {
        let target = self
            .target()
            .map_err(|error| ProxyError::Unreachable(error.to_string()))?;
        proxy::dial(proxy, &target.host, target.port)
            .await
            .map(drop)
    }

    /// The client for files.
    pub(crate) fn http(&self, route: &Route) -> Result<Http, OpenError> {
        let client = match route {
            Route::Direct => UreqHttpClient::new(),
            Route::Via(proxy) => UreqHttpClient::with_agent(agent(proxy)?),
        };
        Ok(match self {
            Self::WhatsApp => Http::Real(client),
            Self::Loopback { .. } => Http::Loopback(client),
        })
    }
}

/// Where a socket goes.
struct Target {
    uri: Uri,
    host: String,
    port: u16,
    tls: Tls,
}

/// Fetches files through this proxy and no other way; the proxy looks names up.
fn agent(proxy: &Proxy) -> Result<Agent, OpenError> {
    let protocol = match proxy.kind {
        ProxyKind::Http => ProxyProtocol::Http,
        ProxyKind::Socks5 => ProxyProtocol::Socks5,
    };
    let mut way = ureq::Proxy::builder(protocol)
        .host(&proxy.bracketed())
        .port(proxy.port)
        .resolve_target(false);
    if let Some(login) = &proxy.login {
        way = way.username(&login.user).password(&login.password);
    }
    let way = way
        .build()
        .map_err(|error| OpenError::Proxy(error.to_string()))?;
    let config = Agent::config_builder()
        .proxy(Some(way))
        .timeout_connect(Some(PROXY_DIAL_MAX))
        .input_buffer_size(HTTP_BUFFER)
        .output_buffer_size(HTTP_BUFFER)
        .max_idle_connections(HTTP_IDLE_MAX)
        .max_idle_connections_per_host(HTTP_IDLE_MAX)
        .build();
    Ok(config.new_agent())
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
    route: Route,
    opened: AtomicU32,
    sockets_max: u32,
    switch: ReconnectSwitch,
    cause: Arc<Cause>,
    socket: Socket,
}

impl Dialer {
    pub(crate) fn new(
        endpoint: Endpoint,
        route: Route,
        sockets_max: u32,
        switch: ReconnectSwitch,
        cause: Arc<Cause>,
        socket: Socket,
    ) -> Self {
        let opened = AtomicU32::new(0);
        Self {
            endpoint,
            route,
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
        let (transport, events) = match &self.route {
            Route::Direct => self.endpoint.dialer().create_transport().await?,
            Route::Via(proxy) => self.endpoint.through(proxy, &self.cause).await?,
        };
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use waypost_engine::fleet::down::DownReason;

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

    /// What a SOCKS 5 proxy without a password is asked to connect to, by whoever comes first.
    async fn wish(listener: TcpListener) -> Vec<u8> {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 2];
        stream.read_exact(&mut hello).await.unwrap();
        let mut methods = vec![0; usize::from(hello[1])];
        stream.read_exact(&mut methods).await.unwrap();
        stream.write_all(&[5, 0]).await.unwrap();
        let mut wish = vec![0; 5];
        stream.read_exact(&mut wish).await.unwrap();
        let mut name = vec![0; usize::from(wish[4]) + 2];
        stream.read_exact(&mut name).await.unwrap();
        wish.extend(name);
        wish
    }

    #[tokio::test]
    async fn names_are_looked_up_by_the_proxy_for_the_socket_and_for_files() {
        let listen = async || {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let proxy: Proxy = format!("socks5://{address}").parse().unwrap();
            (listener, proxy)
        };
        let by_name = |name: &str, port: u16| {
            let length = u8::try_from(name.len()).unwrap();
            [&[5, 1, 0, 3, length], name.as_bytes(), &port.to_be_bytes()].concat()
        };
        let (listener, proxy) = listen().await;
        let asked = tokio::spawn(wish(listener));
        let cause = Cause::new();
        // It hangs up after the wish, so nothing comes of it.
        assert!(Endpoint::WhatsApp.through(&proxy, &cause).await.is_err());
        assert_eq!(asked.await.unwrap(), by_name("web.whatsapp.com", 443));
        let reason = cause.reason_or(DownReason::Network);
        assert!(
            matches!(reason, DownReason::ProxyUnreachable { .. }),
            "{reason:?}"
        );

        let (listener, proxy) = listen().await;
        let asked = tokio::spawn(wish(listener));
        let http = Endpoint::WhatsApp.http(&Route::Via(proxy)).unwrap();
        let file = HttpRequest::get("https://mmg.whatsapp.net/v/file");
        assert!(http.execute(file).await.is_err());
        assert_eq!(asked.await.unwrap(), by_name("mmg.whatsapp.net", 443));
    }
}
