//! `/accounts`: the WhatsApp numbers that Waypost operates.

use super::AppState;
use super::condition::{self, LivenessView, RecoveryView, explain};
use super::extract::{Body, Id, Params, line, page};
use super::health::{self, Summary};
use super::phone;
use super::problem::{ApiError, ApiResult};
use super::proxies::{self, ProxyStateView};
use super::shape::{Explained, List, PageParams, iso_or_null, shown};
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{AccountsRead, AccountsWrite};
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::account::{Account, Role};
use waypost_engine::model::{AccountId, AccountState, StateChange};
use waypost_store::accounts::{ACCOUNT_NAME_MAX, AccountPatch, NewAccount, PRIORITY_DEFAULT};
use waypost_store::admin::counts::AccountQueues;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(history))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(reconnect))
        .routes(routes!(unlink))
}

/// An account.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountView {
    #[schema(example = "acc_0C3M5V7K2QH8J")]
    id: String,
    /// What people call it.
    name: String,
    /// Its phone number, when known.
    #[schema(example = "+971505760056")]
    phone: Option<String>,
    /// Its LID, once linked.
    lid: Option<String>,
    role: RoleText,
    /// Lower goes first.
    priority: u16,
    state: StateText,
    /// Why it is in that state.
    reason: Explained,
    #[schema(format = DateTime)]
    state_since: String,
    /// When the next connection attempt starts, while waiting for one.
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
    /// How it is being brought back; null when nothing is wrong.
    recovery: Option<RecoveryView>,
    liveness: LivenessView,
    /// How well it does; null until that was computed for the first time.
    health: Option<Summary>,
    #[schema(format = DateTime)]
    created_at: String,
    /// The proxy that all its traffic goes through, without the password.
    #[schema(example = "socks5://user:***@proxy.example.com:1080")]
    proxy: Option<String>,
    /// What is known of that proxy; null without one.
    proxy_state: Option<ProxyStateView>,
    counts: AccountCounts,
}

/// What piles up at an account.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(super) struct AccountCounts {
    /// Sends not yet accepted by WhatsApp.
    waiting_to_send: i64,
    /// Received messages not yet processed.
    unfinished: i64,
    /// Messages that are known to be missing.
    missing: i64,
}

/// The part an account plays among others.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccountRole)]
enum RoleText {
    #[serde(alias = "master")]
    Primary,
    #[serde(alias = "servant")]
    Secondary,
}

/// The state of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccountState)]
enum StateText {
    New,
    Linking,
    Connecting,
    Online,
    Degraded,
    Recovering,
    NeedsAttention,
    LoggedOut,
    Banned,
    Disabled,
}

/// One change of an account's state.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StateChange)]
pub(super) struct ChangeView {
    from: StateText,
    to: StateText,
    reason: Explained,
    #[schema(format = DateTime)]
    at: String,
}

/// An account to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountToCreate {
    /// What to call it; unique.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Its phone number with country code; needed for pairing codes.
    #[schema(example = "+971505760056")]
    phone: Option<String>,
}

/// What to change about an account; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    role: Option<RoleText>,
    #[schema(maximum = 65535)]
    priority: Option<u16>,
    /// The proxy that all its traffic shall go through, with its user and password, each
    /// percent-encoded; null takes it away. Never shown again with the password.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 1024, example = "socks5://user:password@proxy.example.com:1080")]
    proxy: Option<Option<String>>,
}

/// Tells null from absent.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl From<Role> for RoleText {
    fn from(role: Role) -> Self {
        match role {
            Role::Primary => Self::Primary,
            Role::Secondary => Self::Secondary,
        }
    }
}

impl From<RoleText> for Role {
    fn from(role: RoleText) -> Self {
        match role {
            RoleText::Primary => Self::Primary,
            RoleText::Secondary => Self::Secondary,
        }
    }
}

impl From<AccountState> for StateText {
    fn from(state: AccountState) -> Self {
        match state {
            AccountState::New => Self::New,
            AccountState::Linking => Self::Linking,
            AccountState::Connecting => Self::Connecting,
            AccountState::Online => Self::Online,
            AccountState::Degraded => Self::Degraded,
            AccountState::Recovering => Self::Recovering,
            AccountState::NeedsAttention => Self::NeedsAttention,
            AccountState::LoggedOut => Self::LoggedOut,
            AccountState::Banned => Self::Banned,
            AccountState::Disabled => Self::Disabled,
        }
    }
}

/// An account of the caller's workspace; anybody else's does not exist for them.
pub(super) async fn own_account(
    state: &AppState,
    caller: &Caller,
    id: AccountId,
) -> ApiResult<Account> {
    let account = state.store().account(id).await?;
    if account.workspace == caller.workspace() {
        return Ok(account);
    }
    Err(ApiError::not_found("account"))
}

/// What piles up at each account of a workspace; accounts with nothing waiting are left out.
type Waiting = BTreeMap<AccountId, AccountQueues>;

async fn view(state: &AppState, account: Account) -> ApiResult<AccountView> {
    let waiting = state.store().account_queues(account.workspace).await?;
    Ok(view_with(state, account, &waiting))
}

fn view_with(state: &AppState, account: Account, waiting: &Waiting) -> AccountView {
    let queues = waiting.get(&account.id).copied().unwrap_or_default();
    let (recovery, liveness) = condition::shown(&state.fleet().condition(account.id));
    AccountView {
        id: account.id.to_string(),
        name: account.name,
        phone: account.phone.as_ref().map(shown),
        lid: account.lid.as_ref().map(shown),
        role: account.role.into(),
        priority: account.priority,
        state: account.state.into(),
        reason: explain(&account.reason),
        state_since: iso(account.state_at),
        next_attempt_at: iso_or_null(state.fleet().next_attempt(account.id)),
        recovery,
        liveness,
        health: health::summary(state, account.id),
        created_at: iso(account.created_at),
        proxy: state
            .fleet()
            .proxy(account.id)
            .map(|proxy| proxy.to_string()),
        proxy_state: state.fleet().proxy_state(account.id).map(Into::into),
        counts: AccountCounts {
            waiting_to_send: queues.sends_waiting,
            unfinished: queues.unfinished,
            missing: queues.missing,
        },
    }
}

/// All accounts.
#[utoipa::path(get, path = "/accounts", tag = "accounts", params(PageParams),
    responses((status = 200, body = List<AccountView>)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<AccountView>>> {
    let page = page(params.limit, params.cursor)?;
    let all = state.store().accounts(caller.workspace()).await?;
    let mut shown = List {
        items: Vec::new(),
        next: None,
    };
    let after: Option<AccountId> =
        page.cursor
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|_| {
                ApiError::invalid(
                    "cursor",
                    "This cursor is not one of this list; start without it",
                )
            })?;
    let waiting = state.store().account_queues(caller.workspace()).await?;
    let mut sorted = all;
    sorted.sort_by_key(|account| account.id);
    for account in sorted
        .into_iter()
        .filter(|a| after.is_none_or(|after| a.id > after))
    {
        if shown.items.len() == usize::from(page.limit) {
            shown.next = shown.items.last().map(|last: &AccountView| last.id.clone());
            break;
        }
        shown.items.push(view_with(&state, account, &waiting));
    }
    Ok(Json(shown))
}

/// Creates an account; link it next.
#[utoipa::path(post, path = "/accounts", tag = "accounts", request_body = AccountToCreate,
    responses((status = 201, body = AccountView)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn create(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Body(wanted): Body<AccountToCreate>,
) -> ApiResult<(StatusCode, Json<AccountView>)> {
    let new = NewAccount {
        workspace: caller.workspace(),
        name: line("name", &wanted.name, ACCOUNT_NAME_MAX)?,
        phone: wanted
            .phone
            .as_deref()
            .map(|p| phone::parse("phone", p))
            .transpose()?,
        role: Role::default(),
        priority: PRIORITY_DEFAULT,
        now: clock::now(),
    };
    let account = state.store().create_account(new).await?;
    state.fleet().account_added(account.id).await;
    Ok((StatusCode::CREATED, Json(view(&state, account).await?)))
}

/// One account.
#[utoipa::path(get, path = "/accounts/{id}", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = AccountView)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<AccountView>> {
    let account = own_account(&state, &caller, id).await?;
    Ok(Json(view(&state, account).await?))
}

/// Changes name, role, priority or proxy. With a new proxy the account connects anew.
#[utoipa::path(patch, path = "/accounts/{id}", tag = "accounts", params(("id" = String, Path)),
    request_body = AccountChange, responses((status = 200, body = AccountView)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn change(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
    Body(wanted): Body<AccountChange>,
) -> ApiResult<Json<AccountView>> {
    own_account(&state, &caller, id).await?;
    let name = wanted
        .name
        .as_deref()
        .map(|n| line("name", n, ACCOUNT_NAME_MAX))
        .transpose()?;
    let proxy = wanted.proxy.map(proxies::typed).transpose()?;
    let patch = AccountPatch {
        name,
        role: wanted.role.map(Into::into),
        priority: wanted.priority,
    };
    let account = state.store().update_account(id, patch).await?;
    let Some(proxy) = proxy else {
        return Ok(Json(view(&state, account).await?));
    };
    state.fleet().set_proxy(id, proxy).await?;
    now(&state, &caller, id).await
}

/// Deletes an account with its messages and its session. There is no way back.
#[utoipa::path(delete, path = "/accounts/{id}", tag = "accounts", params(("id" = String, Path)),
    responses((status = 204)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn delete(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<StatusCode> {
    own_account(&state, &caller, id).await?;
    state.fleet().account_removed(id).await;
    state.store().delete_account(id, clock::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The changes of an account's state, newest first.
#[utoipa::path(get, path = "/accounts/{id}/history", tag = "accounts",
    params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<ChangeView>)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn history(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Id(id): Id<AccountId>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<ChangeView>>> {
    own_account(&state, &caller, id).await?;
    let page = page(params.limit, params.cursor)?;
    let changes = state.store().account_history(id, page).await?;
    Ok(Json(List::of(changes, |change: StateChange| ChangeView {
        from: change.from.into(),
        to: change.to.into(),
        reason: explain(&change.reason),
        at: iso(change.at),
    })))
}

/// The account as it is now.
pub(super) async fn now(
    state: &AppState,
    caller: &Caller,
    id: AccountId,
) -> ApiResult<Json<AccountView>> {
    let account = own_account(state, caller, id).await?;
    Ok(Json(view(state, account).await?))
}

/// Disconnects an account and leaves it off.
#[utoipa::path(post, path = "/accounts/{id}/pause", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = AccountView)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn pause(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<AccountView>> {
    own_account(&state, &caller, id).await?;
    state.fleet().pause(id).await?;
    now(&state, &caller, id).await
}

/// Connects a paused account again.
#[utoipa::path(post, path = "/accounts/{id}/resume", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = AccountView)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn resume(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<AccountView>> {
    own_account(&state, &caller, id).await?;
    state.fleet().resume(id).await?;
    now(&state, &caller, id).await
}

/// Drops the connection and opens a new one.
#[utoipa::path(post, path = "/accounts/{id}/reconnect", tag = "accounts",
    params(("id" = String, Path)), responses((status = 200, body = AccountView)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn reconnect(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<AccountView>> {
    own_account(&state, &caller, id).await?;
    state.fleet().reconnect(id).await?;
    now(&state, &caller, id).await
}

/// Removes this device from the phone's linked devices.
#[utoipa::path(post, path = "/accounts/{id}/unlink", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = AccountView)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn unlink(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<AccountView>> {
    own_account(&state, &caller, id).await?;
    state.fleet().unlink(id).await?;
    now(&state, &caller, id).await
}
