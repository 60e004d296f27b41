//! Pictures: decoded within limits, made small, and known again.
//!
//! To be called in the walled process only, except for [`Look`], which is arithmetic.

mod look;

pub use look::{Look, SAME_MIN};

use crate::error::ReadError;
use crate::limits::{PICTURE_POINTS_MAX, THUMBNAIL_BYTES_MAX, THUMBNAIL_EDGE, WORKER_MEMORY};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageReader, Rgb, RgbImage};
use std::io::Cursor;

/// Share of a worker's memory that one decoded picture may take.
const MEMORY_SHARE: u64 = 3;
/// JPEG qualities of a thumbnail, tried until it is small enough.
const THUMBNAIL_QUALITIES: [u8; 4] = [80, 65, 50, 30];

/// Decodes a picture and turns it as it is meant to be seen.
///
/// # Errors
/// [`ReadError::Refused`] before anything is decoded when it has too many points.
pub fn decode(bytes: &[u8]) -> Result<DynamicImage, ReadError> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(ReadError::damaged)?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(WORKER_MEMORY / MEMORY_SHARE);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(picture_error)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PICTURE_POINTS_MAX {
        let what = format!(
            "it has {width} x {height} points, more than the {} million that are read",
            PICTURE_POINTS_MAX / 1_000_000
        );
        return Err(ReadError::Refused { what });
    }
    let orientation = decoder.orientation().map_err(picture_error)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(picture_error)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn picture_error(error: image::ImageError) -> ReadError {
    match error {
        image::ImageError::Limits(_) => ReadError::Refused {
            what: "it would take too much memory".into(),
        },
        image::ImageError::Unsupported(_) => ReadError::Unsupported,
        other => ReadError::damaged(other),
    }
}

/// A small JPEG of it, on white where it is see-through: at most [`THUMBNAIL_EDGE`] points long and
/// [`THUMBNAIL_BYTES_MAX`] bytes.
///
/// # Errors
/// When it cannot be encoded.
pub fn thumbnail(picture: &DynamicImage) -> Result<Vec<u8>, ReadError> {
    let small = if picture.width().max(picture.height()) > THUMBNAIL_EDGE {
        picture.thumbnail(THUMBNAIL_EDGE, THUMBNAIL_EDGE)
    } else {
        picture.clone()
    };
    let flat = on_white(&small);
    let mut jpeg = Vec::new();
    for quality in THUMBNAIL_QUALITIES {
        jpeg.clear();
        JpegEncoder::new_with_quality(&mut jpeg, quality)
            .encode_image(&flat)
            .map_err(ReadError::damaged)?;
        if jpeg.len() <= THUMBNAIL_BYTES_MAX {
            return Ok(jpeg);
        }
    }
    Err(ReadError::damaged("no small picture of it can be made"))
}

fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let rgba = picture.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        let mix = |c: u8| {
            let (c, a) = (u32::from(c), u32::from(a));
            u8::try_from((c * a + 255 * (255 - a)) / 255).unwrap_or(u8::MAX)
        };
        Rgb([mix(r), mix(g), mix(b)])
    })
}

/// What the picture looks like.
#[must_use]
pub fn look(picture: &DynamicImage) -> Look {
    let edge = look::EDGE;
    // A sharp filter over a hundred million points is slow; the quick one first is as good here.
    let near = if picture.width().max(picture.height()) > 8 * edge {
        picture.thumbnail_exact(4 * edge, 4 * edge)
    } else {
        picture.clone()
    };
    let flat = DynamicImage::ImageRgb8(on_white(&near));
    let grey = flat
        .resize_exact(edge, edge, FilterType::Triangle)
        .to_luma8();
    Look::from_luma(grey.into_raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, RgbaImage};

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_thumbnail_is_small_and_white_where_it_was_see_through() {
        let clear = DynamicImage::ImageRgba8(RgbaImage::new(2_000, 1_000));
        let jpeg = thumbnail(&decode(&png(&clear)).unwrap()).unwrap();
        assert!(jpeg.len() <= THUMBNAIL_BYTES_MAX);
        let back = image::load_from_memory(&jpeg).unwrap().to_rgb8();
        assert_eq!(back.dimensions(), (320, 160));
        assert!(back.pixels().all(|p| p.0.iter().all(|c| *c > 250)));
    }

    #[test]
    fn noise_still_makes_a_small_thumbnail() {
        let mut state = 1_u32;
        let noise = RgbImage::from_fn(320, 320, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [_, a, b, c] = state.to_le_bytes();
            Rgb([a, b, c])
        });
        assert!(thumbnail(&DynamicImage::ImageRgb8(noise)).unwrap().len() <= THUMBNAIL_BYTES_MAX);
    }

    #[test]
    fn half_a_picture_is_damaged_not_a_crash() {
        let bytes = png(&DynamicImage::new_rgb8(100, 100));
        assert!(matches!(
            decode(&bytes[..bytes.len() / 2]),
            Err(ReadError::Damaged { .. })
        ));
    }
}
