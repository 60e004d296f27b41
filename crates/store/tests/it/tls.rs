//! A server that is only spoken to in private. A front with a certificate stands before the real one.

use crate::place::{OnServer, Place as _, Schema};
use crate::scene::{NOON, key};
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use waypost_store::{NewAccount, Store, StoreConfig, StoreError};

/// What a client asks first when it wants to be private.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Ends TLS in front of a server.
struct Front {
    address: SocketAddr,
    folder: TempDir,
}

impl Front {
    async fn before(server: SocketAddr) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("roots.pem"), made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, acceptor.clone(), server));
            }
        });
        Self { address, folder }
    }

    fn roots(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }
}

/// Passes on what one client says, and nothing from one who does not ask for TLS.
async fn pass(mut client: TcpStream, acceptor: TlsAcceptor, server: SocketAddr) {
    let mut asked = [0; 8];
    if client.read_exact(&mut asked).await.is_err() || asked != SSL_REQUEST {
        return;
    }
    client.write_all(b"S").await.unwrap();
    // A client that does not like the certificate goes away here.
    let Ok(mut inside) = acceptor.accept(client).await else {
        return;
    };
    let mut behind = TcpStream::connect(server).await.unwrap();
    let _ = copy_bidirectional(&mut inside, &mut behind).await;
}

/// How a store is opened through `address`, with more said about how.
fn config(place: &OnServer<Schema>, address: SocketAddr, more: &str) -> StoreConfig {
    let url = format!("{}&{more}", place.url_at(address));
    let files = place.config().files();
    StoreConfig::postgres(url.parse().unwrap(), files, key())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_speaks_in_private_when_its_address_says_so() {
    let place = OnServer::<Schema>::make().await;
    let front = Front::before(place.server_at()).await;
    let roots = format!("sslmode=require&sslrootcert={}", front.roots().display());
    let store = Store::open(config(&place, front.address, &roots)).unwrap();
    let sales = NewAccount::named("Sales", NOON);
    let made = store.create_account(sales).await.unwrap();
    assert_eq!(store.account(made.id).await.unwrap(), made);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_prove_its_name_is_not_spoken_to() {
    let place = OnServer::<Schema>::make().await;
    let front = Front::before(place.server_at()).await;
    let stranger = Front::before(place.server_at()).await;
    let roots = format!("sslmode=require&sslrootcert={}", stranger.roots().display());
    let refused = Store::open(config(&place, front.address, &roots)).unwrap_err();
    assert!(
        matches!(refused, StoreError::Unreachable { .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("certificate"), "{refused}");

    let nothing = config(
        &place,
        front.address,
        "sslmode=require&sslrootcert=/nowhere.pem",
    );
    let refused = Store::open(nothing).unwrap_err();
    assert!(refused.to_string().contains("sslrootcert"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_speak_in_private_is_refused() {
    let place = OnServer::<Schema>::make().await;
    let front = Front::before(place.server_at()).await;
    let roots = format!("sslmode=require&sslrootcert={}", front.roots().display());
    let refused = Store::open(config(&place, place.server_at(), &roots)).unwrap_err();
    assert!(
        matches!(refused, StoreError::Unreachable { .. }),
        "{refused:?}"
    );
}
