//! The stand-in is honest as far as Google's own Python client can tell: it reads what it expects,
//! and nothing that it sends counts as a violation.

use serde_json::{Value, json};
use sheetsim::discovery::PYTHON;
use sheetsim::{Fault, SheetSim, When};
use std::process::Stdio;
use tokio::process::Command;

async fn run(sim: &SheetSim, who: &Value) -> Value {
    let python = std::env::var(PYTHON).unwrap_or_else(|_| {
        panic!(
            "{PYTHON} is not set, so Google's client is missing; `cargo xtask test rust` sets it"
        )
    });
    let file = std::env::temp_dir().join(format!(
        "sheetsim-{}.json",
        sim.url().replace(['/', ':'], "-")
    ));
    std::fs::write(&file, who.to_string()).unwrap();
    let said = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/parts/google_client.py"
        ))
        .args([&sim.url(), &sim.token_url()])
        .arg(&file)
        .arg("book")
        .stdin(Stdio::null())
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .kill_on_drop(true)
        .output()
        .await
        .expect("the Python of the tests cannot be started");
    let _ = std::fs::remove_file(&file);
    let wrong = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{wrong}");
    serde_json::from_slice(&said.stdout).unwrap()
}

fn check(sim: &SheetSim, seen: &Value) {
    assert_eq!(sim.violations(), Vec::<String>::new());
    assert_eq!(seen["title"], "Sales");
    assert_eq!(seen["tabs"], json!(["My Leads", "Other"]));
    assert_eq!(seen["header"], "'My Leads'!A1:B1");
    assert_eq!(seen["rows"], "'My Leads'!A2:B4");
    let read = json!([["id", "name", "note"], ["1", "Ana Maria"], ["3", "7"]]);
    assert_eq!(seen["read"], read);
    assert_eq!(seen["columns"][0]["values"], json!([["id", "1", "3"]]));
    assert_eq!(seen["columns"][1]["values"], json!([["name", "Ana Maria"]]));
    assert_eq!(seen["empty"], false);
    assert_eq!(seen["no_book"]["status"], 404);
    assert_eq!(seen["no_tab"]["status"], 400);
    assert_eq!(
        seen["no_tab"]["reason"],
        "Unable to parse range: Nowhere!A1"
    );
    assert_eq!(seen["outside"]["status"], 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_client_works_with_a_service_account() {
    let sim = SheetSim::start().await.unwrap();
    sim.create("book", "Sales", &["My Leads", "Other"]);
    check(&sim, &run(&sim, &sim.service_account()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_client_works_for_a_user_who_agreed() {
    let sim = SheetSim::start().await.unwrap();
    sim.create("book", "Sales", &["My Leads", "Other"]);
    check(&sim, &run(&sim, &sim.user()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_client_notices_that_a_connection_was_cut_after_the_write() {
    let sim = SheetSim::start().await.unwrap();
    sim.create("book", "Sales", &["My Leads", "Other"]);
    sim.inject(When::Write, Fault::CommitThenCut);
    let python = std::env::var(PYTHON).unwrap_or_else(|_| panic!("{PYTHON} is not set"));
    let code = "import sys, urllib.request as u\n\
        body = b'{\"values\": [[\"x\"]]}'\n\
        token = sys.argv[2]\n\
        r = u.Request(sys.argv[1], body, {'Authorization': 'Bearer ' + token})\n\
        try:\n    u.urlopen(r)\nexcept Exception as e:\n    print(type(e).__name__)";
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", sheetsim::token::CLIENT_ID),
        ("client_secret", "test-client-secret"),
        ("refresh_token", "1//test-refresh-token"),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let ask = "import sys, json, urllib.request as u\n\
        print(json.load(u.urlopen(sys.argv[1], sys.argv[2].encode()))['access_token'])";
    let token = Command::new(&python)
        .args(["-c", ask, &sim.token_url(), &body])
        .output()
        .await
        .unwrap();
    let token = String::from_utf8_lossy(&token.stdout).trim().to_owned();
    let url = format!(
        "{}/v4/spreadsheets/book/values/Other:append?valueInputOption=RAW",
        sim.url()
    );
    let said = Command::new(&python)
        .args(["-c", code, &url, &token])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    assert_eq!(said, "RemoteDisconnected", "the client was given an answer");
    assert_eq!(sim.rows("book", "Other"), vec![vec![json!("x")]]);
    assert_eq!(sim.calls().last().unwrap().status, 0);
}
