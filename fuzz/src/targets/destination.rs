//! Where people want webhooks sent: nothing that they write leads into this machine's own networks.

use crate::server::destination::Allowed;
use std::net::IpAddr;
use url::Host;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(url) = Allowed::default().url(text) else {
        return;
    };
    assert!(matches!(url.scheme(), "http" | "https"), "{url}");
    assert!(
        url.username().is_empty() && url.password().is_none(),
        "{url}"
    );
    let address: IpAddr = match url.host() {
        None => panic!("{url} leads nowhere"),
        Some(Host::Domain(_)) => return,
        Some(Host::Ipv4(ip)) => ip.into(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).to_canonical(),
    };
    assert!(!is_inside(address), "{text:?} leads to {address}");
    // What was read is what is called.
    assert!(
        Allowed::default()
            .url(url.as_str())
            .is_ok_and(|again| again == url)
    );
}

/// The networks that would hurt most, said once more.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_broadcast()
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}
