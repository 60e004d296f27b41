//! Pictures: decoded, made small, known again.

use super::files::sentence;
use waypost_media::limits::{PICTURE_POINTS_MAX, THUMBNAIL_BYTES_MAX};
use waypost_media::pictures;

pub(crate) fn run(data: &[u8]) {
    let picture = match pictures::decode(data) {
        Ok(picture) => picture,
        Err(error) => return sentence(&error),
    };
    let points = u64::from(picture.width()) * u64::from(picture.height());
    assert!(points <= PICTURE_POINTS_MAX);
    match pictures::thumbnail(&picture) {
        Ok(small) => assert!(small.len() <= THUMBNAIL_BYTES_MAX),
        Err(error) => sentence(&error),
    }
    let look = pictures::look(&picture).to_hex();
    assert!(look.bytes().all(|b| b.is_ascii_hexdigit()));
}
