//! `/imports`: accounts that move in from another client, without a scan.

use super::AppState;
use super::extract::{json_up_to, line};
use super::phone;
use super::problem::{ApiError, ApiResult};
use super::shape::shown;
use crate::auth::caller::May;
use crate::auth::scope::need::AccountsWrite;
use crate::clock;
use crate::driver::keys::{StoredKeys, stored};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{Account, Address, WorkspaceId};
use waypost_store::accounts::ACCOUNT_NAME_MAX;
use waypost_store::{ImportAccount, ImportInto, NewAccount};
use waypost_wa::import::{self, Brought, LeftOut, Moved, Parts};

/// Largest import, in bytes of JSON; a device with ten thousand sessions has about 30 MB.
const IMPORT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// One import at a time: each holds all its keys in memory, and two of one account would race.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import_sessions))
}

/// Whose sessions these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ImportFormat {
    /// A folder of Baileys: every file by its name, as the JSON in it.
    Baileys,
    /// A database of whatsmeow: its tables by name, each a list of rows with bytes in base64.
    Whatsmeow,
}

/// What another client stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SessionsToImport {
    format: ImportFormat,
    /// What the account is called; the name it has on WhatsApp when absent. Only for one device.
    #[schema(min_length = 1, max_length = 100)]
    account: Option<String>,
    /// Take only the device of this number.
    #[schema(example = "+971505760056")]
    phone: Option<String>,
    /// Only say what would come over; nothing is stored.
    #[serde(default)]
    dry_run: bool,
    /// What is stored, by name.
    #[schema(value_type = Object)]
    parts: Parts,
}

/// What an import found, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
struct ImportReport {
    /// Whether the devices were taken over; false for a dry run.
    imported: bool,
    devices: Vec<ImportedDevice>,
}

/// A linked device that was found.
#[derive(Debug, Serialize, ToSchema)]
struct ImportedDevice {
    #[schema(example = "+971505760056")]
    phone: String,
    lid: Option<String>,
    /// Which of the phone's linked devices it is.
    device: u16,
    push_name: String,
    /// What the account is called here.
    account_name: String,
    /// The account; null while it does not exist.
    account: Option<String>,
    brings: ImportedKeys,
    /// What stays behind, and why.
    left_out: Vec<ImportLeftOut>,
    /// Why it cannot be taken over; null when it can.
    refused: Option<String>,
}

/// How much a device brings.
#[derive(Debug, Serialize, ToSchema)]
struct ImportedKeys {
    /// Ratchets, one for each device of each person.
    sessions: usize,
    /// Identity keys of other people's devices.
    identities: usize,
    /// One-time keys that others may still use to write first.
    one_time_keys: usize,
    /// Group keys, ours and other people's.
    sender_keys: usize,
    /// Keys of the app-state sync.
    sync_keys: usize,
    /// App-state collections that go on from their version.
    sync_collections: usize,
    /// Pairs of phone number and LID.
    address_pairs: usize,
    /// Tokens that let us write to known contacts.
    contact_tokens: usize,
    /// Secrets that decrypt later reactions, edits and votes.
    message_secrets: usize,
}

/// Something that stays behind.
#[derive(Debug, Serialize, ToSchema)]
struct ImportLeftOut {
    what: String,
    count: usize,
    why: String,
}

impl From<Brought> for ImportedKeys {
    fn from(brought: Brought) -> Self {
        Self {
            sessions: brought.sessions,
            identities: brought.identities,
            one_time_keys: brought.one_time_keys,
            sender_keys: brought.sender_keys,
            sync_keys: brought.sync_keys,
            sync_collections: brought.sync_collections,
            address_pairs: brought.address_pairs,
            contact_tokens: brought.contact_tokens,
            message_secrets: brought.message_secrets,
        }
    }
}

impl From<LeftOut> for ImportLeftOut {
    fn from(left: LeftOut) -> Self {
        Self {
            what: left.what,
            count: left.count,
            why: left.why,
        }
    }
}

/// Where a device would go.
struct Plan {
    moved: Moved,
    name: String,
    existing: Option<Account>,
    refused: Option<String>,
}

/// Takes over linked devices of another client, ratchets included, so that nobody scans again.
/// The other client must have stopped for good.
#[utoipa::path(post, path = "/imports", tag = "accounts", request_body = SessionsToImport,
    responses((status = 200, body = ImportReport)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn import_sessions(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    request: Request,
) -> ApiResult<Json<ImportReport>> {
    let Ok(_alone) = ONE_AT_A_TIME.try_lock() else {
        return Err(ApiError::busy(
            "another import is under way; try again when it is done",
        ));
    };
    let wanted: SessionsToImport = json_up_to(request, IMPORT_BYTES_MAX).await?;
    let name = wanted.account.as_deref();
    let name = name.map(|name| line("account", name, ACCOUNT_NAME_MAX));
    let name = name.transpose()?;
    let phone = wanted.phone.as_deref();
    let phone = phone
        .map(|typed| phone::parse("phone", typed))
        .transpose()?;

    let devices = read(wanted.format, &wanted.parts, phone.as_ref()).await?;
    let plans = plan(&state, caller.workspace(), name, devices).await?;
    if wanted.dry_run {
        let devices = plans.into_iter().map(|plan| report(plan, None)).collect();
        return Ok(Json(ImportReport {
            imported: false,
            devices,
        }));
    }
    if let Some(why) = plans.iter().find_map(|plan| plan.refused.clone()) {
        return Err(ApiError::conflict(why));
    }
    let devices = take_over(&state, caller.workspace(), plans).await?;
    Ok(Json(ImportReport {
        imported: true,
        devices,
    }))
}

/// The devices in what was sent, or the one that is wanted.
async fn read(
    format: ImportFormat,
    parts: &Parts,
    only: Option<&Address>,
) -> ApiResult<Vec<Moved>> {
    let read = match format {
        ImportFormat::Baileys => import::baileys(parts).await.map(|device| vec![device]),
        ImportFormat::Whatsmeow => import::whatsmeow(parts).await,
    };
    let unreadable = |error: import::ImportError| {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unreadable_session",
            format!("Nothing was imported, because this cannot be read: {error}"),
        )
        .at(format!("parts.{}", error.place))
    };
    let mut devices = read.map_err(unreadable)?;
    devices.retain(|device| only.is_none_or(|only| *only == device.phone));
    if devices.is_empty() {
        let none = "There is no linked device in it that could be taken over";
        return Err(ApiError::invalid("parts", none));
    }
    Ok(devices)
}

/// Finds the account of each device: the one named, the one with the number, or a new one.
async fn plan(
    state: &AppState,
    workspace: WorkspaceId,
    name: Option<String>,
    devices: Vec<Moved>,
) -> ApiResult<Vec<Plan>> {
    if name.is_some() && devices.len() > 1 {
        let text = "There are several devices; choose one with 'phone', or leave the name out";
        return Err(ApiError::invalid("account", text));
    }
    let accounts = state.store().accounts(workspace).await?;
    let mut taken: BTreeSet<String> = accounts.iter().map(|a| a.name.clone()).collect();
    let mut plans = Vec::with_capacity(devices.len());
    for moved in devices {
        let of_number = |a: &&Account| a.phone.as_ref() == Some(&moved.phone);
        let named = name.as_ref();
        let by_name = accounts.iter().find(|a| Some(&a.name) == named);
        let existing = by_name.or_else(|| accounts.iter().find(of_number)).cloned();
        let refused = why_not(state, &accounts, existing.as_ref(), &moved).await?;
        let name = match (&existing, named) {
            (Some(account), _) => account.name.clone(),
            (None, Some(name)) => name.clone(),
            (None, None) => free_name(&moved, &taken),
        };
        taken.insert(name.clone());
        plans.push(Plan {
            moved,
            name,
            existing,
            refused,
        });
    }
    Ok(plans)
}

/// Why a device cannot go into an account, if so.
async fn why_not(
    state: &AppState,
    accounts: &[Account],
    existing: Option<&Account>,
    moved: &Moved,
) -> ApiResult<Option<String>> {
    let number = shown(&moved.phone);
    if let Some(account) = existing
        && account
            .phone
            .as_ref()
            .is_some_and(|phone| *phone != moved.phone)
    {
        let (name, other) = (&account.name, account.phone.as_ref().map(shown));
        return Ok(Some(format!(
            "the account '{name}' has the number {}, and this device belongs to {number}; choose \
             another name",
            other.unwrap_or_default()
        )));
    }
    let keys = StoredKeys::new(state.store().clone());
    for account in accounts {
        let same = account.phone.as_ref() == Some(&moved.phone)
            || existing.is_some_and(|existing| existing.id == account.id);
        if same && linked(&keys, account).await? {
            return Ok(Some(format!(
                "the account '{}' is linked as {number} already; unlink it first if this session \
                 should take its place",
                account.name
            )));
        }
    }
    Ok(None)
}

async fn linked(keys: &StoredKeys, account: &Account) -> ApiResult<bool> {
    waypost_wa::has_session(keys, account.id)
        .await
        .map_err(ApiError::internal)
}

/// The name on WhatsApp when nobody else has it here, else the number.
fn free_name(moved: &Moved, taken: &BTreeSet<String>) -> String {
    let own = moved.push_name.trim();
    match line("account", own, ACCOUNT_NAME_MAX) {
        Ok(name) if !taken.contains(&name) => name,
        _ => shown(&moved.phone),
    }
}

/// Stores every device in one transaction, with nothing running for its account meanwhile.
async fn take_over(
    state: &AppState,
    workspace: WorkspaceId,
    plans: Vec<Plan>,
) -> ApiResult<Vec<ImportedDevice>> {
    let now = clock::now();
    let existing: Vec<_> = plans.iter().filter_map(|p| p.existing.as_ref()).collect();
    for account in &existing {
        state.fleet().account_removed(account.id).await;
    }
    let accounts = plans.iter().map(|plan| ImportAccount {
        into: match &plan.existing {
            Some(account) => ImportInto::Existing(account.id),
            None => ImportInto::New(NewAccount {
                workspace,
                ..NewAccount::named(plan.name.clone(), now)
            }),
        },
        phone: plan.moved.phone.clone(),
        lid: plan.moved.lid.clone(),
        keys: plan.moved.writes.iter().cloned().map(stored).collect(),
        now,
    });
    let imported = state.store().import_accounts(accounts.collect()).await;
    // Whatever came of it, the accounts that were there run on.
    let running = match &imported {
        Ok(accounts) => accounts.iter().map(|account| account.id).collect(),
        Err(_) => existing
            .iter()
            .map(|account| account.id)
            .collect::<Vec<_>>(),
    };
    for account in running {
        state.fleet().account_added(account).await;
    }
    let imported = imported?;
    let each = plans.into_iter().zip(&imported);
    Ok(each.map(|(plan, a)| report(plan, Some(a))).collect())
}

fn report(plan: Plan, account: Option<&Account>) -> ImportedDevice {
    let account = account.or(plan.existing.as_ref());
    ImportedDevice {
        phone: shown(&plan.moved.phone),
        lid: plan.moved.lid.as_ref().map(shown),
        device: plan.moved.device,
        push_name: plan.moved.push_name,
        account_name: plan.name,
        account: account.map(|account| account.id.to_string()),
        brings: plan.moved.brought.into(),
        left_out: plan.moved.left_out.into_iter().map(Into::into).collect(),
        refused: plan.refused,
    }
}
