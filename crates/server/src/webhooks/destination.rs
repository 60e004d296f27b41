//! Which addresses webhooks may go to, as far as the address itself tells.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use url::{Host, Url};

/// An address that must not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It is not an address at all.
    #[error("this is not a web address; write it like https://example.com/hook")]
    NotAUrl,
    /// Not HTTP.
    #[error("webhooks go to http or https addresses, not to {0}")]
    Scheme(String),
    /// A user name or password would end up in logs.
    #[error("leave user name and password out of the address; the signature proves who is calling")]
    Credentials,
    /// It lies in a private network.
    #[error(
        "{0} is in a private network; list its network under webhooks.allow_private in waypost.toml to allow it"
    )]
    Private(IpAddr),
    /// The name has no address.
    #[error("the name {0} has no address; check it")]
    NoAddress(String),
}

/// Which private networks are allowed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowed {
    networks: Arc<[IpNet]>,
}

impl Allowed {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self {
            networks: networks.into(),
        }
    }

    /// Reads an address and refuses what can be refused without looking the name up.
    pub(crate) fn url(&self, text: &str) -> Result<Url, Refused> {
        let url = Url::parse(text.trim()).map_err(|_| Refused::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        match url.host() {
            None => return Err(Refused::NotAUrl),
            Some(Host::Ipv4(ip)) => self.address(ip.into())?,
            Some(Host::Ipv6(ip)) => self.address(ip.into())?,
            Some(Host::Domain(_)) => {}
        }
        Ok(url)
    }

    /// Whether this address may be called.
    pub(crate) fn address(&self, ip: IpAddr) -> Result<(), Refused> {
        let ip = ip.to_canonical();
        if is_public(ip) || self.networks.iter().any(|net| net.contains(&ip)) {
            return Ok(());
        }
        Err(Refused::Private(ip))
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// IANA's special-purpose registry for IPv4.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    let relay = a == 192 && b == 88 && c == 99;
    let benchmark = a == 198 && (b == 18 || b == 19);
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || shared
        || protocol
        || relay
        || benchmark)
}

/// Global unicast (2000::/3) without what embeds or tunnels IPv4, and without documentation.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let global = a & 0xe000 == 0x2000;
    let teredo_orchid_documentation = a == 0x2001 && (b < 0x200 || b == 0xdb8);
    let six_to_four = a == 0x2002;
    let documentation = a == 0x3fff && b < 0x1000;
    global && !teredo_orchid_documentation && !six_to_four && !documentation
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn private_addresses_are_refused_however_they_are_written() {
        let allowed = Allowed::default();
        for url in [
            "http://127.0.0.1/",
            "http://localhost.localdomain.invalid@127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://017700000001/",
            "http://0/",
            "http://10.0.0.1/",
            "http://172.16.3.4/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest",
            "http://100.64.0.1/",
            "http://224.0.0.1/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[ff02::1]/",
            "http://[2002:7f00:1::]/",
            "http://[64:ff9b::7f00:1]/",
            "http://255.255.255.255/",
        ] {
            assert!(allowed.url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn public_addresses_and_names_are_taken() {
        let allowed = Allowed::default();
        for url in [
            "https://example.com/hook",
            "http://8.8.8.8:8080/x",
            "https://[2606:4700::1111]/",
        ] {
            assert!(allowed.url(url).is_ok(), "{url}");
        }
        for url in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "example.com",
            "",
            "https://",
            "https://u:p@example.com/",
        ] {
            assert!(allowed.url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_listed_network_is_allowed_and_no_other() {
        let allowed = Allowed::new(&["10.1.0.0/16".parse().unwrap(), "::1/128".parse().unwrap()]);
        assert!(allowed.url("http://10.1.2.3/").is_ok());
        assert!(allowed.url("http://[::1]:9/").is_ok());
        assert!(allowed.url("http://[::ffff:10.1.2.3]/").is_ok());
        assert!(allowed.url("http://10.2.2.3/").is_err());
    }

    proptest! {
        #[test]
        fn no_address_panics_and_mapped_ones_count_as_what_they_map(bits: u128, four: u32) {
            let _ = is_public(Ipv6Addr::from(bits).into());
            let four = Ipv4Addr::from(four);
            let allowed = Allowed::default();
            prop_assert_eq!(
                allowed.address(four.into()).is_ok(),
                allowed.address(four.to_ipv6_mapped().into()).is_ok()
            );
        }
    }
}
