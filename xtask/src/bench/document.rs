//! The part of docs/benchmarks.md that is written by the benchmarks.

use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fmt::Write as _;

/// What stands around the figures; the rest of the document is a person's.
const BEGIN: &str = "<!-- figures: written by cargo xtask bench -->";
const END: &str = "<!-- end of figures -->";

/// The document with other figures.
///
/// # Errors
/// When it does not say where they stand.
pub(super) fn replace(old: &str, figures: &str) -> Result<String> {
    let missing = || format!("docs/benchmarks.md has no `{BEGIN}` and `{END}` around its figures");
    let (before, rest) = old.split_once(BEGIN).with_context(missing)?;
    let (_, after) = rest.split_once(END).with_context(missing)?;
    Ok(format!("{before}{BEGIN}\n\n{figures}\n{END}{after}"))
}

/// One benchmark's section, from its result.
///
/// # Errors
/// When the result has another shape.
pub(super) fn section(result: &Value) -> Result<String> {
    let mut out = format!("## {}\n\n", text(result, "/title")?);
    for how in list(result, "/how")? {
        let how = how.as_str().context("a remark is no text")?;
        writeln!(out, "{how}\n")?;
    }
    out.push_str("| | measured | | aim |\n|---|---:|---|---|\n");
    for figure in list(result, "/figures")? {
        writeln!(
            out,
            "| {} | {} | {} | {} |",
            text(figure, "/what")?,
            shown(number(figure, "/value")?),
            text(figure, "/unit")?,
            aim(figure)
        )?;
    }
    writeln!(out, "\n{}", machine(result)?)?;
    Ok(out)
}

fn aim(figure: &Value) -> String {
    let aim = &figure["aim"];
    let (sign, value) = match (aim["at_least"].as_f64(), aim["at_most"].as_f64()) {
        (Some(least), _) => ("≥", least),
        (_, Some(most)) => ("≤", most),
        _ => return String::new(),
    };
    let reached = match figure["reached"].as_bool() {
        Some(true) => "reached",
        _ => "**missed**",
    };
    format!("{sign} {}, {reached}", shown(value))
}

fn machine(result: &Value) -> Result<String> {
    let changed = match result.pointer("/measured/changed").and_then(Value::as_bool) {
        Some(false) => "",
        _ => " with changes not committed",
    };
    Ok(format!(
        "Measured on {} at commit {}{changed}: {}, {} cores, {} MiB of memory, Linux {}, {}, Node {}; \
         it took {} s.",
        text(result, "/measured/date")?,
        text(result, "/measured/commit")?,
        text(result, "/machine/cpu")?,
        number(result, "/machine/cores")?,
        number(result, "/machine/memory_mib")?,
        text(result, "/machine/kernel")?,
        text(result, "/measured/rustc")?,
        text(result, "/measured/node")?,
        number(result, "/took_s")?.round(),
    ))
}

/// Three digits that count, thousands apart.
fn shown(value: f64) -> String {
    let digits = match value.abs() {
        a if a >= 100.0 || a.fract() == 0.0 => 0,
        a if a >= 10.0 => 1,
        a if a >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) && digit.is_ascii_digit() {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.with_context(|| format!("a result has no text at {pointer}"))
}

fn number(value: &Value, pointer: &str) -> Result<f64> {
    let found = value.pointer(pointer).and_then(Value::as_f64);
    found.with_context(|| format!("a result has no number at {pointer}"))
}

fn list<'a>(value: &'a Value, pointer: &str) -> Result<&'a Vec<Value>> {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.with_context(|| format!("a result has no list at {pointer}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result() -> Value {
        json!({
            "title": "Speed", "how": ["Twice."], "took_s": 4.4,
            "figures": [
                {"what": "rate", "value": 12345.6, "unit": "messages/s", "aim": {"at_least": 10000.0}, "reached": true},
                {"what": "ratio", "value": 0.3333, "unit": "", "aim": {"at_least": 0.5}, "reached": false},
                {"what": "size", "value": 7.25, "unit": "MiB"},
            ],
            "machine": {"cores": 2, "memory_mib": 24105, "cpu": "A CPU", "kernel": "6.1"},
            "measured": {"date": "2026-01-02", "commit": "abc", "changed": false, "rustc": "rustc 1", "node": "v20"},
        })
    }

    #[test]
    fn a_section_shows_figures_beside_their_aims_and_what_they_were_measured_on() -> Result<()> {
        let section = section(&result())?;
        assert!(section.contains("| rate | 12,346 | messages/s | ≥ 10,000, reached |"));
        assert!(section.contains("| ratio | 0.333 |  | ≥ 0.500, **missed** |"));
        assert!(section.contains("| size | 7.25 | MiB |  |"));
        assert!(section.contains("on 2026-01-02 at commit abc: A CPU, 2 cores"));
        Ok(())
    }

    #[test]
    fn a_figure_without_its_machine_is_not_shown() {
        let mut result = result();
        result["measured"] = Value::Null;
        assert!(section(&result).is_err());
    }

    #[test]
    fn only_the_figures_are_replaced() -> Result<()> {
        let old = format!("# Title\n{BEGIN}\nold\n{END}\nWhat it means.\n");
        let new = replace(&old, "new\n")?;
        assert!(new.starts_with("# Title\n") && new.ends_with("\nWhat it means.\n"));
        assert!(new.contains("new") && !new.contains("old"));
        assert!(replace("# Title", "new").is_err());
        Ok(())
    }
}
