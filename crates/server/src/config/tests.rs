use super::*;
use waypost_engine::fleet::gaps::GapsConfig;
use waypost_engine::fleet::proxy_watch::ProxyWatchConfig;
use waypost_engine::fleet::{ConnectConfig, LivenessConfig};

fn refusal(text: &str) -> String {
    Config::from_toml(text).map_or_else(|e| e.to_string(), |_| "accepted".into())
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(Config::from_toml("").unwrap(), Config::default());
}

#[test]
fn the_defaults_are_the_engines() {
    let config = Config::default();
    assert_eq!(config.liveness.timings(), LivenessConfig::default());
    assert_eq!(config.recovery.patience(), ConnectConfig::default());
    assert_eq!(config.gaps.waits(), GapsConfig::default());
    assert_eq!(config.proxies.waits(), ProxyWatchConfig::default());
}

#[test]
fn the_documented_file_lists_every_key_with_its_default() {
    let documented = include_str!("../../../../docs/waypost.toml");
    assert_eq!(Config::from_toml(documented).unwrap(), Config::default());
    let shown: toml::Table = documented
        .lines()
        .map(uncomment)
        .collect::<String>()
        .parse()
        .unwrap();
    let all = toml::Table::try_from(Config::default()).unwrap();
    all_shown(&shown, &all, "");
}

fn all_shown(shown: &toml::Table, all: &toml::Table, within: &str) {
    for (key, value) in all {
        let name = format!("{within}{key}");
        let found = shown.get(key);
        assert!(found.is_some(), "{name} is not documented");
        if let (Some(found), Some(keys)) = (found.and_then(toml::Value::as_table), value.as_table())
        {
            all_shown(found, keys, &format!("{name}."));
        }
    }
}

/// Optional keys stand in the documented file as `#key = value`.
fn uncomment(line: &str) -> String {
    let bare = line
        .strip_prefix('#')
        .filter(|l| !l.starts_with(' '))
        .unwrap_or(line);
    format!("{bare}\n")
}

#[test]
fn a_mistake_is_named_with_its_key() {
    let check = |text: &str, parts: &[&str]| {
        let said = refusal(text);
        for part in parts {
            assert!(
                said.contains(part),
                "{text:?} was answered with {said:?}, without {part:?}"
            );
        }
    };
    check(
        "[server]\nlisten_on = 3",
        &["server.listen_on", "no such setting"],
    );
    check("[link]\nwindow_s = \"long\"", &["link.window_s"]);
    check("[link]\nwindow_s = 500", &["link.window_s", "10 to 160"]);
    check(
        "[whatsapp]\nversion = \"new\"",
        &["whatsapp.version", "2.3000"],
    );
    check(
        "[webhooks]\nallow_private = [\"everything\"]",
        &["webhooks.allow_private"],
    );
    check(
        "[server]\nlisten = \"0.0.0.0:80\"",
        &["server.listen", "allow_remote"],
    );
    check(
        "[pipeline]\noff = [\"sentimental\"]",
        &["pipeline.off", "sentimental", "sentiment,"],
    );
    check(
        "[pipeline]\noff = [\"ordering\"]",
        &["pipeline.off", "always runs"],
    );
    check(
        "[insight.llm]\nprovider = \"openai\"",
        &["insight.llm.model", "name the model"],
    );
    check(
        "[insight.llm]\ntimeout_ms = 60000",
        &["insight.llm.timeout_ms", "100 to 30000"],
    );
    check(
        "[insight.llm]\nprovider = \"oracle\"",
        &["insight.llm.provider"],
    );
    check(
        "[store]\nurl = \"mysql://db/waypost\"",
        &["store.url", "postgres://"],
    );
}

#[test]
fn settings_are_printed_without_the_databases_password() {
    let text = "[store]\nurl = \"postgres://ana:hunter2@db/waypost\"";
    let config = Config::from_toml(text).unwrap();
    let printed = format!("{config:?} {}", toml::to_string(&config).unwrap());
    assert!(printed.contains("postgres://db:5432/waypost"), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");
    let said = refusal(&text.replace("db/waypost", "db:x/waypost"));
    assert!(
        said.contains("store.url") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn listening_elsewhere_needs_a_second_word() {
    let text = "[server]\nlisten = \"0.0.0.0:80\"\nallow_remote = true";
    assert_eq!(refusal(text), "accepted");
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let said = Config::load(Some(Path::new("nowhere.toml")))
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("nowhere.toml") && said.contains("--config"),
        "{said}"
    );
}
