//! Groups, made by either side.

use super::{Baileys, address, id_of, shown};
use crate::client::{ACCOUNT, ANA, ana, network, phone};
use serde_json::{Value, json};
use std::sync::Arc;
use wasim::{Contact, ContactSpec, FaultPlan, Network, Outgoing, Rank};

const BEN: &str = "971500000003";

fn ben(net: &Network) -> Contact {
    let spec = ContactSpec {
        number: BEN.into(),
        push_name: "Ben".into(),
        ..ContactSpec::default()
    };
    net.add_contact(spec).unwrap()
}

fn plain(message: Arc<wasim::proto::Message>) -> String {
    wasim::describe(&message).unwrap().text
}

#[tokio::test]
async fn members_and_baileys_talk_in_a_group() {
    let net = network().await;
    let (phone, ana, ben) = (phone(&net), ana(&net), ben(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let group = net.add_group("Team", ANA, &[ACCOUNT, BEN]).unwrap();
    for (from, text) in [(&ana, "one"), (&ben, "two"), (&ana, "three")] {
        let id = group.send(from.number(), Outgoing::text(text)).await;
        let heard = baileys.message(&id.unwrap()).await;
        assert_eq!(heard["message"]["conversation"], text);
        assert_eq!(heard["key"]["remoteJid"], group.address());
        assert_eq!(heard["key"]["participant"], format!("{}@lid", from.lid()));
        assert_eq!(heard["key"]["participantAlt"], address(from.number()));
    }
    for text in ["hello all", "and again"] {
        let key = baileys.send(&group.address(), json!({"text": text})).await;
        for member in [ANA, BEN] {
            assert_eq!(plain(shown(&net, member, id_of(&key)).await), text);
        }
    }
    baileys
        .tell(json!({"op": "groupInfo", "jid": group.address()}))
        .await;
    let info = baileys.event("group", |_| true).await["group"].clone();
    assert_eq!(
        (&info["subject"], &info["size"]),
        (&json!("Team"), &json!(3))
    );
    let mut numbers: Vec<&str> = info["participants"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p["phoneNumber"].as_str())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [address(ACCOUNT), address(ANA), address(BEN)]);
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn members_quote_and_mention_react_and_delete_in_a_group() {
    let net = network().await;
    let (phone, ana, _ben) = (phone(&net), ana(&net), ben(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let group = net.add_group("Team", ANA, &[ACCOUNT, BEN]).unwrap();
    let to = group.address();
    let sent = group.send(ANA, Outgoing::text("lunch?")).await.unwrap();
    let lunch = baileys.message(&sent).await;
    let author = format!("{}@lid", ana.lid());

    let content = json!({"text": "yes", "mentions": [author]});
    let key = baileys.reply(&to, content, &sent).await;
    let message = shown(&net, BEN, id_of(&key)).await;
    let text = message.extended_text_message.as_option().unwrap();
    let context = text.context_info.as_option().unwrap();
    assert_eq!(context.stanza_id.as_deref(), Some(sent.as_str()));
    assert_eq!(context.participant.as_deref(), Some(author.as_str()));
    assert_eq!(context.mentioned_jid, [author]);

    let content = json!({"react": {"text": "🍜", "key": lunch["key"]}});
    let reaction = baileys.send(&to, content).await;
    assert_eq!(plain(shown(&net, BEN, id_of(&reaction)).await), "🍜");
    let delete = baileys.send(&to, json!({"delete": key})).await;
    let message = shown(&net, BEN, id_of(&delete)).await;
    let target = message.protocol_message.as_option().unwrap();
    let target = target.key.as_option().unwrap();
    assert_eq!(target.id.as_deref(), Some(id_of(&key)));

    let react = Outgoing::Reaction {
        to: sent.clone(),
        emoji: "👍".into(),
    };
    group.send(BEN, react).await.unwrap();
    let of_ben = |e: &Value| e["reaction"]["text"] == "👍" && e["key"]["id"] == sent;
    baileys.event("reaction", of_ben).await;
    group
        .send(ANA, Outgoing::Revoke { of: sent.clone() })
        .await
        .unwrap();
    let gone = |e: &Value| e["key"]["id"] == sent && e["update"]["messageStubType"] == 1;
    baileys.event("update", gone).await;
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_makes_a_group_and_changes_it() {
    let net = network().await;
    let (phone, _ana, _ben) = (phone(&net), ana(&net), ben(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    baileys
        .tell(json!({"op": "group", "subject": "Plans", "members": [address(ANA)]}))
        .await;
    let made = baileys.event("group", |_| true).await["group"].clone();
    let jid = made["id"].as_str().unwrap();
    let group = net.group(jid).unwrap();
    assert_eq!(
        (group.subject(), group.members().len()),
        ("Plans".into(), 2)
    );

    let members =
        |action| json!({"op": "members", "jid": jid, "members": [address(BEN)], "action": action});
    baileys.tell(members("add")).await;
    let result = baileys.event("members", |_| true).await;
    assert_eq!(result["result"][0]["status"], "200");
    let key = baileys.send(jid, json!({"text": "welcome"})).await;
    assert_eq!(plain(shown(&net, BEN, id_of(&key)).await), "welcome");

    baileys.tell(members("promote")).await;
    baileys.event("members", |_| true).await;
    let rank_of_ben = || {
        group
            .members()
            .iter()
            .find(|m| m.number == BEN)
            .map(|m| m.rank)
    };
    assert_eq!(rank_of_ben(), Some(Rank::Admin));

    baileys.tell(members("remove")).await;
    baileys.event("members", |_| true).await;
    assert_eq!(rank_of_ben(), None);
    let key = baileys.send(jid, json!({"text": "just us"})).await;
    shown(&net, ANA, id_of(&key)).await;
    let readers = net.with_ledger(|l| {
        let of_it = |s: &&wasim::Shown| s.text == "just us";
        l.shown_from(ACCOUNT).iter().filter(of_it).count()
    });
    assert_eq!(readers, 1);

    baileys
        .tell(json!({"op": "subject", "jid": jid, "subject": "Better plans"}))
        .await;
    baileys.event("renamed", |_| true).await;
    assert_eq!(group.subject(), "Better plans");

    baileys.tell(json!({"op": "quit", "jid": jid})).await;
    baileys.event("left", |_| true).await;
    assert!(group.members().iter().all(|m| m.number != ACCOUNT));
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn baileys_hears_of_changes_that_others_make() {
    let net = network().await;
    let (phone, _ana, ben) = (phone(&net), ana(&net), ben(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let group = net.add_group("Team", ANA, &[ACCOUNT]).unwrap();
    let is_ben = |e: &Value| {
        let lid = format!("{}@lid", ben.lid());
        e["update"]["participants"].to_string().contains(&lid)
    };
    for action in ["add", "promote", "remove"] {
        match action {
            "add" => group.add(ANA, &[BEN]),
            "promote" => group.promote(ANA, &[BEN]),
            _ => group.remove(ANA, &[BEN]),
        }
        .unwrap();
        let change = |e: &Value| e["update"]["action"] == action && is_ben(e);
        let heard = baileys.event("participants", change).await;
        assert_eq!(heard["update"]["id"], group.address());
    }
    group.set_subject(ANA, "Smaller team").unwrap();
    let renamed = |e: &Value| e["update"]["subject"] == "Smaller team";
    baileys.event("group-update", renamed).await;
    let id = group.send(ANA, Outgoing::text("after")).await.unwrap();
    assert_eq!(
        baileys.message(&id).await["message"]["conversation"],
        "after"
    );
    baileys.stop().await;
    net.shutdown().await;
}

#[tokio::test]
async fn group_messages_that_cannot_be_decrypted_are_asked_for_on_either_side() {
    let net = network().await;
    let (phone, _ana, _ben) = (phone(&net), ana(&net), ben(&net));
    let mut baileys = Baileys::linked(&net, &phone).await;
    let group = net.add_group("Team", ANA, &[ACCOUNT, BEN]).unwrap();
    let bad = FaultPlan {
        undecryptable: 1.0,
        recipient_undecryptable: 1.0,
        ..FaultPlan::default()
    };
    net.set_faults(ACCOUNT, bad);
    let id = group.send(BEN, Outgoing::text("readable?")).await.unwrap();
    let heard = baileys.message(&id).await;
    assert_eq!(heard["message"]["conversation"], "readable?");
    let key = baileys
        .send(&group.address(), json!({"text": "barely"}))
        .await;
    for member in [ANA, BEN] {
        assert_eq!(plain(shown(&net, member, id_of(&key)).await), "barely");
    }
    baileys.stop().await;
    net.shutdown().await;
}
