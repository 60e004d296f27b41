//! A connection that is cut while its message is being stored.

use std::time::Duration;
use tokio_util::sync::CancellationToken;
use waypost_engine::model::{AccountId, Address, Content, Inbound, Origin, Timestamp};
use waypost_server::config::Config;
use waypost_server::driver::Driver;
use waypost_server::run::open_store;
use waypost_store::{NewAccount, Store};

/// Messages whose connection is cut.
const MESSAGES: usize = 50;
/// Longest that they may take.
const LIMIT: Duration = Duration::from_secs(60);

fn hello(n: usize) -> Inbound {
    let sender = Address::phone(&(971_500_000_000 + n).to_string());
    let at = Timestamp(1_800_000_000_000);
    Inbound {
        wire_id: format!("3EB0{n:08X}"),
        chat: sender.clone(),
        chat_alt: None,
        sender,
        sender_alt: None,
        from_me: false,
        push_name: None,
        origin: Origin::Live,
        sent_at: at,
        received_at: at,
        raw: b"hello".to_vec(),
        content: Content::text("hello"),
    }
}

async fn with_account(config: &Config) -> (Store, AccountId) {
    let store = open_store(config).await.unwrap();
    let account = NewAccount::named("Front desk".to_owned(), Timestamp(1_800_000_000_000));
    store.create_account(account).await.unwrap();
    let account = store.all_accounts().await.unwrap()[0].id;
    (store, account)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_while_its_connection_is_cut_is_worked_on_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config {
        data_dir: folder.path().join("data"),
        ..Config::default()
    };
    config.whatsapp.url = Some("ws://127.0.0.1:9/nobody".into());
    std::fs::create_dir_all(&config.data_dir).unwrap();
    let (store, account) = with_account(&config).await;
    let stop = CancellationToken::new();
    let driver = Driver::start(&config, store.clone(), stop.clone())
        .await
        .unwrap();
    driver.ready().await.unwrap();

    let inbox = driver.inbox();
    for n in 0..MESSAGES {
        let commit = inbox.commit(account, vec![hello(n)]);
        // It has begun when its caller goes away.
        assert!(futures_util::poll!(Box::pin(commit)).is_pending());
    }
    // Two events a message: it came, and it was worked on.
    let expected = i64::try_from(2 * MESSAGES).unwrap();
    let done = async {
        while store.head() < expected || store.counts().await.unwrap().unfinished > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let is_done = tokio::time::timeout(LIMIT, done).await.is_ok();
    let left = store.counts().await.unwrap().unfinished;
    assert!(
        is_done,
        "{left} messages are stored and nobody works on them"
    );

    stop.cancel();
    driver.drain().await;
    store.close().await;
}
