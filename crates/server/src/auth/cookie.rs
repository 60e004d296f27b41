//! The session cookie.

use axum::http::{HeaderMap, HeaderValue, header};

/// Its name.
pub(crate) const NAME: &str = "waypost_session";

/// The session token a request carries. With two cookies of the name the request carries none:
/// nobody can tell which one is ours.
pub(crate) fn read(headers: &HeaderMap) -> Option<String> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value.to_owned());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Whether browsers may send the cookie over plain HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Waypost is reached over HTTPS.
    Https,
    /// Waypost is reached over HTTP, on loopback.
    Http,
}

/// The `Set-Cookie` that starts a session of `seconds`; with 0 the one that ends it.
pub(crate) fn write(token: &str, seconds: i64, transport: Transport) -> Option<HeaderValue> {
    let secure = match transport {
        Transport::Https => "; Secure",
        Transport::Http => "",
    };
    let text = format!("{NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(header::COOKIE, line.parse().unwrap());
        }
        map
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        assert_eq!(
            read(&headers(&["a=1; waypost_session=abc; b=2"])).as_deref(),
            Some("abc")
        );
        assert_eq!(
            read(&headers(&["a=1", "waypost_session=abc"])).as_deref(),
            Some("abc")
        );
        assert_eq!(read(&headers(&["xwaypost_session=abc; a"])), None);
    }

    #[test]
    fn a_planted_second_cookie_signs_nobody_in() {
        assert_eq!(
            read(&headers(&["waypost_session=mine; waypost_session=planted"])),
            None
        );
    }

    #[test]
    fn over_https_the_cookie_never_travels_in_the_clear() {
        let value = write("t", 60, Transport::Https).unwrap();
        assert!(
            value
                .to_str()
                .unwrap()
                .ends_with("; HttpOnly; SameSite=Lax; Secure")
        );
    }
}
