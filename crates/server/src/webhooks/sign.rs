//! Signatures of Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`.

use crate::auth::random_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use waypost_store::admin::endpoints::Secrets;

/// What every secret starts with when shown.
const PREFIX: &str = "whsec_";
/// Length of a secret in bytes; the specification wants 24 to 64.
const SECRET_BYTES: usize = 32;

/// A new secret.
pub(crate) fn new_secret() -> Vec<u8> {
    random_bytes::<SECRET_BYTES>().to_vec()
}

/// A secret as people copy it.
pub(crate) fn shown(secret: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(secret))
}

fn signature(secret: &[u8], id: &str, timestamp_s: i64, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(format!("{id}.{timestamp_s}.").as_bytes());
    mac.update(body);
    Some(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

/// The value of `webhook-signature`: one signature per secret that is valid now, so that a
/// receiver may change to the new one at any time during a rotation.
pub(crate) fn sign(secrets: &Secrets, id: &str, timestamp_s: i64, body: &[u8]) -> String {
    std::iter::once(&secrets.current)
        .chain(&secrets.previous)
        .filter_map(|secret| signature(secret, id, timestamp_s, body))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(shown: &[&str]) -> Secrets {
        let mut all = shown
            .iter()
            .map(|s| STANDARD.decode(s.trim_start_matches(PREFIX)).unwrap());
        Secrets {
            current: all.next().unwrap(),
            previous: all.next(),
        }
    }

    /// The vector that the reference libraries publish in their tests.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_vector_is_met() {
        assert_eq!(sign(&secrets(&[SECRET]), ID, AT, BODY), SIGNED);
    }

    #[test]
    fn during_a_rotation_both_secrets_sign() {
        let new = shown(&new_secret());
        let both = sign(&secrets(&[&new, SECRET]), ID, AT, BODY);
        let alone = sign(&secrets(&[&new]), ID, AT, BODY);
        assert_eq!(both, format!("{alone} {SIGNED}"));
    }

    #[test]
    fn every_part_counts() {
        let secrets = secrets(&[SECRET]);
        assert_ne!(sign(&secrets, "msg_other", AT, BODY), SIGNED);
        assert_ne!(sign(&secrets, ID, AT + 1, BODY), SIGNED);
        assert_ne!(sign(&secrets, ID, AT, b"{}"), SIGNED);
    }
}
