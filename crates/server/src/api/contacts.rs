//! `/contacts`: people on the other side, and merges of two that turned out to be one.

use super::AppState;
use super::extract::{Body, Id, Params, line, page, search_text};
use super::problem::ApiResult;
use super::shape::{List, PageParams, iso_or_null, shown};
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{ContactsRead, ContactsWrite};
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{AccountId, ContactId};
use waypost_store::admin::contacts::{Alias, Contact, ContactFilter, MergeId, MergeRecord};

/// Longest name of a contact, in characters.
const NAME_CHARS_MAX: usize = 200;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, change))
        .routes(routes!(merges))
        .routes(routes!(undo))
}

/// A person on the other side.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Contact)]
struct ContactView {
    #[schema(example = "ctc_0C3M5V7K2QH8J")]
    id: String,
    /// What to call them.
    title: String,
    /// The name given here.
    name: Option<String>,
    /// What they call themselves.
    push_name: Option<String>,
    phone: Option<String>,
    lid: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// The contact that absorbed this one.
    merged_into: Option<String>,
}

/// A contact with every address it was seen under.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ContactWithAliases {
    #[serde(flatten)]
    contact: ContactView,
    /// Newest first.
    aliases: Vec<AliasView>,
}

/// An address with the time it was theirs.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Alias)]
struct AliasView {
    address: String,
    #[schema(format = DateTime)]
    valid_from: String,
    /// Null while it is theirs.
    #[schema(format = DateTime)]
    valid_to: Option<String>,
}

/// Two contacts that turned out to be one person.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Merge)]
struct MergeView {
    id: String,
    /// Who stayed.
    into: String,
    /// Who was absorbed.
    from: String,
    #[schema(format = DateTime)]
    at: String,
    #[schema(format = DateTime)]
    undone_at: Option<String>,
}

/// Which contacts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only those with this text in a name or number.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Only those this account has a conversation with.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
    /// Most items wanted.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A name for a contact.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContactChange {
    /// Null takes the name away.
    #[schema(max_length = 200)]
    name: Option<String>,
}

fn view(contact: Contact) -> ContactView {
    ContactView {
        id: contact.id.to_string(),
        title: contact.title(),
        phone: contact.phone.as_ref().map(shown),
        lid: contact.lid.as_ref().map(shown),
        created_at: iso(contact.created_at),
        updated_at: iso(contact.updated_at),
        merged_into: contact.merged_into.map(|id| id.to_string()),
        name: contact.name,
        push_name: contact.push_name,
    }
}

fn alias(alias: Alias) -> AliasView {
    AliasView {
        address: shown(&alias.address),
        valid_from: iso(alias.valid_from),
        valid_to: iso_or_null(alias.valid_to),
    }
}

fn merge(merge: MergeRecord) -> MergeView {
    MergeView {
        id: merge.id.to_string(),
        into: merge.into.to_string(),
        from: merge.from.to_string(),
        at: iso(merge.at),
        undone_at: iso_or_null(merge.undone_at),
    }
}

async fn with_aliases(
    state: &AppState,
    caller: &Caller,
    id: ContactId,
) -> ApiResult<Json<ContactWithAliases>> {
    let contact = state.store().contact(caller.workspace(), id).await?;
    let aliases = state.store().aliases(caller.workspace(), id).await?;
    let aliases = aliases.into_iter().map(alias).collect();
    Ok(Json(ContactWithAliases {
        contact: view(contact),
        aliases,
    }))
}

/// Contacts, the newest first.
#[utoipa::path(get, path = "/contacts", tag = "contacts", params(ListParams),
    responses((status = 200, body = List<ContactView>)),
    security(("api_key" = ["contacts:read"]), ("session" = ["contacts:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<ContactsRead>,
    Params(params): Params<ListParams>,
) -> ApiResult<Json<List<ContactView>>> {
    let page = page(params.limit, params.cursor)?;
    let text = search_text(params.search)?;
    let filter = ContactFilter {
        text,
        account: params.account,
    };
    let found = state
        .store()
        .contacts(caller.workspace(), filter, page)
        .await?;
    Ok(Json(List::of(found, view)))
}

/// One contact with its addresses.
#[utoipa::path(get, path = "/contacts/{id}", tag = "contacts", params(("id" = String, Path)),
    responses((status = 200, body = ContactWithAliases)),
    security(("api_key" = ["contacts:read"]), ("session" = ["contacts:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<ContactsRead>,
    Id(id): Id<ContactId>,
) -> ApiResult<Json<ContactWithAliases>> {
    with_aliases(&state, &caller, id).await
}

/// Gives a contact a name, or takes it away.
#[utoipa::path(patch, path = "/contacts/{id}", tag = "contacts", params(("id" = String, Path)),
    request_body = ContactChange, responses((status = 200, body = ContactWithAliases)),
    security(("api_key" = ["contacts:write"]), ("session" = ["contacts:write"])))]
async fn change(
    State(state): State<AppState>,
    caller: May<ContactsWrite>,
    Id(id): Id<ContactId>,
    Body(wanted): Body<ContactChange>,
) -> ApiResult<Json<ContactWithAliases>> {
    let name = wanted
        .name
        .as_deref()
        .map(|n| line("name", n, NAME_CHARS_MAX))
        .transpose()?;
    state
        .store()
        .rename_contact(caller.workspace(), id, name, clock::now())
        .await?;
    with_aliases(&state, &caller, id).await
}

/// Contacts that turned out to be one person, newest first.
#[utoipa::path(get, path = "/contacts/merges", tag = "contacts", params(PageParams),
    responses((status = 200, body = List<MergeView>)),
    security(("api_key" = ["contacts:read"]), ("session" = ["contacts:read"])))]
async fn merges(
    State(state): State<AppState>,
    caller: May<ContactsRead>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<MergeView>>> {
    let page = page(params.limit, params.cursor)?;
    let found = state.store().merges(caller.workspace(), page).await?;
    Ok(Json(List::of(found, merge)))
}

/// Takes a merge back: addresses and messages go where they were.
#[utoipa::path(post, path = "/contacts/merges/{id}/undo", tag = "contacts",
    params(("id" = String, Path)), responses((status = 200, body = MergeView)),
    security(("api_key" = ["contacts:write"]), ("session" = ["contacts:write"])))]
async fn undo(
    State(state): State<AppState>,
    caller: May<ContactsWrite>,
    Id(id): Id<MergeId>,
) -> ApiResult<Json<MergeView>> {
    let undone = state
        .store()
        .undo_merge(caller.workspace(), id, clock::now())
        .await?;
    Ok(Json(merge(undone)))
}
