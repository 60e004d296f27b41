//! Instances: an account each.

use super::super::front::{ACCOUNTS_MAX, link_path};
use super::super::inside::Refused;
use super::{Answer, Front, Made, Wanted, hooks, not_here, settings, shape};
use crate::api::AppState;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// The only channel that an instance can have here.
const INTEGRATION: &str = "WHATSAPP-BAILEYS";

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/instance/create", post(create))
        .route("/instance/fetchInstances", get(list))
        .route("/instance/connect/{instance}", get(connect))
        .route("/instance/connectionState/{instance}", get(state))
        .route("/instance/restart/{instance}", post(restart).put(restart))
        .route("/instance/logout/{instance}", delete(logout))
        .route("/instance/delete/{instance}", delete(remove))
}

/// An instance to create.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    instance_name: String,
    integration: Option<String>,
    token: Option<String>,
    number: Option<String>,
    #[serde(default)]
    qrcode: bool,
    webhook: Option<hooks::Wish>,
    proxy_host: Option<String>,
    proxy_port: Option<Value>,
    proxy_protocol: Option<String>,
    proxy_username: Option<String>,
    proxy_password: Option<String>,
    #[serde(flatten)]
    rest: Value,
}

impl Instance {
    /// Refuses what could only be half done, before anything is.
    fn check(&self, key: Option<&str>) -> Result<(), Refused> {
        let integration = self.integration.as_deref().unwrap_or(INTEGRATION);
        if integration != INTEGRATION {
            return Err(not_here(format!(
                "the integration '{integration}' is not supported; use {INTEGRATION}"
            )));
        }
        let token = self.token.as_deref().filter(|token| !token.is_empty());
        if token.is_some() && token != key {
            return Err(not_here(
                "an instance has no key of its own here: leave 'token' out, and call it with an API \
                 key of Waypost",
            ));
        }
        settings::check(&self.rest)?;
        self.webhook.as_ref().map_or(Ok(()), hooks::check)
    }

    /// The proxy that it asks for, as the API takes it.
    fn proxy(&self) -> Result<Option<String>, Refused> {
        let host = self.proxy_host.as_deref().filter(|host| !host.is_empty());
        let Some(host) = host else { return Ok(None) };
        let protocol = self.proxy_protocol.as_deref().unwrap_or("http");
        let port = match &self.proxy_port {
            Some(Value::String(port)) => port.clone(),
            Some(port @ Value::Number(_)) => port.to_string(),
            _ => return Err(not_here("proxyPort is missing")),
        };
        // In addresses a plus is a plus.
        let escaped = |text: &str| super::super::inside::escaped(text).replace('+', "%20");
        let login = match (&self.proxy_username, &self.proxy_password) {
            (Some(user), Some(password)) if !user.is_empty() => {
                format!("{}:{}@", escaped(user), escaped(password))
            }
            _ => String::new(),
        };
        Ok(Some(format!("{protocol}://{login}{host}:{port}")))
    }
}

/// The code on show, in Evolution's shape.
async fn code(front: &Front, account: &Value, field: &str) -> Result<Value, Refused> {
    let link = front.code_on_show(account, field).await?;
    let picture = match link["qr"].is_string() {
        true => {
            let png = BASE64_STANDARD.encode(front.qr_picture(account).await?);
            Some(format!("data:image/png;base64,{png}"))
        }
        false => None,
    };
    let pairing = link["code"].as_str().map(|code| code.replace('-', ""));
    Ok(json!({
        "pairingCode": pairing, "code": link["qr"], "base64": picture,
        "count": link["regeneration"].as_u64().unwrap_or(0) + 1,
    }))
}

/// The first code, or none while WhatsApp takes its time: the instance is there, and can be asked.
async fn first_code(front: &Front, account: &Value) -> Result<Value, Refused> {
    match code(front, account, "qr").await {
        Err(refused) if refused.status == StatusCode::SERVICE_UNAVAILABLE => Ok(Value::Null),
        other => other,
    }
}

async fn create(front: Front, Wanted(wanted): Wanted<Instance>) -> Made {
    let key = front.call.key().map(str::to_owned);
    wanted.check(key.as_deref())?;
    let proxy = wanted.proxy()?;
    let number = wanted.number.as_deref().filter(|number| !number.is_empty());
    let body = json!({"name": wanted.instance_name, "phone": number});
    let made = front.call.post("/accounts", body).await;
    let account = made.map_err(|refused| match refused.status {
        StatusCode::CONFLICT => Refused::new(
            StatusCode::FORBIDDEN,
            format!("This name \"{}\" is already in use.", wanted.instance_name),
        ),
        _ => refused,
    })?;
    if let Some(proxy) = proxy {
        let path = format!("/accounts/{}", account["id"].as_str().unwrap_or_default());
        let set = front.call.patch(&path, json!({"proxy": proxy})).await;
        if let Err(refused) = set {
            // An account without the proxy it was to have would go another way.
            front.call.delete(&path).await?;
            return Err(refused);
        }
    }
    let webhook = wanted.webhook.as_ref().map(hooks::Wish::shown);
    if let Some(wish) = wanted.webhook {
        hooks::replace(&front, &account, wish).await?;
    }
    let qr = if wanted.qrcode {
        front.start(&account).await?;
        first_code(&front, &account).await?
    } else {
        Value::Null
    };
    let account = front.instance(&wanted.instance_name).await?;
    let made = json!({
        "instance": {
            "instanceName": account["name"], "instanceId": account["id"],
            "integration": INTEGRATION, "webhookWaBusiness": null, "accessTokenWaBusiness": "",
            "status": shape::connection(&account["state"]),
        },
        // What opens this instance is what opened the call.
        "hash": key, "webhook": webhook.unwrap_or_else(|| json!({})), "websocket": {},
        "rabbitmq": {}, "nats": {}, "sqs": {}, "settings": settings::shown(), "qrcode": qr,
    });
    Ok((StatusCode::CREATED, Json(made)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    instance_name: Option<String>,
    instance_id: Option<String>,
    number: Option<String>,
}

async fn list(front: Front, Query(which): Query<Which>) -> Answer {
    let all = front.call.all("/accounts", ACCOUNTS_MAX).await?;
    let is = |field: &Value, wanted: &Option<String>| {
        let wanted = wanted.as_deref().filter(|wanted| !wanted.is_empty());
        wanted.is_none_or(|wanted| {
            field
                .as_str()
                .is_some_and(|f| f.trim_start_matches('+') == wanted)
        })
    };
    let found: Vec<Value> = all
        .iter()
        .filter(|account| {
            is(&account["name"], &which.instance_name)
                && is(&account["id"], &which.instance_id)
                && is(&account["phone"], &which.number)
        })
        .map(shape::instance)
        .collect();
    let asked = which.instance_name.or(which.instance_id).or(which.number);
    match asked.filter(|asked| !asked.is_empty()) {
        Some(asked) if found.is_empty() => Err(Refused::not_found(format!(
            "Instance \"{asked}\" not found"
        ))),
        _ => Ok(Json(Value::Array(found))),
    }
}

fn told_state(account: &Value) -> Json<Value> {
    Json(json!({"instance": {
        "instanceName": account["name"], "state": shape::connection(&account["state"]),
    }}))
}

async fn state(front: Front, Path(name): Path<String>) -> Answer {
    Ok(told_state(&front.instance(&name).await?))
}

#[derive(Debug, Deserialize)]
struct Number {
    number: Option<String>,
}

/// The code to link with; a number asks for a pairing code. What is linked is connected.
async fn connect(front: Front, Path(name): Path<String>, Query(asked): Query<Number>) -> Answer {
    let account = front.instance(&name).await?;
    let is_linked = matches!(
        account["state"].as_str(),
        Some("online" | "degraded" | "connecting" | "recovering" | "disabled")
    );
    if is_linked {
        front.start(&account).await?;
        return Ok(told_state(&front.instance(&name).await?));
    }
    let number = asked.number.filter(|number| !number.is_empty());
    let field = if number.is_some() { "code" } else { "qr" };
    let link = front.link(&account).await.unwrap_or_default();
    let is_shown = link[field].is_string();
    let is_coming = link["status"] == "waiting" && number.is_none();
    if !is_shown && !is_coming {
        let body = match number {
            Some(number) => json!({"method": "code", "phone": number}),
            None => json!({"method": "qr"}),
        };
        front.call.post(&link_path(&account), body).await?;
    }
    Ok(Json(code(&front, &account, field).await?))
}

async fn act(front: &Front, account: &Value, action: &str) -> Result<(), Refused> {
    let id = account["id"].as_str().unwrap_or_default();
    let path = format!("/accounts/{id}/{action}");
    front.call.post(&path, json!({})).await.map(drop)
}

fn not_connected(name: &str) -> Refused {
    not_here(format!("The \"{name}\" instance is not connected"))
}

async fn restart(front: Front, Path(name): Path<String>) -> Answer {
    let account = front.instance(&name).await?;
    if shape::connection(&account["state"]) == "close" {
        return Err(not_connected(&name));
    }
    act(&front, &account, "reconnect").await?;
    Ok(told_state(&front.instance(&name).await?))
}

fn success(text: &str) -> Json<Value> {
    Json(json!({"status": "SUCCESS", "error": false, "response": {"message": text}}))
}

async fn logout(front: Front, Path(name): Path<String>) -> Answer {
    let account = front.instance(&name).await?;
    if shape::connection(&account["state"]) == "close" {
        return Err(not_connected(&name));
    }
    act(&front, &account, "unlink").await?;
    Ok(success("Instance logged out"))
}

async fn remove(front: Front, Path(name): Path<String>) -> Answer {
    let account = front.instance(&name).await?;
    // As there, the phone does not list it any longer.
    if shape::connection(&account["state"]) == "open" {
        act(&front, &account, "unlink").await?;
    }
    hooks::clear(&front, &account).await?;
    let id = account["id"].as_str().unwrap_or_default();
    front.call.delete(&format!("/accounts/{id}")).await?;
    Ok(success("Instance deleted"))
}
