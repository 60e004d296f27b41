//! Files, both ways, compared byte for byte.

use super::{Baileys, address, base64, id_of, shown};
use crate::client::{ANA, ana, network, phone};
use serde_json::{Value, json};
use wacore::download::{DownloadUtils, Downloadable};
use wasim::{Contact, MediaFaults, Network, Outgoing};

/// Longer than one block of any cipher or stream on the way, and not a multiple of one.
const FILE_BYTES: u32 = 100_003;

fn file(salt: u32) -> Vec<u8> {
    (0..FILE_BYTES).map(|i| (i * 31 + salt) as u8).collect()
}

/// Lets a contact send a file and Baileys open it. Returns what Baileys says of the file.
async fn opened(
    baileys: &mut Baileys,
    ana: &Contact,
    what: Outgoing,
    kind: &str,
    bytes: &[u8],
) -> Value {
    let heard = baileys.hear(ana, what).await;
    let pointer = heard["message"][kind].clone();
    assert_eq!(pointer["fileLength"], bytes.len().to_string());
    assert!(
        baileys.download(id_of(&heard["key"])).await == bytes,
        "{kind}"
    );
    pointer
}

#[tokio::test]
async fn baileys_opens_every_kind_of_file() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;

    let bytes = file(1);
    let image = Outgoing::Image {
        bytes: bytes.clone(),
        caption: Some("a *view*".into()),
    };
    let said = opened(&mut baileys, &ana, image, "imageMessage", &bytes).await;
    assert_eq!(said["caption"], "a *view*");
    assert_eq!(said["mimetype"], "image/jpeg");

    let bytes = file(2);
    let video = Outgoing::Video {
        bytes: bytes.clone(),
        caption: Some("waves".into()),
        seconds: 3,
    };
    let said = opened(&mut baileys, &ana, video, "videoMessage", &bytes).await;
    assert_eq!(said["caption"], "waves");
    assert_eq!(
        (&said["seconds"], &said["mimetype"]),
        (&json!(3), &json!("video/mp4"))
    );

    let bytes = file(3);
    let voice = Outgoing::Voice {
        bytes: bytes.clone(),
        seconds: 2,
    };
    let said = opened(&mut baileys, &ana, voice, "audioMessage", &bytes).await;
    assert_eq!((&said["seconds"], &said["ptt"]), (&json!(2), &json!(true)));

    let bytes = file(4);
    let document = Outgoing::Document {
        bytes: bytes.clone(),
        name: "plan.pdf".into(),
        mime: "application/pdf".into(),
        caption: None,
    };
    let said = opened(&mut baileys, &ana, document, "documentMessage", &bytes).await;
    assert_eq!(said["fileName"], "plan.pdf");
    assert_eq!(said["mimetype"], "application/pdf");

    let bytes = file(5);
    let sticker = Outgoing::Sticker {
        bytes: bytes.clone(),
    };
    let said = opened(&mut baileys, &ana, sticker, "stickerMessage", &bytes).await;
    assert_eq!(said["mimetype"], "image/webp");
    baileys.stop().await;
    net.shutdown().await;
}

/// What a contact's app does with a file: fetches it, checks it and decrypts it.
async fn fetched(net: &Network, pointer: &impl Downloadable) -> Vec<u8> {
    let url = format!("{}{}", net.media_url(), pointer.direct_path().unwrap());
    let sealed = tokio::task::spawn_blocking(move || {
        let mut answer = ureq::get(&url).call().unwrap();
        answer.body_mut().read_to_vec().unwrap()
    })
    .await
    .unwrap();
    let key = pointer.media_key().unwrap();
    let plain = DownloadUtils::verify_and_decrypt(&sealed, key, pointer.app_info()).unwrap();
    DownloadUtils::validate_plaintext_sha256(&plain, pointer.file_sha256().unwrap()).unwrap();
    assert_eq!(pointer.file_length(), Some(plain.len() as u64));
    plain
}

#[tokio::test]
async fn a_contact_opens_every_kind_of_file_from_baileys() {
    let net = network().await;
    let (phone, _ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let to = address(ANA);
    // A preview of our own, so that Baileys does not look for programs that make one.
    let preview = base64(b"preview");

    let bytes = file(1);
    let content =
        json!({"image": {"media": base64(&bytes)}, "caption": "a view", "jpegThumbnail": preview});
    let key = baileys.send(&to, content).await;
    let message = shown(&net, ANA, id_of(&key)).await;
    let image = message.image_message.as_option().unwrap();
    assert_eq!(image.caption.as_deref(), Some("a view"));
    assert!(fetched(&net, image).await == bytes);

    let bytes = file(2);
    let content = json!({"video": {"media": base64(&bytes)}, "caption": "waves", "seconds": 3, "jpegThumbnail": preview});
    let key = baileys.send(&to, content).await;
    let message = shown(&net, ANA, id_of(&key)).await;
    let video = message.video_message.as_option().unwrap();
    assert_eq!(
        (video.caption.as_deref(), video.seconds),
        (Some("waves"), Some(3))
    );
    assert!(fetched(&net, video).await == bytes);

    let bytes = file(3);
    let content = json!({
        "audio": {"media": base64(&bytes)}, "ptt": true, "seconds": 2,
        "mimetype": "audio/ogg; codecs=opus", "waveform": {"media": base64(&[9; 64])},
    });
    let key = baileys.send(&to, content).await;
    let message = shown(&net, ANA, id_of(&key)).await;
    let voice = message.audio_message.as_option().unwrap();
    assert_eq!((voice.ptt, voice.seconds), (Some(true), Some(2)));
    assert_eq!(voice.mimetype.as_deref(), Some("audio/ogg; codecs=opus"));
    assert!(fetched(&net, voice).await == bytes);

    let bytes = file(4);
    let content = json!({
        "document": {"media": base64(&bytes)}, "mimetype": "application/pdf", "fileName": "plan.pdf",
    });
    let key = baileys.send(&to, content).await;
    let message = shown(&net, ANA, id_of(&key)).await;
    let document = message.document_message.as_option().unwrap();
    assert_eq!(document.file_name.as_deref(), Some("plan.pdf"));
    assert_eq!(document.mimetype.as_deref(), Some("application/pdf"));
    assert!(fetched(&net, document).await == bytes);

    let bytes = file(5);
    let content = json!({"sticker": {"media": base64(&bytes)}});
    let key = baileys.send(&to, content).await;
    let message = shown(&net, ANA, id_of(&key)).await;
    let sticker = message.sticker_message.as_option().unwrap();
    assert!(fetched(&net, sticker).await == bytes);
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_has_a_file_uploaded_again_that_the_host_forgot() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let bytes = file(6);
    let image = Outgoing::Image {
        bytes: bytes.clone(),
        caption: None,
    };
    let heard = baileys.hear(&ana, image).await;
    let path = heard["message"]["imageMessage"]["directPath"]
        .as_str()
        .unwrap();
    assert!(net.expire_media(path));
    assert!(baileys.download(id_of(&heard["key"])).await == bytes);
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn an_upload_that_fails_is_reported_and_works_the_next_time() {
    let net = network().await;
    let (phone, _ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    net.set_media_faults(MediaFaults {
        failing_uploads: 1,
        ..MediaFaults::default()
    });
    let content = json!({"sticker": {"media": base64(&file(7))}});
    let command = json!({"op": "send", "jid": address(ANA), "content": content});
    baileys.tell(command).await;
    let failed = baileys.event("failed", |e| e["op"] == "send").await;
    assert!(
        failed["error"].as_str().unwrap().contains("upload failed"),
        "{failed}"
    );
    let key = baileys.send(&address(ANA), content).await;
    shown(&net, ANA, id_of(&key)).await;
    baileys.stop().await;
    net.shutdown().await;
}
