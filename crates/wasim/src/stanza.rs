//! Reading and building binary nodes ("stanzas").

use crate::error::{Result, SimError};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::node::NodeContent;
use wacore_binary::{Jid, Node, Server};

/// The address of the server itself.
pub(crate) fn server_jid() -> Jid {
    Jid::new("", Server::Pn)
}

/// An attribute as text, empty when absent.
pub(crate) fn attr(node: &Node, key: &str) -> String {
    opt_attr(node, key).unwrap_or_default()
}

/// An attribute as text.
pub(crate) fn opt_attr(node: &Node, key: &str) -> Option<String> {
    node.attrs.get(key).map(|v| v.as_str().into_owned())
}

/// An attribute as an address.
pub(crate) fn jid_attr(node: &Node, key: &str) -> Option<Jid> {
    node.attrs.get(key).and_then(|v| v.to_jid())
}

/// An attribute as an address, or a protocol error that names it.
pub(crate) fn need_jid(node: &Node, key: &str) -> Result<Jid> {
    jid_attr(node, key)
        .ok_or_else(|| SimError::protocol(format!("<{}> needs an address in {key:?}", node.tag)))
}

/// The first child with this tag.
pub(crate) fn child<'a>(node: &'a Node, tag: &str) -> Option<&'a Node> {
    node.get_optional_child(tag)
}

/// The first child with this tag, or a protocol error that names it.
pub(crate) fn need<'a>(node: &'a Node, tag: &str) -> Result<&'a Node> {
    child(node, tag).ok_or_else(|| SimError::protocol(format!("<{}> needs a <{tag}>", node.tag)))
}

/// The first child whatever its tag.
pub(crate) fn first_child(node: &Node) -> Option<&Node> {
    children(node).first()
}

/// All children, none if the content is something else.
pub(crate) fn children(node: &Node) -> &[Node] {
    node.children().unwrap_or_default()
}

/// Children of the child `tag`, none if there is no such child.
pub(crate) fn grandchildren<'a>(node: &'a Node, tag: &str) -> &'a [Node] {
    child(node, tag).map(children).unwrap_or_default()
}

/// The content as bytes, whichever way it was written.
pub(crate) fn bytes(node: &Node) -> Vec<u8> {
    match &node.content {
        Some(NodeContent::Bytes(b)) => b.to_vec(),
        Some(NodeContent::String(s)) => s.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

/// The content as text.
pub(crate) fn text(node: &Node) -> String {
    String::from_utf8_lossy(&bytes(node)).into_owned()
}

/// A big-endian number of up to four bytes.
pub(crate) fn be_number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, b| (n << 8) | u32::from(*b))
}

/// A node with bytes inside.
pub(crate) fn leaf(tag: &'static str, content: impl Into<Vec<u8>>) -> Node {
    NodeBuilder::new(tag).bytes(content.into()).build()
}

/// A node with neither attributes nor content.
pub(crate) fn empty(tag: &'static str) -> Node {
    NodeBuilder::new(tag).build()
}

/// The positive answer to an IQ.
pub(crate) fn iq_result(request: &Node, content: Vec<Node>) -> Node {
    let answer = NodeBuilder::new("iq")
        .attr("from", jid_attr(request, "to").unwrap_or_else(server_jid))
        .attr("id", attr(request, "id"))
        .attr("type", "result");
    if content.is_empty() {
        answer.build()
    } else {
        answer.children(content).build()
    }
}

/// The negative answer to an IQ.
pub(crate) fn iq_error(request: &Node, code: u32, text: &'static str) -> Node {
    NodeBuilder::new("iq")
        .attr("from", jid_attr(request, "to").unwrap_or_else(server_jid))
        .attr("id", attr(request, "id"))
        .attr("type", "error")
        .children([NodeBuilder::new("error")
            .attr("code", code)
            .attr("text", text)
            .build()])
        .build()
}

/// A node shortened for a log line.
pub(crate) fn brief(node: &Node) -> String {
    const MAX_CHARS: usize = 400;
    format!("{node:?}").chars().take(MAX_CHARS).collect()
}
