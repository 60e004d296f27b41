//! Requests of linked devices, routed by namespace.

use crate::clock::unix_seconds;
use crate::error::Result;
use crate::server::session::{Session, activate};
use crate::server::{appstate, encrypt, groups, usync};
use crate::stanza::{attr, child, empty, first_child, iq_result, text};
use std::sync::Arc;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// Privacy settings that clients ask for.
const PRIVACY: [&str; 7] = [
    "last",
    "online",
    "profile",
    "status",
    "groupadd",
    "readreceipts",
    "calladd",
];
/// The question until when an account may start no new chats, by the id clients ask it under.
const BARRED_QUERY: &str = wacore::iq::mex_operations::fetch_reachout_timelock::DOC_ID;
/// How long clients may use one answer about media hosts, in seconds.
const MEDIA_CONN_TTL: &str = "300";

/// Answers one request. Unknown namespaces get an empty result, as most need no more.
pub(crate) async fn answer(session: &Arc<Session>, iq: &Node) -> Result<()> {
    let kind = attr(iq, "type");
    if kind != "get" && kind != "set" {
        return Ok(());
    }
    let tag = first_child(iq)
        .map(|c| c.tag.to_string())
        .unwrap_or_default();
    let namespace = attr(iq, "xmlns");
    let content = match (namespace.as_str(), kind.as_str(), tag.as_str()) {
        ("encrypt", _, _) => return encrypt::answer(session, iq, &tag).await,
        ("w:g2", _, _) => return groups::answer(session, iq).await,
        ("usync", "get", _) => vec![usync::answer(&session.world, iq).await?],
        ("w:sync:app:state", "set", _) => vec![appstate::answer(session, iq)?],
        ("passive", "set", "active") => {
            session.conn.answer(iq_result(iq, Vec::new())).await;
            activate(session).await;
            return Ok(());
        }
        ("abt", "get", _) => vec![
            NodeBuilder::new("props")
                .attr("protocol", "1")
                .attr("ab_key", "sim")
                .attr("hash", "sim")
                .attr("refresh", "86400")
                .attr("refresh_id", "1")
                .build(),
        ],
        ("blocklist", "get", _) => vec![empty("list")],
        ("privacy", "get", _) => vec![privacy_settings()],
        ("w:m", "set", _) => vec![media_connection(session)],
        ("md", "set", "remove-companion-device") => {
            session.conn.answer(iq_result(iq, Vec::new())).await;
            let device = session.companion.device;
            return super::session::unlink(&session.world, &session.account, device).await;
        }
        ("md", "set", "link_code_companion_reg") => Vec::new(),
        ("w:profile:picture", "get", _) => Vec::new(),
        ("status", "get", _) => Vec::new(),
        ("w:mex", "get", "query") => barred(session, iq).into_iter().collect(),
        _ => {
            let content = child(iq, &tag).map(text).unwrap_or_default();
            tracing::debug!(%namespace, %tag, %content, "answered with an empty result");
            Vec::new()
        }
    };
    session.conn.answer(iq_result(iq, content)).await;
    Ok(())
}

/// Until when the account is barred from new chats, if the faults say that the server tells it. Other
/// questions of this kind, and all without that fault, get an empty result.
fn barred(session: &Session, iq: &Node) -> Option<Node> {
    let asked = child(iq, "query").map(|query| attr(query, "query_id"))?;
    let plan = session.world.faults.plan(&session.account.pn);
    let seconds = plan.bars_new_chats_for.filter(|_| asked == BARRED_QUERY)?;
    let until = unix_seconds().saturating_add(seconds);
    let answer = serde_json::json!({"data": {"xwa2_fetch_account_reachout_timelock": {
        "is_active": true, "enforcement_type": "RESTRICT_ALL_COMPANIONS",
        "time_enforcement_ends": until.to_string(),
    }}});
    let result = NodeBuilder::new("result");
    Some(result.bytes(answer.to_string().into_bytes()).build())
}

fn privacy_settings() -> Node {
    let categories = PRIVACY.map(|name| {
        NodeBuilder::new("category")
            .attr("name", name)
            .attr("value", "all")
            .build()
    });
    NodeBuilder::new("privacy").children(categories).build()
}

fn media_connection(session: &Session) -> Node {
    let host = NodeBuilder::new("host").attr("hostname", session.world.media.host().to_owned());
    NodeBuilder::new("media_conn")
        .attr("auth", "sim-auth")
        .attr("ttl", MEDIA_CONN_TTL)
        .attr("auth_ttl", "21600")
        .attr("max_buckets", "12")
        .children([host.build()])
        .build()
}
