//! Voice notes: Opus in Ogg as it comes, or packets of Opus in pages of their own, each behind its length.

use super::files::sentence;
use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use waypost_media::audio;
use waypost_media::limits::AUDIO_SECONDS_MAX;

/// One stream.
const SERIAL: u32 = 7;

pub(crate) fn run(data: &[u8]) {
    let decoded = match data.starts_with(b"OggS") {
        true => audio::decode(data),
        false => audio::decode(&note(data)),
    };
    match decoded {
        Ok(sound) => {
            assert!(sound.millis <= AUDIO_SECONDS_MAX as u64 * 1_000);
            assert!(sound.wav.starts_with(b"RIFF"));
        }
        Err(error) => sentence(&error),
    }
}

/// A voice note of these packets.
fn note(mut packets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = PacketWriter::new(&mut out);
    let head = b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0";
    let mut write = |packet: &[u8]| {
        writer
            .write_packet(packet.to_vec(), SERIAL, PacketWriteEndInfo::EndPage, 0)
            .expect("a note in memory can be written");
    };
    write(head);
    write(b"OpusTags\0\0\0\0\0\0\0\0");
    while let Some((length, rest)) = packets.split_first() {
        let (packet, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        write(packet);
        packets = rest;
    }
    out
}
