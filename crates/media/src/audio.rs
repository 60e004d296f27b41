//! Voice notes: Opus in Ogg to plain sound.
//!
//! To be called in the walled process only.

use crate::error::ReadError;
use crate::limits::AUDIO_SECONDS_MAX;
use ogg::PacketReader;
use opus_decoder::OpusDecoder;
use std::io::Cursor;

/// What speech recognition works on: samples a second, one channel, 16 bits.
pub const SAMPLE_RATE: u32 = 16_000;
/// The rate in which Ogg counts Opus samples, whatever is decoded.
const OGG_RATE: usize = 48_000;
/// Samples of the longest packet, 120 ms.
const PACKET_SAMPLES_MAX: usize = SAMPLE_RATE as usize * 120 / 1_000;
/// Bytes before the samples of a WAV file.
const WAV_HEAD: usize = 44;

/// Decoded sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// A WAV file: [`SAMPLE_RATE`], one channel, 16 bits.
    pub wav: Vec<u8>,
    /// How long it is, in milliseconds.
    pub millis: u64,
    /// True when there was more than is decoded.
    pub truncated: bool,
}

/// Decodes a voice note.
///
/// # Errors
/// When it is damaged or not Opus in one stream.
pub fn decode(bytes: &[u8]) -> Result<Sound, ReadError> {
    let mut packets = PacketReader::new(Cursor::new(bytes));
    let head = packets
        .read_packet()
        .map_err(ReadError::damaged)?
        .ok_or_else(|| ReadError::damaged("it has no sound"))?;
    let skip = pre_skip(&head.data)?;
    let stream = head.stream_serial();
    let mut decoder = OpusDecoder::new(SAMPLE_RATE, 1).map_err(ReadError::damaged)?;
    let limit = AUDIO_SECONDS_MAX * SAMPLE_RATE as usize + skip;
    let mut samples: Vec<i16> = Vec::new();
    let mut room = vec![0_i16; PACKET_SAMPLES_MAX];
    let mut is_tags = true;
    let mut truncated = false;
    while let Some(packet) = packets.read_packet().map_err(ReadError::damaged)? {
        if packet.stream_serial() != stream || std::mem::take(&mut is_tags) {
            continue;
        }
        if samples.len() >= limit {
            truncated = true;
            break;
        }
        // An empty packet stands for a lost one, which is filled in.
        let decoded = decoder
            .decode(&packet.data, &mut room, false)
            .map_err(ReadError::damaged)?;
        samples.extend_from_slice(&room[..decoded.min(room.len())]);
    }
    let sound = samples.get(skip..).unwrap_or_default();
    let sound = &sound[..sound.len().min(limit - skip)];
    if sound.is_empty() {
        return Err(ReadError::damaged("it has no sound"));
    }
    Ok(Sound {
        wav: wav(sound),
        millis: sound.len() as u64 * 1_000 / u64::from(SAMPLE_RATE),
        truncated,
    })
}

/// Samples at the beginning that only warm the decoder up (RFC 7845, section 5.1).
fn pre_skip(head: &[u8]) -> Result<usize, ReadError> {
    let (Some(b"OpusHead"), Some(channels), Some(skip)) =
        (head.get(..8), head.get(9), head.get(10..12))
    else {
        return Err(ReadError::Unsupported);
    };
    if !(1..=2).contains(channels) {
        return Err(ReadError::damaged(format!("it has {channels} channels")));
    }
    let skip = usize::from(u16::from_le_bytes([skip[0], skip[1]]));
    Ok(skip * SAMPLE_RATE as usize / OGG_RATE)
}

fn wav(samples: &[i16]) -> Vec<u8> {
    let bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(WAV_HEAD + samples.len() * 2);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&bytes.saturating_add(36).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16_u32.to_le_bytes());
    out.extend_from_slice(&1_u16.to_le_bytes());
    out.extend_from_slice(&1_u16.to_le_bytes());
    out.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
    out.extend_from_slice(&(SAMPLE_RATE * 2).to_le_bytes());
    out.extend_from_slice(&2_u16.to_le_bytes());
    out.extend_from_slice(&16_u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&bytes.to_le_bytes());
    for sample in samples {
        out.extend_from_slice(&sample.to_le_bytes());
    }
    out
}
