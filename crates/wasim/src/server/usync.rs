//! User queries: who is on the network, under which LID, with which devices.

use crate::clock::unix_seconds;
use crate::error::{Result, SimError};
use crate::person::Person;
use crate::server::linking::RAW_ID;
use crate::stanza::{attr, child, empty, grandchildren, jid_attr, leaf, need, text};
use crate::world::World;
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

/// People one query may ask about.
const MAX_USERS: usize = 10_000;

/// Answers a `<usync>` query.
pub(crate) async fn answer(world: &World, iq: &Node) -> Result<Node> {
    let query = need(iq, "usync")?;
    let asked = grandchildren(query, "list");
    if asked.len() > MAX_USERS {
        return Err(SimError::protocol("too many people in one query"));
    }
    let facts: Vec<String> = grandchildren(query, "query")
        .iter()
        .map(|n| n.tag.to_string())
        .collect();
    let mut users = Vec::with_capacity(asked.len());
    for user in asked {
        users.push(about(world, user, &facts).await?);
    }
    let results = facts
        .iter()
        .map(|f| NodeBuilder::new_dynamic(f.clone()).build());
    Ok(NodeBuilder::new("usync")
        .attr("sid", attr(query, "sid"))
        .attr("index", "0")
        .attr("last", "true")
        .attr("mode", attr(query, "mode"))
        .attr("context", attr(query, "context"))
        .children([
            NodeBuilder::new("result").children(results).build(),
            NodeBuilder::new("list").children(users).build(),
        ])
        .build())
}

async fn about(world: &World, user: &Node, facts: &[String]) -> Result<Node> {
    let jid = jid_attr(user, "jid").or_else(|| jid_attr(user, "pn_jid"));
    let typed = child(user, "contact")
        .map(text)
        .filter(|t| !t.is_empty())
        .map(|t| t.trim_start_matches('+').to_owned());
    let jid = jid.or_else(|| typed.as_deref().map(Jid::pn));
    let jid = jid
        .ok_or_else(|| SimError::protocol("a query about nobody"))?
        .to_non_ad();
    let person = world.person_at(&jid);
    let mut told = Vec::new();
    for fact in facts {
        told.extend(fact_about(world, person.as_ref(), fact, typed.as_deref()).await?);
    }
    let mut node = NodeBuilder::new("user").attr("jid", jid);
    if let Some(person) = &person {
        node = node.attr("pn_jid", person.pn_jid());
    }
    Ok(node.children(told).build())
}

async fn fact_about(
    world: &World,
    person: Option<&Arc<Person>>,
    fact: &str,
    typed: Option<&str>,
) -> Result<Option<Node>> {
    let Some(person) = person else {
        let absent = NodeBuilder::new("contact").attr("type", "out");
        return Ok((fact == "contact").then(|| said(absent, typed)));
    };
    Ok(match fact {
        "contact" => Some(said(NodeBuilder::new("contact").attr("type", "in"), typed)),
        "lid" => Some(
            NodeBuilder::new("lid")
                .attr("val", person.lid_jid())
                .build(),
        ),
        "devices" => Some(devices(world, person).await?),
        "status" => Some(NodeBuilder::new("status").attr("t", unix_seconds()).build()),
        "disappearing_mode" => Some(
            NodeBuilder::new("disappearing_mode")
                .attr("duration", "0")
                .attr("t", "0")
                .build(),
        ),
        "business" => None,
        "picture" => Some(empty("picture")),
        _ => None,
    })
}

fn said(node: NodeBuilder, typed: Option<&str>) -> Node {
    match typed {
        Some(number) => node.string_content(format!("+{number}")).build(),
        None => node.build(),
    }
}

async fn devices(world: &World, person: &Person) -> Result<Node> {
    let companions = person.companions();
    let mut list = vec![NodeBuilder::new("device").attr("id", "0").build()];
    list.extend(companions.iter().map(|c| {
        NodeBuilder::new("device")
            .attr("id", u32::from(c.device))
            .attr("key-index", c.key_index)
            .build()
    }));
    let mut parts = vec![
        NodeBuilder::new("device-list")
            .attr("hash", "2:sim")
            .children(list)
            .build(),
    ];
    if !companions.is_empty() {
        let indexes: Vec<u32> = companions.iter().map(|c| c.key_index).collect();
        parts.push(key_index_list(world, person, &indexes).await?);
    }
    Ok(NodeBuilder::new("devices").children(parts).build())
}

/// The account's signed statement of which device keys are valid.
async fn key_index_list(world: &World, person: &Person, indexes: &[u32]) -> Result<Node> {
    let now = unix_seconds();
    let details = wa::ADVKeyIndexList {
        raw_id: Some(RAW_ID),
        timestamp: Some(now),
        current_index: indexes.iter().max().copied(),
        valid_indexes: std::iter::once(0).chain(indexes.iter().copied()).collect(),
        ..Default::default()
    }
    .encode_to_vec();
    let mut device = person.live(world.config.seed)?.device.lock().await;
    let signature = device.sign(&[&[6, 2], details.as_slice()].concat())?;
    let list = wa::ADVSignedKeyIndexList {
        details: Some(details),
        account_signature: Some(signature),
        account_signature_key: Some(device.identity_public()),
    };
    let mut node = leaf("key-index-list", list.encode_to_vec());
    node.attrs.insert("ts", now);
    Ok(node)
}
