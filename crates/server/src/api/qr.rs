//! QR codes as pictures and text.

use image::{ImageEncoder as _, Luma, codecs::png::PngEncoder};
use qrcode::QrCode;
use qrcode::render::{svg, unicode};

/// Shortest edge of a picture, in pixels.
const EDGE_MIN: u32 = 320;

/// A text that cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub(super) enum QrError {
    /// It is too long for a QR code.
    #[error("the text does not fit into a QR code: {0}")]
    TooLong(#[from] qrcode::types::QrError),
    /// The picture could not be made.
    #[error("the picture could not be made: {0}")]
    Picture(#[from] image::ImageError),
}

/// As a PNG with its quiet zone.
pub(super) fn png(text: &str) -> Result<Vec<u8>, QrError> {
    let picture = QrCode::new(text)?
        .render::<Luma<u8>>()
        .min_dimensions(EDGE_MIN, EDGE_MIN)
        .build();
    let mut out = Vec::new();
    PngEncoder::new(&mut out).write_image(
        picture.as_raw(),
        picture.width(),
        picture.height(),
        image::ExtendedColorType::L8,
    )?;
    Ok(out)
}

/// As an SVG document.
pub(super) fn svg(text: &str) -> Result<String, QrError> {
    let code = QrCode::new(text)?;
    Ok(code
        .render::<svg::Color<'_>>()
        .min_dimensions(EDGE_MIN, EDGE_MIN)
        .build())
}

/// In half-height blocks, dark on light on a dark terminal.
pub(super) fn blocks(text: &str) -> Result<String, QrError> {
    let code = QrCode::new(text)?;
    Ok(code
        .render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Light)
        .light_color(unicode::Dense1x2::Dark)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_holds_the_modules_of_the_code() {
        let text = "2@abcdefghij,klmno,pqrst,uvwxyz==,1";
        let code = QrCode::new(text).unwrap();
        let picture = image::load_from_memory(&png(text).unwrap())
            .unwrap()
            .to_luma8();
        let modules = u32::try_from(code.width()).unwrap();
        // Four modules of quiet zone on every side.
        let size = picture.width() / (modules + 8);
        for (i, colour) in code.to_colors().iter().enumerate() {
            let i = u32::try_from(i).unwrap();
            let at = |n: u32| (n + 4) * size + size / 2;
            let dark = picture.get_pixel(at(i % modules), at(i / modules)).0[0] < 128;
            assert_eq!(dark, *colour == qrcode::Color::Dark, "module {i}");
        }
    }

    #[test]
    fn the_other_forms_are_what_they_say() {
        assert!(svg("2@abc").unwrap().contains("<svg"));
        assert!(blocks("2@abc").unwrap().lines().count() > 10);
        assert!(png(&"x".repeat(10_000)).is_err());
    }
}
