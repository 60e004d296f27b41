//! The settings file, as people write it.

use crate::server::config::{Config, ConfigError};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Config::from_toml(text) {
        Ok(config) => {
            let beyond = !config.server.listen.ip().is_loopback();
            assert!(
                !beyond || config.server.allow_remote,
                "open to others without being told to be"
            );
            let kept =
                serde_json::to_string(&config).map(|json| serde_json::from_str::<Config>(&json));
            assert!(
                matches!(kept, Ok(Ok(again)) if config == again),
                "{config:?}"
            );
        }
        Err(ConfigError::Key {
            origin, problem, ..
        }) => {
            assert!(!origin.is_empty() && !problem.is_empty());
        }
        Err(error) => panic!("a text is no file: {error}"),
    }
}
