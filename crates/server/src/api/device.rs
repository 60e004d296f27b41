//! `/accounts/{id}/device`, `/recover` and `/restore`: the linked device, and bringing it back.

use super::AppState;
use super::accounts::{AccountView, now, own_account};
use super::extract::Id;
use super::ports::Device;
use super::problem::ApiResult;
use super::shape::iso_or_null;
use crate::auth::caller::May;
use crate::auth::scope::need::{AccountsRead, AccountsWrite};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{AccountId, Reason, Timestamp};
use waypost_store::{Page, Store, StoreError};
use waypost_wa::KeysError;

/// Changes of state read at a time, when the newest link is looked for.
const CHANGES: u16 = 200;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(recover))
        .routes(routes!(restore))
}

/// The device that an account is linked as.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LinkedDevice)]
struct DeviceView {
    session: SessionView,
    /// Its address by number, with the device; null when none is linked.
    #[schema(example = "971505760056:5@s.whatsapp.net")]
    address: Option<String>,
    /// Its address by LID, with the device.
    lid: Option<String>,
    /// Its number among the account's devices; the phone is 0.
    #[schema(example = 5)]
    device: Option<u16>,
    /// What the phone shows it as, in its list of linked devices.
    #[schema(example = "Waypost")]
    shown_as: Option<String>,
    /// The kind of device that the phone takes it for.
    #[schema(example = "Chrome")]
    platform: Option<String>,
    /// What the account calls itself on WhatsApp, when that is known.
    push_name: Option<String>,
    /// The id that other devices know its registration by.
    registration_id: Option<u32>,
    /// The version of WhatsApp Web that it says it is.
    #[schema(example = "2.3000.1012345678")]
    version: Option<String>,
    /// When it was linked, or taken over from another client; null when that is longer ago than the
    /// history of the account reaches.
    #[schema(format = DateTime)]
    linked_at: Option<String>,
    /// When WhatsApp was last heard on the connection that is up.
    #[schema(format = DateTime)]
    last_seen_at: Option<String>,
    /// When the account's phone was last seen.
    #[schema(format = DateTime)]
    phone_seen_at: Option<String>,
    /// When WhatsApp unlinks the device if the phone is not seen until then.
    #[schema(format = DateTime)]
    phone_limit_at: Option<String>,
}

/// Whether the stored session can be used. Every value of it was read and its seal checked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoredSession)]
struct SessionView {
    state: SessionText,
    /// One sentence, with what to do next where there is something to do.
    text: String,
    /// Ratchets with other people's devices.
    conversations: usize,
    /// Keys of groups.
    group_keys: usize,
    /// One-time keys that others may use to write first.
    one_time_keys: usize,
}

/// Whether a stored session can be used: it can, there is none, it does not fit together, or it
/// cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StoredSessionState)]
enum SessionText {
    Valid,
    Missing,
    Damaged,
    Unreadable,
}

impl SessionText {
    fn explain(self, what: &str) -> String {
        match self {
            Self::Valid => "The session is whole.".to_owned(),
            Self::Missing => "No device is linked; link this account.".to_owned(),
            Self::Damaged => {
                format!("The session does not fit together ({what}); link this account again.")
            }
            Self::Unreadable => format!(
                "The session cannot be read ({what}); put a backup back, or link this account again."
            ),
        }
    }
}

/// What there is to say of a session before and beside its device.
fn session(stored: &Result<Option<Device>, KeysError>) -> SessionView {
    let device = stored.as_ref().ok().and_then(Option::as_ref);
    let (state, what) = match stored {
        Ok(Some(device)) if device.stored.faults.is_empty() => (SessionText::Valid, String::new()),
        Ok(Some(device)) => (SessionText::Damaged, device.stored.faults.join("; ")),
        Ok(None) => (SessionText::Missing, String::new()),
        Err(error) => (SessionText::Unreadable, error.to_string()),
    };
    SessionView {
        state,
        text: state.explain(&what),
        conversations: device.map_or(0, |device| device.stored.sessions),
        group_keys: device.map_or(0, |device| device.stored.group_keys),
        one_time_keys: device.map_or(0, |device| device.stored.one_time_keys),
    }
}

/// When the account was last linked, as far as its history reaches.
async fn linked_at(store: &Store, account: AccountId) -> Result<Option<Timestamp>, StoreError> {
    let mut page = Page::first(CHANGES);
    loop {
        let changes = store.account_history(account, page).await?;
        let linked = changes.items.iter().find(|c| c.reason == Reason::Linked);
        if let Some(change) = linked {
            return Ok(Some(change.at));
        }
        let Some(next) = changes.next else {
            return Ok(None);
        };
        page = Page {
            limit: CHANGES,
            cursor: Some(next),
        };
    }
}

async fn view(state: &AppState, id: AccountId) -> ApiResult<DeviceView> {
    let read = state.fleet().device(id).await;
    let session = session(&read);
    let known = state.fleet().condition(id).liveness;
    let device = read.ok().flatten();
    let linked = match &device {
        Some(_) => linked_at(state.store(), id).await?,
        None => None,
    };
    let stored = device.as_ref().map(|device| &device.stored);
    Ok(DeviceView {
        session,
        address: stored.map(|stored| stored.address.clone()),
        lid: stored.and_then(|stored| stored.lid.clone()),
        device: stored.map(|stored| stored.device),
        shown_as: device.as_ref().map(|device| device.shown_as.clone()),
        platform: stored.map(|_| waypost_wa::PLATFORM.to_owned()),
        push_name: stored
            .map(|stored| stored.push_name.clone())
            .filter(|name| !name.is_empty()),
        registration_id: stored.map(|stored| stored.registration_id),
        version: stored.map(|stored| {
            let (first, second, third) = stored.version;
            format!("{first}.{second}.{third}")
        }),
        linked_at: iso_or_null(linked),
        last_seen_at: iso_or_null(known.heard_at),
        phone_seen_at: iso_or_null(known.phone_at),
        phone_limit_at: iso_or_null(known.phone_limit_at),
    })
}

/// The device that an account is linked as, and whether its stored session can be used.
#[utoipa::path(get, path = "/accounts/{id}/device", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = DeviceView)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<DeviceView>> {
    own_account(&state, &caller, id).await?;
    Ok(Json(view(&state, id).await?))
}

/// Tries at once what the recovery ladder would try next; a connection that is up is asked for proof
/// that it lives, and replaced when it gives none.
#[utoipa::path(post, path = "/accounts/{id}/recover", tag = "accounts",
    params(("id" = String, Path)), responses((status = 200, body = AccountView)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn recover(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<AccountView>> {
    own_account(&state, &caller, id).await?;
    state.fleet().recover(id).await?;
    now(&state, &caller, id).await
}

/// Reads the session anew from the database, checks it, and connects with it. Nothing is taken from
/// a backup.
#[utoipa::path(post, path = "/accounts/{id}/restore", tag = "accounts",
    params(("id" = String, Path)), responses((status = 200, body = AccountView)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn restore(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<AccountView>> {
    own_account(&state, &caller, id).await?;
    let checked = session(&state.fleet().device(id).await);
    if checked.state != SessionText::Valid {
        return Err(super::ports::FleetError::WrongState(checked.text).into());
    }
    state.fleet().restore(id).await?;
    now(&state, &caller, id).await
}
