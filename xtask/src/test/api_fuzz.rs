//! The HTTP API tested from its own OpenAPI document.

use super::scratch::Scratch;
use crate::place::Place;
use crate::service::{Service, free_address};
use crate::shell::Run;
use anyhow::{Context as _, Result};
use std::fs;

/// Starts the program as it ships on an empty folder, and lets schemathesis loose on it.
pub(super) fn run(place: &Place) -> Result<()> {
    super::rust::build_strict_program(place)?;
    let data = Scratch::new("api-fuzz")?;
    let address = free_address()?;
    let mut waypost = Service::start(place, "api-fuzz-waypost", |run| {
        run.args([place.strict_program().as_os_str(), "serve".as_ref()])
            .env("WAYPOST_DATA_DIR", data.path())
            .env("WAYPOST_SERVER__LISTEN", address.to_string())
            // Nobody is there: what the fuzzer links must not knock at the real WhatsApp.
            .env("WAYPOST_WHATSAPP__URL", "ws://127.0.0.1:9/ws")
            .dir(data.path())
    })?;
    waypost.wait_ready(address, "/readyz")?;
    let key = fs::read_to_string(data.path().join("cli.key"))
        .context("the server left no key for the command line")?;
    let config = place.path("tools/api-fuzz/schemathesis.toml");
    Run::new(place, place.venv().join("bin/st"))
        .args(["--config-file".as_ref(), config.as_os_str(), "run".as_ref()])
        .args([format!("http://{address}/openapi.json")])
        .args(["--url", &format!("http://{address}")])
        .secret_args(["--header", &format!("Authorization: Bearer {}", key.trim())])
        // It keeps notes in the folder that it runs in.
        .dir(data.path())
        .go()?;
    // Whatever it was sent, it still answers.
    waypost.wait_ready(address, "/readyz")
}
