//! The program as it is shipped trusts WhatsApp's certificates only.

use crate::stage::{Plan, Stage, text, until};

/// Where the shipped build of the program is: one made without the feature `sim`.
const PROGRAM: &str = "WAYPOST_STRICT_BIN";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_program_refuses_the_simulator() {
    let program = std::env::var(PROGRAM).unwrap_or_else(|_| {
        panic!(
            "{PROGRAM} is not set: run `cargo xtask test`, or build with \
             `cargo build -p waypost-server --bin waypost` into a target folder of its own and \
             name the program there"
        )
    });
    let stage = Stage::with(Plan {
        program,
        ..Plan::default()
    })
    .await;
    let account = stage.begin_link("971500000001", "qr").await;
    let shown = until("the link to fail", async || {
        let link = stage.get(&format!("/accounts/{account}/link")).await;
        assert!(
            link["qr"].is_null(),
            "it shows a code of a server that it must not trust: {link}"
        );
        if link["status"] == "failed" {
            Ok(link)
        } else {
            Err(link)
        }
    })
    .await;
    assert!(!text(&shown, "/message").is_empty());
    println!("the link says: {}", text(&shown, "/message"));
    let status = stage.get("/status").await;
    assert_eq!(
        status["sim"], false,
        "this is not the shipped program: {status}"
    );
    assert_ne!(
        stage.get(&format!("/accounts/{account}")).await["state"],
        "online"
    );
}
