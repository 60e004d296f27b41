//! Real proxies as child processes: `tinyproxy` for HTTP CONNECT, `microsocks` for SOCKS 5.

use super::{LIMIT, LOOK};
use rustix::process::{Pid, Signal};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// From where the proxies connect: an address of this machine that nobody else uses, so that the
/// network sees who came through a proxy.
pub(crate) const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Whom the proxies let in.
pub(crate) const USER: &str = "sales";

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Socks5,
}

/// A running proxy; stopped when dropped.
pub(crate) struct Proxy {
    kind: Kind,
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Proxy {
    /// Starts one on a free port and waits until it answers.
    pub(crate) fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut proxy = Self {
            kind,
            port,
            folder: tempfile::tempdir().unwrap(),
            child: None,
        };
        proxy.begin();
        proxy
    }

    /// Starts it on the port it had.
    pub(crate) fn begin(&mut self) {
        let port = self.port.to_string();
        let mut command = match self.kind {
            Kind::Http => {
                self.write_settings(self.password());
                let mut command = Command::new("tinyproxy");
                command.arg("-d").arg("-c").arg(self.settings_file());
                command
            }
            Kind::Socks5 => {
                let mut command = Command::new("microsocks");
                command.args(["-i", "127.0.0.1", "-p", &port, "-b", &FAR.to_string()]);
                command.args(["-u", USER, "-P", self.password()]);
                command
            }
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = command.spawn();
        self.child = Some(started.unwrap_or_else(|error| {
            panic!(
                "{:?} cannot be started ({error}); install it with `cargo xtask test --install`",
                command.get_program()
            )
        }));
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the proxy never listened");
            std::thread::sleep(LOOK);
        }
    }

    fn settings_file(&self) -> PathBuf {
        self.folder.path().join("tinyproxy.conf")
    }

    fn write_settings(&self, password: &str) {
        let port = self.port;
        let settings = format!(
            "Port {port}\nListen 127.0.0.1\nBind {FAR}\nTimeout 600\nMaxClients 50\n\
             LogLevel Warning\nBasicAuth {USER} {password}\n"
        );
        std::fs::write(self.settings_file(), settings).unwrap();
    }

    /// Takes only this password from now on; what goes through it already goes on. Only `tinyproxy`
    /// can be told so while it runs; in the foreground it reads its settings again at this signal.
    pub(crate) fn takes_only(&self, password: &str) {
        assert_eq!(self.kind, Kind::Http);
        self.write_settings(password);
        let child = self.child.as_ref().unwrap();
        let id = Pid::from_child(child);
        rustix::process::kill_process(id, Signal::USR1).unwrap();
    }

    /// Stops it with everything that goes through it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The password it wants. What tinyproxy can read from its settings has no odd characters.
    pub(crate) fn password(&self) -> &'static str {
        match self.kind {
            Kind::Http => "open-Sesame.7",
            Kind::Socks5 => "p@ss:w%rd /7",
        }
    }

    /// Its address with this user and password.
    pub(crate) fn address(&self, user: &str, password: &str) -> String {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Socks5 => "socks5",
        };
        let encoded = |text: &str| {
            let byte = |byte: u8| match byte {
                plain if plain.is_ascii_alphanumeric() => char::from(plain).to_string(),
                other => format!("%{other:02X}"),
            };
            text.bytes().map(byte).collect::<String>()
        };
        let (user, password) = (encoded(user), encoded(password));
        format!("{scheme}://{user}:{password}@127.0.0.1:{}", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}
