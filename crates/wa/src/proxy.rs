//! Proxies: an account's traffic through somebody else's address.
//!
//! With a proxy everything of the account goes through it, the socket and the files, and names are
//! looked up by the proxy. When it does not work nothing goes anywhere.

use crate::limits::{PROXY_ANSWER_MAX, PROXY_DIAL_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use waypost_engine::fleet::down::DownReason;

/// How an account's traffic leaves this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Route {
    /// By itself.
    #[default]
    Direct,
    /// Through a proxy, or not at all.
    Via(Proxy),
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP with the method CONNECT.
    Http,
    /// SOCKS 5 (RFC 1928), names looked up by the proxy.
    Socks5,
}

impl ProxyKind {
    /// How its address begins.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
        }
    }
}

/// What a proxy wants to know before it does anything.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password. Secret.
    pub password: String,
}

/// A proxy. Shown without its password; [`Proxy::secret`] has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its name or address; an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who we are to it, where it asks.
    pub login: Option<Login>,
}

/// Why a proxy's address was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; a proxy looks like socks5://user:password@proxy.example.com:1080 or http://user:password@proxy.example.com:3128"
)]
pub struct ProxyParseError(&'static str);

/// Longest address of a proxy, in bytes.
pub const PROXY_LEN_MAX: usize = 1_024;
/// Longest user or password, in bytes: what SOCKS 5 can carry (RFC 1929).
pub const LOGIN_LEN_MAX: usize = 255;
/// Longest name of a host, in bytes (RFC 1035, and what SOCKS 5 can carry).
const HOST_LEN_MAX: usize = 253;

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |login| format!("{}:***@", encoded(&login.user)))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:***", self.user)
    }
}

impl Proxy {
    fn write(&self, f: &mut impl fmt::Write, who: impl FnOnce(&Login) -> String) -> fmt::Result {
        let who = self.login.as_ref().map(who).unwrap_or_default();
        write!(
            f,
            "{}://{who}{}:{}",
            self.kind.scheme(),
            self.bracketed(),
            self.port
        )
    }

    pub(crate) fn bracketed(&self) -> String {
        if self.host.parse::<Ipv6Addr>().is_ok() {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }

    /// Its address with the password, as [`FromStr`] reads it. Secret.
    #[must_use]
    pub fn secret(&self) -> String {
        let mut text = String::new();
        let who = |login: &Login| format!("{}:{}@", encoded(&login.user), encoded(&login.password));
        // Writing to a text cannot fail.
        let _ = self.write(&mut text, who);
        text
    }
}

impl FromStr for Proxy {
    type Err = ProxyParseError;

    fn from_str(text: &str) -> Result<Self, ProxyParseError> {
        if text.len() > PROXY_LEN_MAX {
            return Err(ProxyParseError("the proxy's address is too long"));
        }
        let (scheme, rest) = text.split_once("://").ok_or(ProxyParseError(
            "the proxy's address does not begin with http:// or socks5://",
        ))?;
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyKind::Http,
            "socks5" | "socks5h" => ProxyKind::Socks5,
            _ => {
                return Err(ProxyParseError(
                    "only proxies of the kinds http and socks5 are supported",
                ));
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (who, place) = match rest.rsplit_once('@') {
            Some((who, place)) => (Some(who), place),
            None => (None, rest),
        };
        let login = who.map(login).transpose()?;
        let (host, port) = place
            .rsplit_once(':')
            .ok_or(ProxyParseError("the proxy's port is missing"))?;
        let port = port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or(ProxyParseError(
                "the proxy's port is not a number from 1 to 65535",
            ))?;
        Ok(Self {
            kind,
            host: checked_host(host)?,
            port,
            login,
        })
    }
}

fn login(text: &str) -> Result<Login, ProxyParseError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let read = |part: &str| {
        let part = decoded(part).ok_or(ProxyParseError(
            "the user or password holds a % that is not followed by two hexadecimal digits",
        ))?;
        if part.len() > LOGIN_LEN_MAX || part.chars().any(char::is_control) {
            return Err(ProxyParseError(
                "the user or password is longer than 255 bytes or holds control characters",
            ));
        }
        Ok(part)
    };
    let (user, password) = (read(user)?, read(password)?);
    if user.is_empty() || user.contains(':') {
        return Err(ProxyParseError("the user is missing or holds a colon"));
    }
    Ok(Login { user, password })
}

fn checked_host(text: &str) -> Result<String, ProxyParseError> {
    if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let address = inner.parse::<Ipv6Addr>();
        return address.map(|address| address.to_string()).map_err(|_| {
            ProxyParseError("the proxy's address in brackets is not an IPv6 address")
        });
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if text.is_empty() || text.len() > HOST_LEN_MAX || !text.chars().all(fits) {
        return Err(ProxyParseError(
            "the proxy's name is missing or holds characters that no name has",
        ));
    }
    Ok(text.to_ascii_lowercase())
}

/// What may stand in an address as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        plain if is_plain(plain) => char::from(plain).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
            rest = rest.get(2..)?;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Why nothing can be reached through a proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It does not answer, says nonsense, or cannot reach WhatsApp.
    #[error("{0}")]
    Unreachable(String),
    /// It does not take the user and the password.
    #[error("{0}")]
    Refused(String),
}

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(format!("the proxy broke off: {error}"))
    }
}

impl From<ProxyError> for DownReason {
    fn from(error: ProxyError) -> Self {
        match error {
            ProxyError::Unreachable(error) => Self::ProxyUnreachable { error },
            ProxyError::Refused(error) => Self::ProxyRefused { error },
        }
    }
}

/// A way through the proxy to this host and port, within [`PROXY_DIAL_MAX`].
pub(crate) async fn dial(proxy: &Proxy, host: &str, port: u16) -> Result<TcpStream, ProxyError> {
    let way = async {
        let place = (proxy.host.as_str(), proxy.port);
        let mut stream = TcpStream::connect(place).await.map_err(|error| {
            ProxyError::Unreachable(format!("the proxy cannot be reached: {error}"))
        })?;
        // Small frames must not wait for each other.
        stream.set_nodelay(true)?;
        let login = proxy.login.as_ref();
        match proxy.kind {
            ProxyKind::Http => connect(&mut stream, login, host, port).await?,
            ProxyKind::Socks5 => socks5(&mut stream, login, host, port).await?,
        }
        Ok(stream)
    };
    let late = |_| {
        let seconds = PROXY_DIAL_MAX.as_secs();
        ProxyError::Unreachable(format!("the proxy gave no way within {seconds} s"))
    };
    tokio::time::timeout(PROXY_DIAL_MAX, way)
        .await
        .map_err(late)?
}

/// HTTP CONNECT (RFC 9110, 9.3.6) with Basic authentication (RFC 7617).
async fn connect(
    stream: &mut TcpStream,
    login: Option<&Login>,
    host: &str,
    port: u16,
) -> Result<(), ProxyError> {
    let host = match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    };
    let who = login.map(|login| {
        let pair = BASE64.encode(format!("{}:{}", login.user, login.password));
        format!("Proxy-Authorization: Basic {pair}\r\n")
    });
    let who = who.unwrap_or_default();
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{who}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let head = head(stream).await?;
    match status(&head) {
        Some(200..=299) => Ok(()),
        // The second is tinyproxy's way; WhatsApp has not been asked yet, so it can't be meant.
        Some(code @ (407 | 401)) => Err(ProxyError::Refused(format!(
            "the proxy does not take this user and password (it answered {code})"
        ))),
        Some(other) => Err(ProxyError::Unreachable(format!(
            "the proxy does not open a way to WhatsApp (it answered {other})"
        ))),
        None => Err(nonsense("HTTP")),
    }
}

fn nonsense(what: &str) -> ProxyError {
    ProxyError::Unreachable(format!(
        "what answers at the proxy's address does not speak {what}"
    ))
}

/// The head of an answer. It is read byte by byte, because what follows is WhatsApp's.
async fn head(stream: &mut TcpStream) -> Result<Vec<u8>, ProxyError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= PROXY_ANSWER_MAX {
            return Err(nonsense("HTTP"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let rest = line.strip_prefix("HTTP/1.")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// SOCKS 5 (RFC 1928) with user and password (RFC 1929).
async fn socks5(
    stream: &mut TcpStream,
    login: Option<&Login>,
    host: &str,
    port: u16,
) -> Result<(), ProxyError> {
    const VERSION: u8 = 5;
    const OPEN: u8 = 0;
    const PASSWORD: u8 = 2;
    let offered: &[u8] = match login {
        Some(_) => &[VERSION, 1, PASSWORD],
        None => &[VERSION, 1, OPEN],
    };
    stream.write_all(offered).await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    match (chosen, login) {
        ([VERSION, OPEN], None) => {}
        ([VERSION, PASSWORD], Some(login)) => authenticate(stream, login).await?,
        ([VERSION, _], None) => {
            return Err(ProxyError::Refused(
                "the proxy wants a user and a password".to_owned(),
            ));
        }
        ([VERSION, _], Some(_)) => {
            return Err(ProxyError::Refused(
                "the proxy takes no user and password".to_owned(),
            ));
        }
        _ => return Err(nonsense("SOCKS 5")),
    }
    let mut request = vec![VERSION, 1, 0];
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(3);
            counted(&mut request, host)?;
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request).await?;
    answer(stream).await
}

/// A text behind its length in one byte.
fn counted(to: &mut Vec<u8>, text: &str) -> Result<(), ProxyError> {
    let length = u8::try_from(text.len())
        .map_err(|_| ProxyError::Unreachable("a name is too long for SOCKS 5".to_owned()))?;
    to.push(length);
    to.extend(text.as_bytes());
    Ok(())
}

async fn authenticate(stream: &mut TcpStream, login: &Login) -> Result<(), ProxyError> {
    let mut request = vec![1];
    counted(&mut request, &login.user)?;
    counted(&mut request, &login.password)?;
    stream.write_all(&request).await?;
    let refused =
        || ProxyError::Refused("the proxy does not take this user and password".to_owned());
    let mut said = [0; 2];
    match stream.read_exact(&mut said).await {
        Ok(_) if said[1] == 0 => Ok(()),
        Ok(_) => Err(refused()),
        // Some proxies only hang up.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(refused()),
        Err(error) => Err(error.into()),
    }
}

/// The proxy's answer to the wish for a way, up to its last byte.
async fn answer(stream: &mut TcpStream) -> Result<(), ProxyError> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let why = match head {
        [5, 0, _, _] => None,
        [5, 1, ..] => Some("a fault of its own"),
        [5, 2, ..] => Some("its rules forbid it"),
        [5, 3, ..] => Some("the network cannot be reached"),
        [5, 4, ..] => Some("the host cannot be reached"),
        [5, 5, ..] => Some("the connection was refused"),
        [5, 6, ..] => Some("it took too long"),
        [5, ..] => Some("it cannot do that"),
        _ => return Err(nonsense("SOCKS 5")),
    };
    if let Some(why) = why {
        return Err(ProxyError::Unreachable(format!(
            "the proxy does not open a way to WhatsApp: {why}"
        )));
    }
    let rest = match head[3] {
        1 => 4 + 2,
        3 => usize::from(stream.read_u8().await?) + 2,
        4 => 16 + 2,
        _ => return Err(nonsense("SOCKS 5")),
    };
    let mut bound = vec![0; rest];
    stream.read_exact(&mut bound).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
