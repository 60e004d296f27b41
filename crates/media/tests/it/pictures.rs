//! Pictures as people send them.

use crate::make::{png, workers, workers_with_tesseract};
use bytes::Bytes;
use image::{DynamicImage, GrayImage, Luma};
use waypost_media::pictures::{Look, SAME_MIN};

/// Big block letters, drawn here so that the test needs no font.
fn letters(word: &str) -> DynamicImage {
    let shape = |c: char| match c {
        'H' => [
            "#...#", "#...#", "#...#", "#####", "#...#", "#...#", "#...#",
        ],
        'E' => [
            "#####", "#....", "#....", "####.", "#....", "#....", "#####",
        ],
        'L' => [
            "#....", "#....", "#....", "#....", "#....", "#....", "#####",
        ],
        'T' => [
            "#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#..",
        ],
        _ => ["....."; 7],
    };
    let scale = 8_u32;
    let width = u32::try_from(word.len()).unwrap() * 7 * scale + 160;
    let mut picture = GrayImage::from_pixel(width, 7 * scale + 160, Luma([255]));
    for (i, c) in word.chars().enumerate() {
        for (y, row) in shape(c).iter().enumerate() {
            for (x, _) in row.chars().enumerate().filter(|(_, p)| *p == '#') {
                for dy in 0..scale {
                    for dx in 0..scale {
                        let px = 80 + (u32::try_from(i * 7 + x).unwrap()) * scale + dx;
                        picture.put_pixel(
                            px,
                            80 + u32::try_from(y).unwrap() * scale + dy,
                            Luma([0]),
                        );
                    }
                }
            }
        }
    }
    DynamicImage::ImageLuma8(image::imageops::blur(&picture, 2.0))
}

#[tokio::test]
async fn words_in_a_picture_are_read_light_on_dark_too() {
    let workers = workers_with_tesseract();
    let picture = letters("HELLTEH LEHTE");
    let mut dark = picture.clone();
    dark.invert();
    for picture in [picture, dark] {
        let (answer, thumbnail) = workers
            .read(Bytes::from(png(&picture)), None)
            .await
            .unwrap();
        assert!(
            answer.reading.text.contains("HELLTEH"),
            "{:?}",
            answer.reading.text
        );
        assert!(answer.reading.confidence.unwrap() > 50);
        assert!(image::load_from_memory(&thumbnail).is_ok());
    }
}

#[tokio::test]
async fn a_picture_is_known_again_after_it_was_made_smaller() {
    let picture = letters("THE LEE HEEL");
    let small = picture.resize(300, 300, image::imageops::FilterType::Triangle);
    let look = |picture: DynamicImage| async move {
        let (answer, _) = workers()
            .read(Bytes::from(png(&picture)), None)
            .await
            .unwrap();
        Look::from_hex(&answer.reading.picture.unwrap().look)
            .unwrap()
            .prepare()
    };
    let (a, b) = (look(picture).await, look(small).await);
    let other = look(letters("TTL EHT LTH")).await;
    assert!(a.likeness(&b) >= SAME_MIN, "{}", a.likeness(&b));
    assert!(a.likeness(&other) < SAME_MIN, "{}", a.likeness(&other));
}
