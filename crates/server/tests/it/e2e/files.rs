//! Files in messages, both ways.

use crate::stage::{Stage, text, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Cursor;
use wasim::{Kind, Outgoing};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

/// A picture that programs recognise as one.
fn picture(format: image::ImageFormat) -> Vec<u8> {
    let pixels =
        image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, 90]));
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_comes_in_can_be_had_byte_for_byte() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    let bytes = picture(image::ImageFormat::Jpeg);
    let caption = Some("The view".to_owned());
    ana.send(
        OWNER,
        Outgoing::Image {
            bytes: bytes.clone(),
            caption,
        },
    )
    .await
    .unwrap();
    let message = stage.messages(&linked.id, 1).await.remove(0);
    assert_eq!(
        (text(&message, "/kind"), text(&message, "/content/caption")),
        ("image".into(), "The view".into())
    );
    let path = format!("/messages/{}", text(&message, "/id"));
    until("the file to be fetched", async || {
        let shown = stage.get(&path).await;
        if shown["media"]["state"] == "stored" {
            Ok(())
        } else {
            Err(shown)
        }
    })
    .await;
    let response = stage
        .request(Method::GET, &format!("{path}/media"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "image/jpeg");
    assert_eq!(response.bytes().await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_goes_out_and_is_delivered() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.contact(ANA);
    let upload = stage
        .request(Method::POST, "/blobs?file_name=plan.jpg")
        .header("content-type", "image/jpeg");
    let response = upload
        .body(picture(image::ImageFormat::Jpeg))
        .send()
        .await
        .unwrap();
    let blob: Value = response.json().await.unwrap();
    let content = json!({"kind": "image", "blob": text(&blob, "/id"), "caption": "The plan"});
    let sent = stage
        .post(
            "/messages",
            json!({"account": linked.id, "to": format!("+{ANA}"), "content": content}),
        )
        .await;
    stage.send_state(&sent, "delivered").await;
    let shown = stage.net.with_ledger(|l| l.shown_from(OWNER).to_vec());
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(
        (shown[0].kind, shown[0].text.as_str()),
        (Kind::Image, "The plan")
    );
}
