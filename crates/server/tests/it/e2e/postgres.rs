//! The program with its database in PostgreSQL.

use crate::stage::database::Database;
use crate::stage::{Plan, Stage, text};
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use wasim::Outgoing;

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
/// A wire to the server that can be cut; new connections go through it all the same.
struct Wire {
    address: SocketAddr,
    talks: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Wire {
    async fn to(database: &Database) -> Self {
        let server: SocketAddr = database.authority().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let talks: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let known = Arc::clone(&talks);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let talk = tokio::spawn(async move {
                    let mut behind = TcpStream::connect(server).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut behind).await;
                });
                known.lock().unwrap().push(talk.abort_handle());
            }
        });
        Self { address, talks }
    }

    /// Cuts every connection there is, and says how many there were.
    fn cut(&self) -> usize {
        let talks = std::mem::take(&mut *self.talks.lock().unwrap());
        talks.iter().for_each(AbortHandle::abort);
        talks.len()
    }
}

fn waypost(stage: &Stage, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_waypost"))
        .arg("--config")
        .arg(stage.folder.path().join("waypost.toml"))
        .args(words)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_answered_once_though_the_database_goes_away_and_the_program_restarts() {
    let database = Database::make();
    let wire = Wire::to(&database).await;
    let settings = format!("[store]\nurl = {:?}\n", database.url_through(wire.address));
    let mut stage = Stage::with(Plan {
        settings,
        ..Plan::default()
    })
    .await;
    let linked = stage.link(OWNER).await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("one")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: one"]).await;
    assert!(wire.cut() >= 2, "a writer and readers");
    ana.send(OWNER, Outgoing::text("two")).await.unwrap();
    let two = ["Echo: one", "Echo: two"];
    stage.apps_come_to_show(OWNER, &two).await;
    stage.restart().await;
    ana.send(OWNER, Outgoing::text("three")).await.unwrap();
    let three = ["Echo: one", "Echo: two", "Echo: three"];
    stage.apps_come_to_show(OWNER, &three).await;
    let messages = stage.messages(&linked.id, 6).await;
    assert_eq!(text(&messages[0], "/content/body"), "Echo: three");
    let judged = stage
        .net
        .with_ledger(|l| l.judge_answers(|t| Some(t.replace("Echo: ", ""))));
    assert!(judged.is_clean() && judged.answered == 3, "{judged:?}");

    let backup = waypost(&stage, &["backup", "copy"]);
    let said = String::from_utf8_lossy(&backup.stderr);
    assert!(
        !backup.status.success() && said.contains("pg_dump"),
        "{said}"
    );
    let doctor = waypost(&stage, &["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout);
    let name = format!("/{} answers.", database.name());
    assert!(said.contains(&name), "{said}");
    drop(stage);
}
