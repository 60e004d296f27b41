//! `waypost status`, `device` and `stats`: what is, and what went through.

use super::account::chosen;
use super::client::Client;
use super::output::{Output, printable, table, text};
use anyhow::Result;
use clap::Args;
use serde_json::Value;

/// Options of `waypost device`.
#[derive(Debug, Args)]
pub(super) struct DeviceArgs {
    /// Name, phone number or id of the account; asks when nobody is named.
    #[arg(value_name = "ACCOUNT")]
    who: Option<String>,
}

/// Options of `waypost stats`.
#[derive(Debug, Args)]
pub(super) struct StatsArgs {
    /// Only this account, by name, phone number or id.
    #[arg(value_name = "ACCOUNT")]
    who: Option<String>,
    /// The last so many hours, up to 720.
    #[arg(long, default_value_t = 24, value_name = "HOURS")]
    hours: u16,
}

pub(super) async fn status(client: &Client, output: Output) -> Result<()> {
    output.show(&client.get("/status").await?, described_status)
}

pub(super) async fn device(args: DeviceArgs, client: &Client, output: Output) -> Result<()> {
    let account = chosen(client, args.who, "show the device of", output).await?;
    let path = format!("/accounts/{}/device", text(&account, "/id"));
    let name = printable(text(&account, "/name"));
    output.show(&client.get(&path).await?, |device| described(&name, device))
}

pub(super) async fn stats(args: StatsArgs, client: &Client, output: Output) -> Result<()> {
    let hours = args.hours;
    let Some(who) = args.who else {
        let all = client.get(&format!("/stats?hours={hours}")).await?;
        return output.show(&all, |all| overview(all, hours));
    };
    let account = client.pick(&who).await?;
    let path = format!("/accounts/{}/stats?hours={hours}", text(&account, "/id"));
    let name = printable(text(&account, "/name"));
    output.show(&client.get(&path).await?, |stats| {
        let rows = [row(&name, stats)];
        format!("{}{}", lines(hours, &rows), links(stats))
    })
}

fn described_status(status: &Value) -> String {
    let accounts = status["accounts"].as_object();
    let counted: Vec<String> = accounts
        .into_iter()
        .flatten()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let accounts = if counted.is_empty() {
        "none yet; make one with `waypost link NAME`".to_owned()
    } else {
        counted.join(", ")
    };
    let queues = status["queues"].as_object();
    let queues: Vec<String> = queues
        .into_iter()
        .flatten()
        .map(|(queue, count)| format!("{}: {count}", queue.replace('_', " ")))
        .collect();
    format!(
        "Waypost {}, up for {} s\naccounts: {accounts}\n{}",
        text(status, "/version"),
        status["uptime_s"],
        queues.join("\n")
    )
}

fn described(name: &str, device: &Value) -> String {
    let session = format!("{name}\nsession: {}", text(device, "/session/text"));
    if device["address"].is_null() {
        return session;
    }
    let known = |pointer: &str| match text(device, pointer) {
        "" => "not known".to_owned(),
        value => printable(value),
    };
    format!(
        "{session}\naddress: {}\nLID: {}\ndevice: {} of the account, shown on the phone as {} ({})\n\
         version: {}\nlinked since: {}\nlast heard: {}\nphone last seen: {}\n\
         unlinked by WhatsApp if the phone stays away until: {}\n\
         holds: {} ratchets, {} keys of groups, {} one-time keys",
        known("/address"),
        known("/lid"),
        device["device"],
        known("/shown_as"),
        known("/platform"),
        known("/version"),
        known("/linked_at"),
        known("/last_seen_at"),
        known("/phone_seen_at"),
        known("/phone_limit_at"),
        device["session"]["conversations"],
        device["session"]["group_keys"],
        device["session"]["one_time_keys"],
    )
}

const HEADER: [&str; 10] = [
    "name",
    "received",
    "sent",
    "elsewhere",
    "failed",
    "waiting",
    "dead letters",
    "handled",
    "accepted",
    "delivered",
];

fn row(name: &str, stats: &Value) -> Vec<String> {
    let number = |field: &str| stats[field].to_string();
    let times = |field: &str| match (&stats[field]["median_ms"], &stats[field]["p95_ms"]) {
        (Value::Null, _) => "-".to_owned(),
        (median, p95) => format!("{median}/{p95} ms"),
    };
    vec![
        printable(name),
        number("received"),
        number("sent"),
        number("sent_elsewhere"),
        number("failed"),
        number("waiting"),
        number("dead_letters"),
        times("handled"),
        times("accepted"),
        times("delivered"),
    ]
}

fn lines(hours: u16, rows: &[Vec<String>]) -> String {
    format!(
        "The last {hours} hours; times are the median and what 95 % keep within.\n{}",
        table(&HEADER, rows)
    )
}

fn links(stats: &Value) -> String {
    let links = stats["links"].as_object();
    let counted: Vec<String> = links
        .into_iter()
        .flatten()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    if counted.is_empty() {
        return String::new();
    }
    format!("\nattempts to link: {}", counted.join(", "))
}

fn overview(all: &Value, hours: u16) -> String {
    let mut rows: Vec<Vec<String>> = all["accounts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|account| row(text(account, "/name"), account))
        .collect();
    rows.push(row("all", &all["total"]));
    format!("{}{}", lines(hours, &rows), links(&all["total"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_are_shown_for_each_account_and_all() {
        let traffic = json!({
            "name": "Office", "received": 3, "sent": 2, "sent_elsewhere": 0, "failed": 1,
            "waiting": 0, "dead_letters": 0,
            "handled": {"median_ms": 4, "p95_ms": 9}, "accepted": {"median_ms": null},
            "delivered": {"median_ms": null}, "links": {"linked": 2},
        });
        let shown = overview(&json!({"accounts": [traffic], "total": traffic}), 24);
        assert!(
            shown.contains("Office") && shown.contains("4/9 ms"),
            "{shown}"
        );
        assert!(shown.ends_with("attempts to link: 2 linked"), "{shown}");
        assert_eq!(shown.lines().count(), 5, "{shown}");
    }

    #[test]
    fn a_device_that_is_not_there_is_said_to_be_missing() {
        let device = json!({"address": null, "session": {"text": "No device is linked."}});
        assert_eq!(
            described("Office", &device),
            "Office\nsession: No device is linked."
        );
    }
}
