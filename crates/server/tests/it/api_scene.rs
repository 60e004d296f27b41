//! A server on a free port with a store in a temporary folder and a fake fleet.

use super::api_fleet::FakeFleet;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use waypost_engine::model::{
    AccountId, AccountState, Address, Content, Inbound, Origin, Reason, Timestamp,
};
use waypost_server::api::{self, AppState};
use waypost_server::config::Config;
use waypost_server::{auth, clock};
use waypost_store::admin::backup::Restore;
use waypost_store::{Accept, Accepted, Database, MasterKey, OwnerEpoch, Store, StoreConfig};

pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) fleet: Arc<FakeFleet>,
    pub(crate) address: SocketAddr,
    /// A key with every scope.
    pub(crate) key: String,
    http: reqwest::Client,
    server: JoinHandle<()>,
    config: StoreConfig,
    _folder: TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings changed by `change`.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        // The second and later tests of the process find it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waypost.db");
        let store = StoreConfig::new(path, MasterKey::generate());
        Self::serve(folder, store, change).await
    }

    /// A server on this one's backup, made and restored now.
    pub(crate) async fn restored(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("backup");
        let backup = self.store.backup(source.clone(), clock::now(), |_| {});
        backup.await.unwrap();
        let target = StoreConfig {
            database: Database::Sqlite {
                file: folder.path().join("waypost.db"),
            },
            ..self.config.clone()
        };
        let plan = Restore {
            source,
            target: target.clone(),
            discard_spaces: Vec::new(),
            now: clock::now(),
        };
        waypost_store::restore(plan, |_| {}).await.unwrap();
        Self::serve(folder, target, |_| {}).await
    }

    async fn serve(folder: TempDir, opened: StoreConfig, change: impl FnOnce(&mut Config)) -> Self {
        let with = opened.clone();
        let store = tokio::task::spawn_blocking(move || Store::open(with))
            .await
            .unwrap()
            .unwrap();
        let key = auth::renew_cli_key(&store, clock::now()).await.unwrap();
        let mut config = Config::default();
        let learnt = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models");
        config.insight.models_dir = Some(learnt);
        change(&mut config);
        let fleet = Arc::new(FakeFleet::default());
        let state = AppState::new(&config, store.clone(), fleet.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            axum::serve(listener, api::router(state)).await.unwrap();
        });
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            store,
            fleet,
            address,
            key,
            http,
            server,
            config: opened,
            _folder: folder,
        }
    }

    /// A request without any sign-in.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let path = match path.starts_with("/api/") || path.starts_with("//") {
            true => path.trim_start_matches('/').to_owned(),
            false => format!("api/v1{path}"),
        };
        self.http
            .request(method, format!("http://{}/{path}", self.address))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        ok(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        ok(self
            .request(Method::POST, path)
            .json(&body)
            .send()
            .await
            .unwrap())
        .await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        ok(self.request(method, path).json(&body).send().await.unwrap()).await
    }

    /// Posts what must be refused; answers status and problem.
    pub(crate) async fn refused(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let response = self.request(method, path).json(&body).send().await.unwrap();
        problem(response).await
    }

    /// A key with these scopes only.
    pub(crate) async fn key_with(&self, scopes: &[&str]) -> String {
        let body = json!({"name": "test", "scopes": scopes});
        self.post("/api-keys", body).await["key"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// An account that was linked once.
    pub(crate) async fn account(&self, name: &str) -> AccountId {
        let made = self
            .post("/accounts", json!({"name": name, "phone": "+971500000001"}))
            .await;
        let id: AccountId = made["id"].as_str().unwrap().parse().unwrap();
        let (to, why) = (AccountState::Online, Reason::Connected);
        self.store
            .set_account_state(id, to, why, clock::now())
            .await
            .unwrap();
        id
    }

    /// Takes the account, as the process that runs it does.
    pub(crate) async fn own(&self, account: AccountId) -> OwnerEpoch {
        self.store.take_ownership(account).await.unwrap()
    }

    /// A text from a contact.
    pub(crate) async fn receives(
        &self,
        account: AccountId,
        owner: OwnerEpoch,
        from: &str,
        wire_id: &str,
        content: Content,
    ) -> Accepted {
        let now = clock::now();
        let item = Inbound {
            wire_id: wire_id.into(),
            chat: Address::lid(from),
            chat_alt: Some(Address::phone(&format!("9715{from}"))),
            sender: Address::lid(from),
            sender_alt: None,
            from_me: false,
            push_name: Some(format!("Contact {from}")),
            origin: Origin::Live,
            sent_at: Timestamp(now.0 - 1_000),
            received_at: now,
            content,
            raw: vec![1, 2, 3],
        };
        let accept = Accept {
            account,
            owner,
            now,
            items: vec![item],
        };
        self.store.accept(accept).await.unwrap().remove(0)
    }
}

/// The body of a successful answer; null when there is none.
pub(crate) async fn ok(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    if status == StatusCode::NO_CONTENT {
        assert_eq!(text, "");
        return Value::Null;
    }
    serde_json::from_str(&text).unwrap()
}

/// Status and body of a refusal, which must be a problem.
pub(crate) async fn problem(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let text = response.text().await.unwrap();
    assert!(status >= 400, "{status}: {text}");
    assert_eq!(kind, "application/problem+json", "{status}: {text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["status"], status, "{body}");
    assert!(
        body["detail"].as_str().unwrap().ends_with(['.', '!', '?']),
        "{body}"
    );
    assert!(body["code"].is_string() && body["title"].is_string() && body["type"].is_string());
    (status, body)
}
