//! An account's proxy, in words.

use super::account::or_never;
use super::output::{printable, text};
use serde_json::Value;

/// Which way an account goes.
pub(super) fn shown(account: &Value) -> String {
    match account["proxy"].as_str() {
        Some(proxy) => format!(
            "{} goes through {proxy}.\n{}",
            printable(text(account, "/name")),
            known(account),
        ),
        None => format!("{} has no proxy.", printable(text(account, "/name"))),
    }
}

/// What is known of an account's proxy, in a line.
fn known(account: &Value) -> String {
    let at = |pointer: &str| or_never(account, pointer);
    let why = printable(text(account, "/proxy_state/reason/text"));
    match text(account, "/proxy_state/state") {
        "works" => format!(
            "proxy: works, as of {}; tried next: {}",
            at("/proxy_state/checked_at"),
            at("/proxy_state/next_check_at"),
        ),
        "doubtful" => format!(
            "proxy: failed once, tried again: {}\n{why}",
            at("/proxy_state/next_check_at"),
        ),
        "failing" => format!(
            "proxy: gives no way since {}, tried again: {}\n{why}",
            at("/proxy_state/failing_since"),
            at("/proxy_state/next_check_at"),
        ),
        _ => "proxy: not tried yet".into(),
    }
}

/// What came of trying a proxy.
pub(super) fn checked(checked: &Value) -> String {
    match checked["error"].as_str() {
        Some(error) => printable(error),
        None => format!(
            "The proxy gives a way to WhatsApp ({} ms).",
            checked["took_ms"]
        ),
    }
}

/// What is known of the account's proxy, in a line of its own; nothing without one.
pub(super) fn line(account: &Value) -> String {
    if account["proxy_state"].is_null() {
        return String::new();
    }
    format!("\n{}", known(account))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_proxy_is_told_with_what_is_known_of_it() {
        let account =
            |state: Value| json!({"name": "Sales", "proxy": "http://p:1", "proxy_state": state});
        assert_eq!(line(&account(Value::Null)), "");
        assert_eq!(
            line(&account(json!({"state": "unknown"}))),
            "\nproxy: not tried yet"
        );
        let works = json!({"state": "works", "checked_at": "09:00", "next_check_at": "09:10"});
        assert_eq!(
            shown(&account(works)),
            "Sales goes through http://p:1.\nproxy: works, as of 09:00; tried next: 09:10"
        );
        let reason = json!({"code": "proxy_unreachable", "text": "It gives no way."});
        for (state, said) in [
            ("doubtful", "failed once, tried again: 09:01"),
            ("failing", "gives no way since 08:59, tried again: 09:01"),
        ] {
            let known = json!({
                "state": state, "reason": reason, "failing_since": "08:59", "next_check_at": "09:01",
            });
            let expected = format!("\nproxy: {said}\nIt gives no way.");
            assert_eq!(line(&account(known)), expected);
        }
    }
}
