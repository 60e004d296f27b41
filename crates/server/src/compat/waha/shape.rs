//! Things of Waypost in WAHA's words, and back.

pub(super) use super::super::front::{address, seconds};
use serde_json::{Value, json};

/// A chat as WAHA names it: `number@c.us`, `id@lid` or `id@g.us`.
pub(super) fn chat_id(address: &str) -> String {
    if let Some(number) = address.strip_prefix('+') {
        return format!("{number}@c.us");
    }
    match address.strip_suffix("@s.whatsapp.net") {
        Some(number) => format!("{number}@c.us"),
        None => address.to_owned(),
    }
}

/// `true_number@c.us_WIREID`, and the author behind it in a group.
pub(super) fn message_id(message: &Value, chat: &str) -> String {
    let from_me = message["direction"] == "out";
    let wire = message["wire_id"].as_str().unwrap_or_default();
    let base = format!("{from_me}_{chat}_{wire}");
    match author(message) {
        Some(author) if chat.ends_with("@g.us") => format!("{base}_{author}"),
        _ => base,
    }
}

/// WhatsApp's own id inside one of WAHA's, which may be given bare.
pub(super) fn wire_id(id: &str) -> &str {
    match id.split('_').collect::<Vec<_>>()[..] {
        [_, _, wire, ..] => wire,
        _ => id,
    }
}

fn author(message: &Value) -> Option<String> {
    message
        .pointer("/sender/address")
        .and_then(Value::as_str)
        .map(chat_id)
}

/// How far a message is, as a number and by name.
pub(super) fn ack(message: &Value) -> (i8, &'static str) {
    match message["state"].as_str() {
        Some("failed") => (-1, "ERROR"),
        Some("server") => (1, "SERVER"),
        Some("delivered") => (2, "DEVICE"),
        Some("read") => (3, "READ"),
        Some(_) => (0, "PENDING"),
        // Received.
        None => (2, "DEVICE"),
    }
}

/// What an account is called on WhatsApp.
pub(super) fn me(account: &Value) -> Value {
    let number = account["phone"].as_str().map(chat_id);
    match number {
        Some(id) => json!({"id": id, "lid": account["lid"], "pushName": account["name"]}),
        None => Value::Null,
    }
}

/// A message of the API in a chat.
pub(super) fn message(message: &Value, chat: &str, account: &Value) -> Value {
    let from_me = message["direction"] == "out";
    let own = account["phone"].as_str().map(chat_id).unwrap_or_default();
    let own = own.as_str();
    let is_group = chat.ends_with("@g.us");
    let participant = author(message).filter(|_| is_group && !from_me);
    let content = &message["content"];
    let body = ["body", "caption", "emoji"]
        .iter()
        .find_map(|f| content[*f].as_str());
    let file = &message["media"];
    let has_media = matches!(
        message["kind"].as_str(),
        Some("image" | "video" | "voice" | "audio" | "document" | "sticker")
    );
    // Through the API: the file's address needs the caller's key too.
    let media = file.is_object().then(|| {
        json!({
            "url": format!("/api/v1/messages/{}/media", message["id"].as_str().unwrap_or_default()),
            "mimetype": file["mime"].as_str().or(content["mime"].as_str()),
            "filename": content["file_name"], "error": null,
        })
    });
    let quote = content.get("quote").filter(|quote| quote.is_object());
    let reply = quote.map(|quote| {
        json!({
            "id": quote["wire_id"], "participant": quote["sender"].as_str().map(chat_id),
            "body": quote["text"], "hasMedia": false,
        })
    });
    let (ack, ack_name) = ack(message);
    json!({
        "id": message_id(message, chat),
        "timestamp": seconds(&message["sent_at"]),
        "from": if from_me { own } else { chat },
        "fromMe": from_me,
        "source": if message["origin"] == "sent" { "api" } else { "app" },
        "to": if from_me { chat } else { own },
        "participant": participant.clone().unwrap_or_default(),
        "author": participant,
        "body": body.unwrap_or_default(),
        "hasMedia": has_media,
        "media": media,
        "mediaUrl": media.as_ref().and_then(|m| m["url"].as_str()).unwrap_or_default(),
        "ack": ack, "ackName": ack_name,
        "vCards": [],
        "replyTo": reply,
        "_data": {"notifyName": message.pointer("/sender/name"), "kind": message["kind"], "waypost": message["id"]},
    })
}

/// What WAHA calls the state of an account; `link` says how a link in progress is going.
pub(super) fn status(account: &Value, link: Option<&Value>) -> &'static str {
    let shows_code = link
        .and_then(|link| link["status"].as_str())
        .is_some_and(|status| matches!(status, "showing_qr" | "showing_code"));
    match account["state"].as_str().unwrap_or_default() {
        _ if shows_code => "SCAN_QR_CODE",
        "online" | "degraded" => "WORKING",
        "connecting" | "recovering" | "linking" => "STARTING",
        "new" | "disabled" => "STOPPED",
        "needs_attention" if account["reason"]["code"] == "passkey_required" => "PASSKEY_REQUIRED",
        _ => "FAILED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_named_both_ways() {
        for (ours, theirs) in [
            ("+971500000001", "971500000001@c.us"),
            ("971500000001@s.whatsapp.net", "971500000001@c.us"),
            ("100@lid", "100@lid"),
            ("120363@g.us", "120363@g.us"),
        ] {
            assert_eq!(chat_id(ours), theirs);
        }
        assert_eq!(address("971500000001@c.us"), "971500000001@s.whatsapp.net");
        assert_eq!(address("+971500000001"), "971500000001@s.whatsapp.net");
        assert_eq!(address("120363@g.us"), "120363@g.us");
    }

    #[test]
    fn a_message_is_named_as_its_bots_know_it() {
        let sent = json!({"direction": "out", "wire_id": "3EB0A", "state": "read"});
        let id = message_id(&sent, "971500000002@c.us");
        assert_eq!(id, "true_971500000002@c.us_3EB0A");
        assert_eq!((wire_id(&id), wire_id("3EB0A")), ("3EB0A", "3EB0A"));
        assert_eq!(ack(&sent), (3, "READ"));
        let heard =
            json!({"direction": "in", "wire_id": "AB", "sender": {"address": "+971500000002"}});
        let id = message_id(&heard, "120363@g.us");
        assert_eq!(id, "false_120363@g.us_AB_971500000002@c.us");
        assert_eq!(wire_id(&id), "AB");
    }
}
