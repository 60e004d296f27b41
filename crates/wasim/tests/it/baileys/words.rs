//! Everything that is made of words, both ways, and its receipts.

use super::{Baileys, address, id_of, shown};
use crate::client::{ACCOUNT, ANA, LIMIT, ana, network, phone};
use serde_json::{Value, json};
use waproto::whatsapp::message::protocol_message::Type;
use wasim::{NetEvent, Outgoing, PresenceState, SendHow, TypingState, UseAddress};

/// How Baileys counts: delivered to the other side's device.
const DELIVERED: u64 = 3;
/// And read.
const READ: u64 = 4;

#[tokio::test]
async fn baileys_hears_every_kind_of_words() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let words = "*bold* _italic_ ~struck~ `code` שלום 🌍";
    let first = baileys.hear(&ana, Outgoing::text(words)).await;
    assert_eq!(first["message"]["conversation"], words);
    assert_eq!(first["type"], "notify");
    assert_eq!(first["pushName"], "Ana");
    assert_eq!(first["key"]["fromMe"], false);
    assert_eq!(first["key"]["remoteJid"], format!("{}@lid", ana.lid()));
    assert_eq!(first["key"]["remoteJidAlt"], address(ANA));
    let first_id = id_of(&first["key"]).to_owned();

    let reply = Outgoing::Reply {
        text: "as I said".into(),
        to: first_id.clone(),
    };
    let heard = baileys.hear(&ana, reply).await;
    let text = &heard["message"]["extendedTextMessage"];
    assert_eq!(text["text"], "as I said");
    assert_eq!(text["contextInfo"]["stanzaId"], first_id);
    assert_eq!(text["contextInfo"]["quotedMessage"]["conversation"], words);

    let mention = Outgoing::Mention {
        text: format!("@{ACCOUNT} look"),
        numbers: vec![ACCOUNT.into()],
    };
    let heard = baileys.hear(&ana, mention).await;
    let text = &heard["message"]["extendedTextMessage"];
    assert_eq!(text["text"], format!("@{ACCOUNT} look"));
    let mentioned = &text["contextInfo"]["mentionedJid"];
    assert_eq!(mentioned, &json!([format!("{}@lid", phone.lid())]));

    for emoji in ["👍", ""] {
        let reaction = Outgoing::Reaction {
            to: first_id.clone(),
            emoji: emoji.into(),
        };
        ana.send(ACCOUNT, reaction).await.unwrap();
        let seen = baileys.event("reaction", |_| true).await;
        assert_eq!(seen["key"]["id"], first_id);
        assert_eq!(seen["reaction"]["text"], emoji);
    }
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_follows_edits_and_deletions_of_a_contact() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let first = baileys.hear(&ana, Outgoing::text("tomorow")).await;
    let id = id_of(&first["key"]).to_owned();
    let edit = Outgoing::Edit {
        of: id.clone(),
        text: "tomorrow".into(),
    };
    ana.send(ACCOUNT, edit).await.unwrap();
    let edited = |e: &Value| e["key"]["id"] == id && !e["update"]["message"].is_null();
    let update = baileys.event("update", edited).await;
    let inside = &update["update"]["message"]["editedMessage"]["message"];
    assert_eq!(inside["conversation"], "tomorrow");

    ana.send(ACCOUNT, Outgoing::Revoke { of: id.clone() })
        .await
        .unwrap();
    let gone = |e: &Value| e["key"]["id"] == id && e["update"]["messageStubType"] == 1;
    let update = baileys.event("update", gone).await;
    assert!(update["update"]["message"].is_null());
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_hears_a_contact_under_either_address() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    for (use_address, from) in [
        (UseAddress::Lid, format!("{}@lid", ana.lid())),
        (UseAddress::Pn, address(ANA)),
    ] {
        let how = SendHow {
            address: use_address,
            ..SendHow::default()
        };
        let sent = ana.send_how(ACCOUNT, Outgoing::text("it is me"), how);
        let id = sent.await.unwrap();
        let heard = baileys.message(&id).await;
        assert_eq!(heard["key"]["remoteJid"], from);
        assert_eq!(heard["message"]["conversation"], "it is me");
    }
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_sees_places_cards_and_polls() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let place = Outgoing::Location {
        latitude: 25.25,
        longitude: 55.5,
        name: Some("Dubai".into()),
    };
    let heard = baileys.hear(&ana, place).await;
    let place = &heard["message"]["locationMessage"];
    assert_eq!(
        (&place["degreesLatitude"], &place["degreesLongitude"]),
        (&json!(25.25), &json!(55.5))
    );
    assert_eq!(place["name"], "Dubai");

    let card = Outgoing::ContactCard {
        name: "Omar".into(),
        number: "971500000009".into(),
    };
    let heard = baileys.hear(&ana, card).await;
    let card = &heard["message"]["contactMessage"];
    assert_eq!(card["displayName"], "Omar");
    assert!(card["vcard"].as_str().unwrap().contains("+971500000009"));

    let poll = Outgoing::Poll {
        question: "When?".into(),
        options: vec!["now".into(), "later".into()],
        selectable: 1,
    };
    let heard = baileys.hear(&ana, poll).await;
    let poll = &heard["message"]["pollCreationMessageV3"];
    assert_eq!(poll["name"], "When?");
    let options = json!([{"optionName": "now"}, {"optionName": "later"}]);
    assert_eq!(poll["options"], options);
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_contact_is_shown_every_kind_of_words_from_baileys() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let to = address(ANA);
    let question = baileys.hear(&ana, Outgoing::text("shall we?")).await;
    let question_id = id_of(&question["key"]).to_owned();

    let words = "*bold* _italic_ ~struck~ `code` שלום 🌍";
    let first = baileys.send(&to, json!({"text": words})).await;
    let message = shown(&net, ANA, id_of(&first)).await;
    assert_eq!(wasim::describe(&message).unwrap().text, words);
    let delivered = |e: &Value| e["key"]["id"] == first["id"] && e["update"]["status"] == DELIVERED;
    baileys.event("update", delivered).await;

    let key = baileys
        .reply(&to, json!({"text": "we shall"}), &question_id)
        .await;
    let message = shown(&net, ANA, id_of(&key)).await;
    let text = message.extended_text_message.as_option().unwrap();
    assert_eq!(text.text.as_deref(), Some("we shall"));
    let context = text.context_info.as_option().unwrap();
    assert_eq!(context.stanza_id.as_deref(), Some(question_id.as_str()));
    let quoted = context.quoted_message.as_option().unwrap();
    assert_eq!(quoted.conversation.as_deref(), Some("shall we?"));

    let content = json!({"text": format!("@{ANA} look"), "mentions": [to]});
    let key = baileys.send(&to, content).await;
    let message = shown(&net, ANA, id_of(&key)).await;
    let text = message.extended_text_message.as_option().unwrap();
    let context = text.context_info.as_option().unwrap();
    assert_eq!(context.mentioned_jid, std::slice::from_ref(&to));

    for emoji in ["🎉", ""] {
        let content = json!({"react": {"text": emoji, "key": question["key"]}});
        let key = baileys.send(&to, content).await;
        let message = shown(&net, ANA, id_of(&key)).await;
        let reaction = message.reaction_message.as_option().unwrap();
        assert_eq!(reaction.text.as_deref(), Some(emoji));
        let target = reaction.key.as_option().unwrap();
        assert_eq!(target.id.as_deref(), Some(question_id.as_str()));
    }
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn a_contact_is_shown_edits_and_deletions_by_baileys() {
    let net = network().await;
    let (phone, _ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let to = address(ANA);
    let first = baileys.send(&to, json!({"text": "tomorow"})).await;
    shown(&net, ANA, id_of(&first)).await;

    let content = json!({"edit": first, "text": "tomorrow"});
    let key = baileys.send(&to, content).await;
    let message = shown(&net, ANA, id_of(&key)).await;
    let edit = message.protocol_message.as_option().unwrap();
    assert_eq!(edit.r#type, Some(Type::MESSAGE_EDIT));
    let target = edit.key.as_option().unwrap();
    assert_eq!(target.id.as_deref(), Some(id_of(&first)));
    let inside = edit.edited_message.as_option().unwrap();
    assert_eq!(wasim::describe(inside).unwrap().text, "tomorrow");

    let key = baileys.send(&to, json!({"delete": first})).await;
    let message = shown(&net, ANA, id_of(&key)).await;
    let revoke = message.protocol_message.as_option().unwrap();
    assert_eq!(revoke.r#type, Some(Type::REVOKE));
    let target = revoke.key.as_option().unwrap();
    assert_eq!(target.id.as_deref(), Some(id_of(&first)));
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn read_marks_and_typing_are_seen_on_both_sides() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let to = address(ANA);
    let key = baileys.send(&to, json!({"text": "read me"})).await;
    shown(&net, ANA, id_of(&key)).await;
    ana.read(id_of(&key)).unwrap();
    let read = |e: &Value| e["key"]["id"] == key["id"] && e["update"]["status"] == READ;
    baileys.event("update", read).await;

    let heard = baileys.hear(&ana, Outgoing::text("and me")).await;
    baileys
        .tell(json!({"op": "read", "keys": [heard["key"]]}))
        .await;
    net.wait_for(LIMIT, |e| {
        matches!(e, NetEvent::Receipt { ids, kind, .. } if kind == "read" && ids.iter().any(|id| heard["key"]["id"] == *id))
    })
    .await
    .unwrap();

    ana.presence(ACCOUNT, PresenceState::Available).unwrap();
    let jid = format!("{}@lid", ana.lid());
    let is = |state: &'static str| {
        let jid = jid.clone();
        move |e: &Value| e["presences"][&jid]["lastKnownPresence"] == state
    };
    baileys.event("presence", is("available")).await;
    ana.typing(ACCOUNT, TypingState::Composing).unwrap();
    baileys.event("presence", is("composing")).await;
    ana.typing(ACCOUNT, TypingState::Recording).unwrap();
    baileys.event("presence", is("recording")).await;
    ana.typing(ACCOUNT, TypingState::Paused).unwrap();
    baileys.event("presence", is("available")).await;

    for (state, seen) in [
        ("composing", "composing"),
        ("recording", "recording"),
        ("paused", "paused"),
    ] {
        baileys
            .tell(json!({"op": "presence", "type": state, "jid": to}))
            .await;
        let typing = |e: &NetEvent| matches!(e, NetEvent::Typing { state, .. } if state == seen);
        net.wait_for(LIMIT, typing).await.unwrap();
    }
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn what_the_owner_sends_on_the_phone_reaches_baileys_as_its_own() {
    let net = network().await;
    let (phone, ana) = (phone(&net), ana(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let sent = phone.send(ANA, Outgoing::text("from the phone"));
    let heard = baileys.message(&sent.await.unwrap()).await;
    assert_eq!(heard["message"]["conversation"], "from the phone");
    assert_eq!(heard["key"]["fromMe"], true);
    assert_eq!(heard["key"]["remoteJid"], format!("{}@lid", ana.lid()));
    baileys.stop().await;
    net.shutdown().await;
}
