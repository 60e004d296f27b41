//! Where webhooks may go: nobody can make Waypost call into the network it runs in.
//!
//! Names are looked up by us, every address found is checked, and the connection is made to the
//! addresses that passed, so a name that changes its mind between check and use gains nothing.

use super::destination::{Allowed, Refused};
use super::form::Form;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;
use url::Url;

/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Looks names up for the client that calls webhooks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    allowed: Allowed,
}

impl Guard {
    pub(crate) fn new(allow_private: &[IpNet]) -> Self {
        Self {
            allowed: Allowed::new(allow_private),
        }
    }

    /// Reads an address and refuses what can be refused without looking the name up.
    pub(crate) fn url(&self, text: &str) -> Result<Url, Refused> {
        self.allowed.url(Form::split(text).1)
    }

    /// The addresses of a name that may be called. One that may not refuses the whole name: half
    /// a private name is an attack, not a mistake.
    async fn look_up(&self, name: &str) -> Result<Vec<SocketAddr>, Refused> {
        let unknown = || Refused::NoAddress(name.to_owned());
        let found = tokio::net::lookup_host((name, 0))
            .await
            .map_err(|_| unknown())?;
        let found: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
        for address in &found {
            self.allowed.address(address.ip())?;
        }
        if found.is_empty() {
            Err(unknown())
        } else {
            Ok(found)
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses: Addrs = Box::new(guard.look_up(name.as_str()).await?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_means_this_machine_is_refused() {
        let refused = Guard::default().look_up("localhost").await.unwrap_err();
        assert!(
            matches!(refused, Refused::Private(_) | Refused::NoAddress(_)),
            "{refused}"
        );
    }
}
