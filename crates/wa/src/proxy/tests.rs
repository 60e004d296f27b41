//! Addresses of proxies, and proxies that do not do what they should.

use super::*;
use tokio::net::TcpListener;

#[test]
fn an_address_is_read_and_written_the_same() {
    for text in [
        "http://proxy.example.com:3128",
        "socks5://10.0.0.1:1080",
        "socks5://[::1]:1080",
        "http://user:pass@proxy.example.com:8080",
        "socks5://us%40er:p%3Aa%2Fs%25s%20%D8%B4@proxy.example.com:1080",
    ] {
        let proxy: Proxy = text.parse().unwrap();
        assert_eq!(proxy.secret(), text);
        assert_eq!(proxy.secret().parse(), Ok(proxy));
    }
    let proxy: Proxy = "SOCKS5H://u:p:w@Proxy.Example.com:1/".parse().unwrap();
    assert_eq!(proxy.secret(), "socks5://u:p%3Aw@proxy.example.com:1");
}

#[test]
fn what_is_no_proxy_is_refused_with_an_example() {
    for text in [
        "",
        "proxy.example.com:3128",
        "https://proxy.example.com:443",
        "http://proxy.example.com",
        "http://proxy.example.com:0",
        "http://proxy.example.com:65536",
        "http://:3128",
        "http://pro xy:3128",
        "http://proxy\r\nX: y:3128",
        "http://a%0d%0ab:c@proxy:3128",
        "http://a%zz:c@proxy:3128",
        "http://a%+1:c@proxy:3128",
        "http://a%4:c@proxy:3128",
        "http://:c@proxy:3128",
        "socks5://[::g]:1080",
    ] {
        let error = text.parse::<Proxy>().unwrap_err().to_string();
        assert!(error.contains("socks5://user:password@"), "{text}: {error}");
    }
    let long = format!("http://{}:p@proxy:1", "u".repeat(LOGIN_LEN_MAX + 1));
    assert!(long.parse::<Proxy>().is_err());
}

#[test]
fn a_password_is_never_shown() {
    let proxy: Proxy = "socks5://user:hunter2@proxy.example.com:1080"
        .parse()
        .unwrap();
    let route = Route::Via(proxy.clone());
    let shown = format!("{proxy} {proxy:?} {route:?} {:?}", proxy.login);
    assert!(shown.contains("user:***@proxy.example.com"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// What comes of asking somebody who reads `wants` bytes and then says `says`.
async fn asked(kind: ProxyKind, login: Option<Login>, script: &[(usize, &[u8])]) -> ProxyError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy {
        kind,
        host: "127.0.0.1".into(),
        port: listener.local_addr().unwrap().port(),
        login,
    };
    let script: Vec<(usize, Vec<u8>)> = script.iter().map(|(n, s)| (*n, s.to_vec())).collect();
    let other = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for (wants, says) in script {
            let mut heard = vec![0; wants];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(&says).await.unwrap();
        }
    });
    let error = dial(&proxy, "web.whatsapp.com", 443).await.unwrap_err();
    other.await.unwrap();
    error
}

fn login_of(user: &str) -> Option<Login> {
    Some(Login {
        user: user.to_owned(),
        password: "secret".to_owned(),
    })
}

#[tokio::test]
async fn nonsense_from_a_proxy_is_told_and_never_believed() {
    let http = ProxyKind::Http;
    for says in [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n".as_slice(),
        b"HTTP/1.1 huh\r\n\r\n",
        b"\0\0\r\n\r\n",
    ] {
        let error = asked(http, None, &[(50, says)]).await;
        assert!(
            matches!(&error, ProxyError::Unreachable(e) if e.contains("HTTP")),
            "{error}"
        );
    }
    let endless = vec![b'a'; PROXY_ANSWER_MAX + 1];
    let error = asked(http, None, &[(50, &endless)]).await;
    assert!(matches!(error, ProxyError::Unreachable(_)));
    let socks = ProxyKind::Socks5;
    let error = asked(socks, None, &[(3, b"HT")]).await;
    assert!(
        matches!(&error, ProxyError::Unreachable(e) if e.contains("SOCKS 5")),
        "{error}"
    );
    let error = asked(socks, None, &[(3, b"\x05\x00"), (10, b"\x05\x00\x00\x09")]).await;
    assert!(
        matches!(&error, ProxyError::Unreachable(e) if e.contains("SOCKS 5")),
        "{error}"
    );
    let error = asked(socks, None, &[(3, b"\x05\x00"), (10, b"\x05\x02\x00\x01")]).await;
    assert!(
        matches!(&error, ProxyError::Unreachable(e) if e.contains("rules")),
        "{error}"
    );
}

#[tokio::test]
async fn refused_credentials_are_told_apart_from_a_dead_proxy() {
    let error = asked(
        ProxyKind::Http,
        login_of("u"),
        &[(50, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")],
    )
    .await;
    assert!(matches!(error, ProxyError::Refused(_)), "{error}");
    let says: &[u8] = b"HTTP/1.1 401 Unauthorized\r\n\r\n";
    let error = asked(ProxyKind::Http, login_of("u"), &[(50, says)]).await;
    assert!(matches!(error, ProxyError::Refused(_)), "{error}");
    let socks = ProxyKind::Socks5;
    let error = asked(socks, None, &[(3, b"\x05\xff")]).await;
    assert!(matches!(error, ProxyError::Refused(_)), "{error}");
    let error = asked(socks, login_of("u"), &[(3, b"\x05\x02"), (10, b"\x01\x01")]).await;
    assert!(matches!(error, ProxyError::Refused(_)), "{error}");
    let error = asked(
        ProxyKind::Http,
        None,
        &[(50, b"HTTP/1.0 502 Bad Gateway\r\n\r\n")],
    )
    .await;
    assert!(
        matches!(&error, ProxyError::Unreachable(e) if e.contains("502")),
        "{error}"
    );
    // A port on which nobody listens any more.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let proxy: Proxy = format!("http://127.0.0.1:{port}").parse().unwrap();
    let error = dial(&proxy, "web.whatsapp.com", 443).await.unwrap_err();
    assert!(matches!(error, ProxyError::Unreachable(_)), "{error}");
}
