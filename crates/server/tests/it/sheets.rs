//! Messages become rows of a spreadsheet: each exactly one, in few calls, whatever dies.
//!
//! Google is a stand-in that checks every request against the document that Google publishes; it
//! is also the judge.

use crate::stage::{Failpoint, LIMIT, Plan, Stage, text, until};
use serde_json::{Value, json};
use sheetsim::{Fault, SheetSim, When};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use wasim::{Contact, Outgoing};

const OWNER: &str = "971500000001";
const BOOK: &str = "1BookOfLeads";
const TAB: &str = "My Leads";
/// Between two messages while the program lives.
const PAUSE: Duration = Duration::from_millis(20);

struct Office {
    stage: Stage,
    google: SheetSim,
    contacts: Vec<Contact>,
    sent: usize,
}

impl Office {
    async fn open() -> Self {
        let google = SheetSim::start().await.unwrap();
        google.create(BOOK, "Sales", &[TAB, "Notes"]);
        let settings = format!(
            "[sheets]\nlinger_ms = 300\nsettled_after_s = 1\nstand_in = {:?}\n",
            google.url()
        );
        let stage = Stage::with(Plan {
            settings,
            ..Plan::default()
        })
        .await;
        stage.link(OWNER).await;
        let contacts = (0..10)
            .map(|n| stage.contact(&format!("9715500000{n:02}")))
            .collect();
        Self {
            stage,
            google,
            contacts,
            sent: 0,
        }
    }

    /// Connects from the terminal, as a person would.
    async fn connect(&self) -> String {
        let key = self.stage.folder.path().join("key.json");
        std::fs::write(&key, self.google.service_account().to_string()).unwrap();
        let key = key.to_str().unwrap();
        let made = self.stage.command(&["sheets", "connect", key]).await;
        assert_eq!(made["identity"], sheetsim::token::SERVICE_ACCOUNT);
        assert!(!made.to_string().contains("PRIVATE"), "the key is shown");
        text(&made, "/id")
    }

    async fn map(&self, connection: &str) -> String {
        let mapping = json!({
            "name": "Leads", "connection": connection, "tab": TAB,
            "spreadsheet": format!("https://docs.google.com/spreadsheets/d/{BOOK}/edit"),
            "kinds": ["message.received"], "columns": columns(),
        });
        let made = self.stage.post("/sheets/mappings", mapping).await;
        text(&made, "/id")
    }

    async fn say(&mut self, words: &str) {
        let contact = &self.contacts[self.sent % self.contacts.len()];
        contact.send(OWNER, Outgoing::text(words)).await.unwrap();
        self.sent += 1;
    }

    async fn talk(&mut self, messages: usize) {
        for _ in 0..messages {
            let words = format!("#{}", self.sent);
            self.say(&words).await;
        }
    }

    /// What stands in the sheet: how often each text does.
    fn texts(&self) -> BTreeMap<String, usize> {
        let mut texts = BTreeMap::new();
        for row in self.google.rows(BOOK, TAB) {
            let text = row.get(2).and_then(Value::as_str).unwrap_or_default();
            *texts.entry(text.to_owned()).or_default() += 1;
        }
        texts.remove("Text");
        texts
    }

    /// Waits until so many rows have failed; answers them as the terminal lists them.
    async fn failed_rows(&self, count: usize) -> Vec<Value> {
        until("failed rows", async || {
            let list = ["sheets", "rows", "Leads", "--state", "failed"];
            let found = self.stage.command(&list).await;
            let rows = found["items"].as_array().unwrap().clone();
            if rows.len() == count {
                Ok(rows)
            } else {
                Err(found)
            }
        })
        .await
    }

    /// Waits until every message has a row, and judges.
    async fn judge(&self, mapping: &str) {
        until("a row for every message", async || {
            let texts = self.texts();
            let shown = self.stage.get(&format!("/sheets/mappings/{mapping}")).await;
            let rows = &shown["rows"];
            let is_quiet = rows["waiting"] == 0 && rows["in_doubt"] == 0;
            if texts.len() >= self.sent && is_quiet {
                Ok(())
            } else {
                Err(format!("{} of {} texts, {rows}", texts.len(), self.sent))
            }
        })
        .await;
        let texts = self.texts();
        let doubled: Vec<_> = texts.iter().filter(|(_, times)| **times != 1).collect();
        assert!(doubled.is_empty(), "written twice: {doubled:?}");
        assert_eq!(texts.len(), self.sent, "rows for messages that never were");
        assert_eq!(self.google.violations(), Vec::<String>::new());
    }
}

fn columns() -> Value {
    json!([
        {"header": "Event", "from": "event_id"},
        {"header": "When", "from": "time", "path": "/at", "zone": "Asia/Dubai"},
        {"header": "Text", "from": "path", "path": "/data/content/body", "missing": "refuse"},
        {"header": "From", "from": "path", "path": "/data/sender_name"},
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_becomes_one_row_and_takes_few_calls() {
    let mut office = Office::open().await;
    let connection = office.connect().await;
    let mapping = office.map(&connection).await;
    let tested = office
        .stage
        .post(&format!("/sheets/mappings/{mapping}/test"), json!({}))
        .await;
    assert_eq!(tested["headers"], "written", "{tested}");
    let before = office.google.count();
    office.say("=HYPERLINK(\"https://evil.example\")").await;
    office.talk(99).await;
    office.judge(&mapping).await;
    let head = &office.google.rows(BOOK, TAB)[0];
    assert_eq!(
        head[..],
        [json!("Event"), json!("When"), json!("Text"), json!("From")]
    );

    let calls = office.google.count() - before;
    assert!(
        calls * 10 <= office.sent * 4,
        "{calls} calls for {} rows",
        office.sent
    );
    let shown = office
        .stage
        .get(&format!("/sheets/connections/{connection}"))
        .await;
    let saved = &shown["saved"];
    assert_eq!(saved["calls"], json!(office.google.count()), "{saved}");
    // The rows, and reading and writing the headers.
    assert_eq!(saved["operations"], json!(office.sent + 2), "{saved}");
    println!("{} rows in {calls} calls", office.sent);

    let tried = json!({"columns": columns(), "kinds": ["message.received"]});
    let preview = office.stage.post("/sheets/preview", tried).await;
    assert_eq!(preview["headers"], json!(["Event", "When", "Text", "From"]));
    assert_eq!(preview["event"]["type"], "message.received", "{preview}");
    assert!(preview["cells"][2].is_string(), "{preview}");
    let wrong = json!({"columns": [{"header": "A", "from": "event_id"},
        {"header": "B", "from": "path", "path": "/nowhere", "missing": "refuse"}]});
    let preview = office.stage.post("/sheets/preview", wrong).await;
    assert!(
        preview["cells"].is_null() && text(&preview, "/error").contains('B'),
        "{preview}"
    );

    until("the meters", async || {
        let metrics = office.stage.metrics().await;
        let line = metrics
            .lines()
            .find(|l| l.starts_with("waypost_sheet_calls_total"));
        let calls: usize = line
            .and_then(|l| l.split(' ').next_back()?.parse().ok())
            .unwrap_or(0);
        if calls == office.google.count() {
            Ok(())
        } else {
            Err(metrics.lines().count())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_is_read_and_changed_from_the_terminal() {
    let office = Office::open().await;
    let none = office
        .stage
        .refused_command(&["sheets", "info", BOOK])
        .await;
    assert!(none.contains("sheets connect"), "{none}");
    office.connect().await;
    let run = async |args: &[&str]| {
        office
            .stage
            .command(&[&["sheets"][..], args].concat())
            .await
    };
    run(&["add", BOOK, "Notes", "name", "phone"]).await;
    let added = run(&["add", BOOK, "Notes", "Ana", "+971500000002"]).await;
    assert_eq!(added["range"], "Notes!A2:B2");
    run(&["update", BOOK, "Notes!A2", "Ana Maria"]).await;
    let read = run(&["read", BOOK, "Notes!A1:B9"]).await;
    assert_eq!(
        read["rows"],
        json!([["name", "phone"], ["Ana Maria", "+971500000002"]])
    );
    let found = run(&["search", BOOK, "Notes", "mARIA"]).await;
    assert_eq!(found["items"][0]["row"], 2, "{found}");
    run(&["delete", BOOK, "Notes", "2"]).await;
    let info = run(&["info", BOOK]).await;
    assert_eq!(info["title"], "Sales");
    assert_eq!(office.google.rows(BOOK, "Notes").len(), 1);
    let said = office
        .stage
        .refused_command(&["sheets", "read", BOOK, "Nowhere!A1"])
        .await;
    assert!(said.contains("Unable to parse range"), "{said}");
    assert_eq!(office.google.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_exactly_once_through_kills_and_cuts() {
    let mut office = Office::open().await;
    let connection = office.connect().await;
    let mapping = office.map(&connection).await;
    // What goes wrong on Google's side while the program lives.
    let faults = [
        Fault::CommitThenCut,
        Fault::Cut,
        Fault::CommitThenFail { status: 503 },
        Fault::Refuse {
            status: 500,
            retry_after: None,
        },
        Fault::Late { ms: 400 },
    ];
    for fault in faults {
        office.google.inject(When::Write, fault);
        office.talk(5).await;
        office.judge(&mapping).await;
    }
    // The program dies before, after and between its call and its note of it.
    let mut kills = 0;
    for name in [
        "sheets_before_send",
        "sheets_after_send",
        "sheets_after_settle",
    ] {
        for passing in 1..=2 {
            office.stage.kill_9().await;
            office.stage.begin(Some(Failpoint { name, passing })).await;
            let deadline = Instant::now() + LIMIT;
            while !office.stage.is_dead() {
                assert!(
                    Instant::now() < deadline,
                    "{name} was not passed {passing} times"
                );
                office.talk(1).await;
                tokio::time::sleep(PAUSE).await;
            }
            kills += 1;
        }
    }
    // Google works on what the program that asked for it does not live to see.
    for _ in 0..3 {
        office.stage.kill_9().await;
        office.stage.begin(None).await;
        office
            .google
            .inject(When::Write, Fault::CommitThenWait { ms: 700 });
        office.talk(10).await;
        let rows = office.google.rows(BOOK, TAB).len();
        until("a commit", async || {
            let now = office.google.rows(BOOK, TAB).len();
            if now > rows { Ok(()) } else { Err(now) }
        })
        .await;
        kills += 1;
    }
    office.stage.kill_9().await;
    office.stage.begin(None).await;
    office.judge(&mapping).await;
    println!(
        "{kills} kills, {} messages, {} rows",
        office.sent,
        office.texts().len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failed_row_is_tried_again_and_the_other_stays() {
    let mut office = Office::open().await;
    let connection = office.connect().await;
    let mapping = office.map(&connection).await;
    for count in 1..=2 {
        let refuse = Fault::Refuse {
            status: 400,
            retry_after: None,
        };
        office.google.inject(When::Write, refuse);
        office.talk(1).await;
        office.failed_rows(count).await;
    }
    let event = text(&office.failed_rows(2).await[0], "/event");
    let retry = ["sheets", "retry", "Leads", "--event", &event];
    let done = office.stage.command(&retry).await;
    assert_eq!(done["replayed"], 1, "{done}");
    let left = office.failed_rows(1).await;
    assert_ne!(text(&left[0], "/event"), event);
    until("the row to be there", async || {
        let texts = office.texts();
        if texts.len() == 1 { Ok(()) } else { Err(texts) }
    })
    .await;
    let said = office.stage.refused_command(&retry).await;
    assert!(said.contains("failed row"), "{said}");
    office.stage.command(&["sheets", "retry", "Leads"]).await;
    office.judge(&mapping).await;
}
