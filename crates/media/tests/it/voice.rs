//! Voice notes, written by the reference encoder and read by our process.
#![expect(
    unsafe_code,
    reason = "the reference encoder, translated from C, has no safe face"
)]

use crate::make::workers;
use bytes::Bytes;
use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use unsafe_libopus::{
    OPUS_APPLICATION_VOIP, opus_encode, opus_encoder_create, opus_encoder_destroy,
};
use waypost_media::ReadError;

const RATE: usize = 48_000;
const FRAME: usize = 960;
const SKIP: u16 = 312;

/// A tone of this pitch as a voice note, as a phone writes it.
fn voice_note(hertz: f32, seconds: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = PacketWriter::new(&mut out);
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(SKIP.to_le_bytes());
    head.extend(48_000_u32.to_le_bytes());
    head.extend([0, 0, 0]);
    writer
        .write_packet(head, 7, PacketWriteEndInfo::EndPage, 0)
        .unwrap();
    writer
        .write_packet(
            b"OpusTags\0\0\0\0\0\0\0\0".to_vec(),
            7,
            PacketWriteEndInfo::EndPage,
            0,
        )
        .unwrap();
    let frames = seconds * RATE / FRAME;
    // Encoding takes longer than anything else here: a long note repeats its first second.
    let second = packets(hertz);
    for (frame, packet) in second.iter().cycle().take(frames).enumerate() {
        let end = if frame + 1 == frames {
            PacketWriteEndInfo::EndStream
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        let position = ((frame + 1) * FRAME) as u64;
        writer
            .write_packet(packet.clone(), 7, end, position)
            .unwrap();
    }
    drop(writer);
    out
}

/// A second of a tone, as the reference encoder writes it.
fn packets(hertz: f32) -> Vec<Vec<u8>> {
    let mut error = 0;
    // SAFETY: the encoder is made, used with buffers of the lengths given, and destroyed here.
    let encoder = unsafe { opus_encoder_create(48_000, 1, OPUS_APPLICATION_VOIP, &raw mut error) };
    assert_eq!(error, 0);
    let packet = |frame: usize| {
        let sound: Vec<i16> = (0..FRAME)
            .map(|i| {
                let t = (frame * FRAME + i) as f32 / RATE as f32;
                (8_000.0 * (t * hertz * std::f32::consts::TAU).sin()) as i16
            })
            .collect();
        let mut packet = vec![0_u8; 1_500];
        // SAFETY: as above.
        let length = unsafe {
            opus_encode(
                encoder,
                sound.as_ptr(),
                FRAME as i32,
                packet.as_mut_ptr(),
                1_500,
            )
        };
        packet.truncate(usize::try_from(length).unwrap());
        packet
    };
    let all = (0..RATE / FRAME).map(packet).collect();
    // SAFETY: as above; it is not used any more.
    unsafe { opus_encoder_destroy(encoder) };
    all
}

fn samples(wav: &[u8]) -> Vec<f32> {
    wav[44..]
        .chunks(2)
        .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])))
        .collect()
}

/// How strong a pitch is in the sound, between 0 and 1.
fn strength(sound: &[f32], hertz: f32) -> f32 {
    let (mut s, mut c, mut all) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (i, x) in sound.iter().enumerate() {
        let turn = i as f32 / 16_000.0 * hertz * std::f32::consts::TAU;
        s += x * turn.sin();
        c += x * turn.cos();
        all += x * x;
    }
    ((s * s + c * c) * 2.0 / (all * sound.len() as f32)).sqrt()
}

#[tokio::test]
async fn a_voice_note_sounds_as_it_was_spoken() {
    let (answer, wav) = workers()
        .sound(Bytes::from(voice_note(440.0, 2)))
        .await
        .unwrap();
    let ms = answer.sound_ms.unwrap();
    assert!((1_980..=2_000).contains(&ms), "{ms} ms");
    assert_eq!(&wav[..4], b"RIFF");
    let sound = samples(&wav);
    let middle = &sound[4_000..28_000];
    assert!(
        strength(middle, 440.0) > 0.95,
        "{}",
        strength(middle, 440.0)
    );
    assert!(strength(middle, 1_000.0) < 0.1);
}

#[tokio::test]
async fn a_minute_is_decoded_whole() {
    let (answer, wav) = workers()
        .sound(Bytes::from(voice_note(300.0, 60)))
        .await
        .unwrap();
    assert!(!answer.reading.truncated);
    let ms = answer.sound_ms.unwrap();
    assert!((59_000..=61_000).contains(&ms), "{ms} ms");
    assert_eq!((wav.len() as u64 - 44) / 32, ms);
}

#[tokio::test]
async fn half_a_voice_note_is_damaged_or_half() {
    let note = voice_note(440.0, 2);
    let cut = Bytes::copy_from_slice(&note[..note.len() / 2]);
    match workers().sound(cut).await {
        Ok((answer, _)) => assert!(answer.sound_ms < Some(2_000)),
        Err(error) => assert!(matches!(error, ReadError::Damaged { .. }), "{error:?}"),
    }
    let error = workers()
        .sound(Bytes::from_static(b"OggS nothing OpusHead"))
        .await
        .unwrap_err();
    assert!(matches!(error, ReadError::Damaged { .. }), "{error:?}");
}
