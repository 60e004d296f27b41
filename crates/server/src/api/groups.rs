//! `/groups`: groups that our accounts are in.
//!
//! A group's id is its conversation's address together with the account: `acc_…:123@g.us`.

use super::AppState;
use super::accounts::own_account;
use super::extract::{Body, Id, Params, line, page};
use super::phone;
use super::ports::GroupInfo;
use super::problem::{ApiError, ApiResult};
use super::shape::{List, shown};
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{GroupsRead, GroupsWrite};
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{AccountId, Address};
use waypost_store::admin::groups::{Group, GroupInfo as Reported, GroupMember, GroupRole, Joined};

/// Longest name of a group, in characters.
const SUBJECT_CHARS_MAX: usize = 100;
/// Most people named in one call.
const MEMBERS_PER_CALL: usize = 256;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(members))
}

/// A group's id in a path.
#[derive(Debug, Clone)]
struct GroupId {
    account: AccountId,
    address: Address,
}

impl FromStr for GroupId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "this is not a group's id; it looks like acc_0C3M5V7K2QH8J:1203@g.us".to_owned();
        let (account, address) = text.split_once(':').ok_or_else(wrong)?;
        let account = account.parse().map_err(|_| wrong())?;
        let address: Address = address.parse().map_err(|_| wrong())?;
        if address.is_group() {
            Ok(Self { account, address })
        } else {
            Err(wrong())
        }
    }
}

/// A group.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Group)]
struct GroupView {
    #[schema(example = "acc_0C3M5V7K2QH8J:120363000000000000@g.us")]
    id: String,
    account: String,
    address: String,
    subject: String,
    description: Option<String>,
    /// False when the account left or was removed.
    joined: bool,
    member_count: i64,
    /// The conversation with it, when anything was said.
    conversation: Option<String>,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A group with its members.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct GroupWithMembers {
    #[serde(flatten)]
    group: GroupView,
    members: Vec<MemberView>,
}

/// Somebody in a group.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = GroupMember)]
struct MemberView {
    address: String,
    role: RoleText,
    contact: Option<String>,
    name: Option<String>,
}

/// What a member may do in a group.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GroupRole)]
enum RoleText {
    Member,
    Admin,
    Owner,
}

/// Which groups.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// The account that is in them; needed when there are several accounts.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
    /// Most items wanted.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A group to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GroupToCreate {
    #[schema(value_type = String)]
    account: AccountId,
    #[schema(min_length = 1, max_length = 100)]
    subject: String,
    /// Numbers or addresses.
    #[schema(min_items = 1, max_items = 256)]
    members: Vec<String>,
}

/// Who comes and who goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberChange {
    /// Numbers or addresses.
    #[serde(default)]
    #[schema(max_items = 256)]
    add: Vec<String>,
    /// Numbers or addresses.
    #[serde(default)]
    #[schema(max_items = 256)]
    remove: Vec<String>,
}

fn view(group: Group) -> GroupView {
    GroupView {
        id: format!("{}:{}", group.account, group.address),
        account: group.account.to_string(),
        address: group.address.to_string(),
        subject: group.subject,
        description: group.description,
        joined: group.joined == Joined::Yes,
        member_count: group.member_count,
        conversation: group.conversation.map(|id| id.to_string()),
        updated_at: iso(group.updated_at),
    }
}

fn member(member: GroupMember) -> MemberView {
    MemberView {
        address: shown(&member.address),
        role: match member.role {
            GroupRole::Member => RoleText::Member,
            GroupRole::Admin => RoleText::Admin,
            GroupRole::Owner => RoleText::Owner,
        },
        contact: member.contact.map(|id| id.to_string()),
        name: member.name,
    }
}

async fn whole(state: &AppState, id: GroupId) -> ApiResult<GroupWithMembers> {
    let group = state.store().group(id.account, id.address.clone()).await?;
    let members = state.store().group_members(id.account, id.address).await?;
    Ok(GroupWithMembers {
        group: view(group),
        members: members.into_iter().map(member).collect(),
    })
}

/// Keeps what WhatsApp said of a group, and shows it.
async fn keep(
    state: &AppState,
    account: AccountId,
    info: GroupInfo,
) -> ApiResult<GroupWithMembers> {
    let role = |admin| {
        if admin {
            GroupRole::Admin
        } else {
            GroupRole::Member
        }
    };
    let reported = Reported {
        account,
        address: info.address.clone(),
        subject: info.subject,
        description: info.description,
        joined: Joined::Yes,
        members: info
            .members
            .into_iter()
            .map(|m| (m.address, role(m.admin)))
            .collect(),
    };
    state.store().put_group(reported, clock::now()).await?;
    whole(
        state,
        GroupId {
            account,
            address: info.address,
        },
    )
    .await
}

fn people(field: &'static str, typed: &[String]) -> ApiResult<Vec<Address>> {
    if typed.len() > MEMBERS_PER_CALL {
        let text = format!("Name at most {MEMBERS_PER_CALL} people in one call");
        return Err(ApiError::invalid(field, text));
    }
    let read = |text: &String| {
        let address = phone::parse_address(field, text)?;
        if address.is_person() {
            return Ok(address);
        }
        Err(ApiError::invalid(field, "Only people can be in a group"))
    };
    typed.iter().map(read).collect()
}

/// The account asked for, or the only one there is.
async fn account_of(
    state: &AppState,
    caller: &Caller,
    id: Option<AccountId>,
) -> ApiResult<Option<AccountId>> {
    if let Some(id) = id {
        let unknown = |_| ApiError::invalid("account", "There is no such account; check the id");
        return Ok(Some(
            own_account(state, caller, id).await.map_err(unknown)?.id,
        ));
    }
    let accounts = state.store().accounts(caller.workspace()).await?;
    match accounts.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.id)),
        _ => Err(ApiError::invalid(
            "account",
            "There are several accounts; say which one's groups",
        )),
    }
}

/// The groups of an account.
#[utoipa::path(get, path = "/groups", tag = "groups", params(ListParams),
    responses((status = 200, body = List<GroupView>)),
    security(("api_key" = ["groups:read"]), ("session" = ["groups:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<GroupsRead>,
    Params(params): Params<ListParams>,
) -> ApiResult<Json<List<GroupView>>> {
    let page = page(params.limit, params.cursor)?;
    let Some(account) = account_of(&state, &caller, params.account).await? else {
        return Ok(Json(List::whole(Vec::new())));
    };
    Ok(Json(List::of(
        state.store().groups(account, page).await?,
        view,
    )))
}

/// Creates a group. The account must be online.
#[utoipa::path(post, path = "/groups", tag = "groups", request_body = GroupToCreate,
    responses((status = 201, body = GroupWithMembers)),
    security(("api_key" = ["groups:write"]), ("session" = ["groups:write"])))]
async fn create(
    State(state): State<AppState>,
    caller: May<GroupsWrite>,
    Body(wanted): Body<GroupToCreate>,
) -> ApiResult<(StatusCode, Json<GroupWithMembers>)> {
    let unknown = |_| ApiError::invalid("account", "There is no such account; check the id");
    let account = own_account(&state, &caller, wanted.account)
        .await
        .map_err(unknown)?
        .id;
    let subject = line("subject", &wanted.subject, SUBJECT_CHARS_MAX)?;
    let members = people("members", &wanted.members)?;
    if members.is_empty() {
        return Err(ApiError::invalid(
            "members",
            "A group needs at least one other person",
        ));
    }
    let info = state
        .fleet()
        .group_create(account, &subject, &members)
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(keep(&state, account, info).await?),
    ))
}

/// One group with its members, as last reported.
#[utoipa::path(get, path = "/groups/{id}", tag = "groups", params(("id" = String, Path)),
    responses((status = 200, body = GroupWithMembers)),
    security(("api_key" = ["groups:read"]), ("session" = ["groups:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<GroupsRead>,
    Id(id): Id<GroupId>,
) -> ApiResult<Json<GroupWithMembers>> {
    own_account(&state, &caller, id.account).await?;
    Ok(Json(whole(&state, id).await?))
}

/// Adds and removes members. The account must be online and an admin of the group.
#[utoipa::path(post, path = "/groups/{id}/members", tag = "groups", params(("id" = String, Path)),
    request_body = MemberChange, responses((status = 200, body = GroupWithMembers)),
    security(("api_key" = ["groups:write"]), ("session" = ["groups:write"])))]
async fn members(
    State(state): State<AppState>,
    caller: May<GroupsWrite>,
    Id(id): Id<GroupId>,
    Body(wanted): Body<MemberChange>,
) -> ApiResult<Json<GroupWithMembers>> {
    own_account(&state, &caller, id.account).await?;
    state.store().group(id.account, id.address.clone()).await?;
    let (add, remove) = (
        people("add", &wanted.add)?,
        people("remove", &wanted.remove)?,
    );
    if add.is_empty() && remove.is_empty() {
        return Err(ApiError::invalid("add", "Say who comes or who goes"));
    }
    let info = state
        .fleet()
        .group_members(id.account, &id.address, &add, &remove)
        .await?;
    Ok(Json(keep(&state, id.account, info).await?))
}
