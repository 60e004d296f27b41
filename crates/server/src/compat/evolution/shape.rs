//! Things of Waypost in Evolution's words.

use super::super::front::seconds;
use serde_json::{Map, Value, json};

/// A chat as Evolution names it: `number@s.whatsapp.net`, `id@lid` or `id@g.us`.
pub(super) fn jid(address: &str) -> String {
    match address.strip_prefix('+') {
        Some(number) => format!("{number}@s.whatsapp.net"),
        None => address.to_owned(),
    }
}

/// The state of an account in Evolution's three words.
pub(super) fn connection(state: &Value) -> &'static str {
    match state.as_str().unwrap_or_default() {
        "online" | "degraded" => "open",
        "connecting" | "recovering" | "linking" => "connecting",
        _ => "close",
    }
}

/// How far a message is.
pub(super) fn status(message: &Value) -> &'static str {
    match message["state"].as_str() {
        Some("failed") => "ERROR",
        Some("server") => "SERVER_ACK",
        Some("delivered") => "DELIVERY_ACK",
        Some("read") => "READ",
        Some(_) => "PENDING",
        // Received.
        None => "DELIVERY_ACK",
    }
}

/// What tells a message from every other.
pub(super) fn key(message: &Value, chat: &str) -> Value {
    let from_me = message["direction"] == "out";
    let mut key = json!({"remoteJid": chat, "fromMe": from_me, "id": message["wire_id"]});
    let author = message
        .pointer("/sender/address")
        .and_then(Value::as_str)
        .map(jid);
    if let Some(author) = author.filter(|_| chat.ends_with("@g.us") && !from_me) {
        key["participant"] = Value::String(author);
    }
    key
}

/// What a message says: the name of its kind on the wire, and the part of that name.
fn content(message: &Value) -> (&'static str, Value) {
    let content = &message["content"];
    let words = |field: &str| content[field].as_str();
    let file = |more: Value| {
        let mut part = Map::new();
        let known = [
            ("mimetype", &content["mime"]),
            ("caption", &content["caption"]),
            ("fileName", &content["file_name"]),
            ("fileLength", &message["media"]["bytes"]),
            ("seconds", &content["seconds"]),
            ("width", &content["width"]),
            ("height", &content["height"]),
        ];
        for (name, value) in known {
            if !value.is_null() {
                part.insert(name.to_owned(), value.clone());
            }
        }
        if let Value::Object(more) = more {
            part.extend(more);
        }
        Value::Object(part)
    };
    match message["kind"].as_str().unwrap_or_default() {
        "text" => ("conversation", json!(words("body").unwrap_or_default())),
        "image" => ("imageMessage", file(json!({}))),
        "video" => ("videoMessage", file(json!({}))),
        "voice" => ("audioMessage", file(json!({"ptt": true}))),
        "audio" => ("audioMessage", file(json!({"ptt": false}))),
        "document" => ("documentMessage", file(json!({}))),
        "sticker" => ("stickerMessage", file(json!({}))),
        "reaction" => (
            "reactionMessage",
            json!({"key": {"id": content["target"]}, "text": words("emoji").unwrap_or_default()}),
        ),
        "edit" => (
            "editedMessage",
            json!({
                "key": {"id": content["target"]},
                "message": {"conversation": words("body").unwrap_or_default()},
            }),
        ),
        "revoke" => (
            "protocolMessage",
            json!({"key": {"id": content["target"]}, "type": "REVOKE"}),
        ),
        _ => ("unknown", Value::Null),
    }
}

/// A message of the API in a chat.
pub(super) fn message(message: &Value, chat: &str, account: &Value) -> Value {
    let (kind, part) = content(message);
    let mut said = Map::new();
    if !part.is_null() {
        said.insert(kind.to_owned(), part);
    }
    if message["media"].is_object() {
        // Through the API: the file's address needs the caller's key too.
        let id = message["id"].as_str().unwrap_or_default();
        let address = format!("/api/v1/messages/{id}/media");
        said.insert("mediaUrl".to_owned(), Value::String(address));
    }
    let quote = message.pointer("/content/quote");
    let context = quote.filter(|quote| quote.is_object()).map(|quote| {
        json!({
            "stanzaId": quote["wire_id"], "participant": quote["sender"].as_str().map(jid),
            "quotedMessage": {"conversation": quote["text"]},
        })
    });
    let from_me = message["direction"] == "out";
    let name = match from_me {
        true => account["name"].clone(),
        false => message.pointer("/sender/name").cloned().unwrap_or_default(),
    };
    json!({
        "id": message["id"],
        "key": key(message, chat),
        "pushName": name,
        "status": status(message),
        "message": said,
        "contextInfo": context,
        "messageType": kind,
        "messageTimestamp": seconds(&message["sent_at"]),
        "instanceId": account["id"],
        "source": if message["origin"] == "sent" { "web" } else { "unknown" },
    })
}

/// An account as one of its instances.
pub(super) fn instance(account: &Value) -> Value {
    let owner = account["phone"].as_str().map(jid);
    let connection = connection(&account["state"]);
    let gone = connection == "close" && account["state"] != "new";
    json!({
        "id": account["id"],
        "name": account["name"],
        "connectionStatus": connection,
        "ownerJid": owner,
        "profileName": owner.as_ref().map(|_| &account["name"]),
        "profilePicUrl": null,
        "integration": "WHATSAPP-BAILEYS",
        "number": account["phone"].as_str().map(|phone| phone.trim_start_matches('+')),
        "businessId": null,
        "token": null,
        "clientName": "waypost",
        "disconnectionReasonCode": null,
        "disconnectionObject": if gone { account["reason"].clone() } else { Value::Null },
        "disconnectionAt": if gone { account["state_since"].clone() } else { Value::Null },
        "createdAt": account["created_at"],
        "updatedAt": account["state_since"],
        "Setting": super::settings::ALL_OFF.iter().map(|name| ((*name).to_owned(), json!(false)))
            .collect::<Map<String, Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_received_text_reads_as_its_bots_know_it() {
        let heard = json!({
            "id": "msg_1", "direction": "in", "wire_id": "3EB0", "kind": "text", "origin": "live",
            "content": {"body": "Hello", "quote": {"wire_id": "AA", "sender": "+971500000001", "text": "Hi"}},
            "sender": {"name": "Ana", "address": "+971500000002"}, "sent_at": "2026-01-01T00:00:01Z",
        });
        let shown = message(
            &heard,
            "971500000002@s.whatsapp.net",
            &json!({"id": "acc_1"}),
        );
        assert_eq!(
            shown["key"],
            json!({
                "remoteJid": "971500000002@s.whatsapp.net", "fromMe": false, "id": "3EB0",
            })
        );
        assert_eq!(shown["message"]["conversation"], "Hello");
        assert_eq!(
            (&shown["messageType"], &shown["pushName"]),
            (&json!("conversation"), &json!("Ana"))
        );
        assert_eq!(shown["contextInfo"]["stanzaId"], "AA");
        assert_eq!(
            shown["contextInfo"]["participant"],
            "971500000001@s.whatsapp.net"
        );
        assert_eq!(shown["messageTimestamp"], 1_767_225_601);
    }

    #[test]
    fn in_a_group_the_author_is_part_of_the_key() {
        let heard = json!({
            "direction": "in", "wire_id": "A", "kind": "image", "content": {"caption": "Look", "mime": "image/png"},
            "sender": {"address": "+971500000002"},
        });
        let shown = message(&heard, "120363@g.us", &json!({}));
        assert_eq!(shown["key"]["participant"], "971500000002@s.whatsapp.net");
        assert_eq!(
            shown["message"]["imageMessage"],
            json!({"caption": "Look", "mimetype": "image/png"})
        );
        assert_eq!(status(&json!({"state": "server"})), "SERVER_ACK");
        assert_eq!(connection(&json!("needs_attention")), "close");
    }
}
