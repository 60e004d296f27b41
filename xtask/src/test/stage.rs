//! The whole thing on one machine: wasim and a Waypost that talks to it, for the browser tests.

use super::scratch::Scratch;
use crate::place::Place;
use crate::service::{Service, free_address};
use anyhow::{Context as _, Result};

/// What stands in front of the first sign-in's token in what the program prints.
const TOKEN_MARK: &str = "/setup?token=";

/// Both programs, running; they stop when this is dropped, Waypost first.
pub(crate) struct Stage {
    /// Address of the dashboard.
    pub(crate) waypost_url: String,
    /// Address of wasim's controls.
    pub(crate) wasim_url: String,
    /// Opens the first sign-in, once.
    pub(crate) setup_token: String,
    _waypost: Service,
    _wasim: Service,
    data: Scratch,
}

impl Stage {
    /// Starts both on free loopback ports and an empty folder. The programs must have been built.
    ///
    /// # Errors
    /// When one of them does not start; the error names its log.
    pub(crate) fn start(place: &Place) -> Result<Self> {
        let data = Scratch::new("stage")?;
        let (control, socket, web) = (free_address()?, free_address()?, free_address()?);
        let mut wasim = Service::start(place, "stage-wasim", |run| {
            run.args([place.wasim_program()])
                .args(["serve", "--port", &control.port().to_string()])
                .args(["--ws-port", &socket.port().to_string()])
        })?;
        wasim.wait_ready(control, "/")?;
        let mut waypost = Service::start(place, "stage-waypost", |run| {
            run.args([place.sim_program().as_os_str(), "serve".as_ref()])
                .env("WAYPOST_DATA_DIR", data.path())
                .env("WAYPOST_SERVER__LISTEN", web.to_string())
                .env("WAYPOST_WHATSAPP__URL", format!("ws://{socket}/ws/chat"))
                .dir(data.path())
        })?;
        waypost.wait_ready(web, "/readyz")?;
        let setup_token = token(&waypost.said()?)
            .context("the program did not print the token of its first sign-in")?;
        Ok(Self {
            waypost_url: format!("http://{web}"),
            wasim_url: format!("http://{control}"),
            setup_token,
            _waypost: waypost,
            _wasim: wasim,
            data,
        })
    }
}

impl Stage {
    /// The key that the server leaves for programs of the same user.
    ///
    /// # Errors
    /// When the server left none.
    pub(crate) fn api_key(&self) -> Result<String> {
        let key = std::fs::read_to_string(self.data.path().join("cli.key"))
            .context("the server left no key for the command line")?;
        Ok(key.trim().to_owned())
    }
}

fn token(said: &str) -> Option<String> {
    let (_, rest) = said.split_once(TOKEN_MARK)?;
    let token: String = rest.chars().take_while(|c| !c.is_whitespace()).collect();
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_read_from_what_the_program_tells_the_person() {
        let said = "INFO listening\n\nFirst run: open http://h:1/setup?token=ab-C_9 to create\n";
        assert_eq!(token(said).as_deref(), Some("ab-C_9"));
        assert_eq!(token("INFO listening"), None);
    }
}
