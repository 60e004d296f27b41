//! `/people`: who may sign in. For owners.

use super::AppState;
use super::extract::{Body, Id, Params, line, page};
use super::problem::{ApiError, ApiResult};
use super::session::check_password;
use super::shape::{List, PageParams, iso_or_null};
use crate::auth::caller::{Caller, May, Who};
use crate::auth::scope::need::Admin;
use crate::auth::{hash, password};
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::PersonId;
use waypost_store::admin::people::{EndSignIns, NAME_LEN_MAX, NewPerson, Person, PersonRole};

/// Most people looked through for one of them.
const PEOPLE_SEEN: u16 = 200;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(change))
        .routes(routes!(set_own_password))
}

/// Somebody who may sign in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Person)]
pub(super) struct PersonView {
    #[schema(example = "usr_0C3M5V7K2QH8J")]
    id: String,
    login: String,
    name: String,
    role: RoleText,
    /// Locked out.
    disabled: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    signed_in_at: Option<String>,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PersonRole)]
enum RoleText {
    /// Reads everything.
    Viewer,
    /// Works with conversations and accounts.
    Operator,
    /// Changes settings, keys and endpoints.
    Admin,
    /// Everything, people included.
    Owner,
}

/// Somebody to let in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PersonToCreate {
    #[schema(min_length = 1, max_length = 200)]
    login: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(min_length = 10, max_length = 1024)]
    password: String,
    role: RoleText,
}

/// What to change about a person; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PersonChange {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    role: Option<RoleText>,
    /// Locks out or lets in again.
    disabled: Option<bool>,
    /// A new password; ends all their sessions.
    #[schema(min_length = 10, max_length = 1024)]
    password: Option<String>,
}

/// A new password of one's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    #[schema(max_length = 1024)]
    current: String,
    #[schema(min_length = 10, max_length = 1024)]
    new: String,
}

impl From<PersonRole> for RoleText {
    fn from(role: PersonRole) -> Self {
        match role {
            PersonRole::Viewer => Self::Viewer,
            PersonRole::Operator => Self::Operator,
            PersonRole::Admin => Self::Admin,
            PersonRole::Owner => Self::Owner,
        }
    }
}

impl From<RoleText> for PersonRole {
    fn from(role: RoleText) -> Self {
        match role {
            RoleText::Viewer => Self::Viewer,
            RoleText::Operator => Self::Operator,
            RoleText::Admin => Self::Admin,
            RoleText::Owner => Self::Owner,
        }
    }
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self {
            id: person.id.to_string(),
            login: person.login,
            name: person.name,
            role: person.role.into(),
            disabled: person.disabled_at.is_some(),
            created_at: iso(person.created_at),
            signed_in_at: iso_or_null(person.signed_in_at),
        }
    }
}

/// Everybody who may sign in.
#[utoipa::path(get, path = "/people", tag = "people", params(PageParams),
    responses((status = 200, body = List<PersonView>)),
    security(("api_key" = ["admin"]), ("session" = ["admin"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<Admin>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<PersonView>>> {
    let page = page(params.limit, params.cursor)?;
    let people = state.store().people(caller.workspace(), page).await?;
    Ok(Json(List::of(people, PersonView::from)))
}

/// Lets somebody in.
#[utoipa::path(post, path = "/people", tag = "people", request_body = PersonToCreate,
    responses((status = 201, body = PersonView)),
    security(("api_key" = ["admin"]), ("session" = ["admin"])))]
async fn create(
    State(state): State<AppState>,
    caller: May<Admin>,
    Body(wanted): Body<PersonToCreate>,
) -> ApiResult<(StatusCode, Json<PersonView>)> {
    let login = line("login", &wanted.login, NAME_LEN_MAX)?;
    let name = line("name", &wanted.name, NAME_LEN_MAX)?;
    check_password("password", &wanted.password)?;
    let new = NewPerson {
        workspace: caller.workspace(),
        login,
        name,
        password_hash: password::hash(wanted.password)
            .await
            .map_err(ApiError::internal)?,
        role: wanted.role.into(),
    };
    let person = state.store().create_person(new, clock::now()).await?;
    Ok((StatusCode::CREATED, Json(person.into())))
}

async fn own_person(state: &AppState, caller: &Caller, id: PersonId) -> ApiResult<Person> {
    let mut page = waypost_store::Page::first(PEOPLE_SEEN);
    loop {
        let people = state.store().people(caller.workspace(), page).await?;
        if let Some(found) = people.items.into_iter().find(|person| person.id == id) {
            return Ok(found);
        }
        let Some(next) = people.next else {
            return Err(ApiError::not_found("person"));
        };
        page = waypost_store::Page {
            limit: PEOPLE_SEEN,
            cursor: Some(next),
        };
    }
}

/// Changes a person, locks them out or lets them in again.
#[utoipa::path(patch, path = "/people/{id}", tag = "people", params(("id" = String, Path)),
    request_body = PersonChange, responses((status = 200, body = PersonView)),
    security(("api_key" = ["admin"]), ("session" = ["admin"])))]
async fn change(
    State(state): State<AppState>,
    caller: May<Admin>,
    Id(id): Id<PersonId>,
    Body(wanted): Body<PersonChange>,
) -> ApiResult<Json<PersonView>> {
    let was = own_person(&state, &caller, id).await?;
    let name = wanted
        .name
        .as_deref()
        .map(|n| line("name", n, NAME_LEN_MAX))
        .transpose()?;
    if let Some(new) = &wanted.password {
        check_password("password", new)?;
    }
    let store = state.store();
    if name.is_some() || wanted.role.is_some() {
        let role = wanted.role.map_or(was.role, Into::into);
        store
            .change_person(id, name.unwrap_or(was.name), role)
            .await?;
    }
    if let Some(new) = wanted.password {
        let new = password::hash(new).await.map_err(ApiError::internal)?;
        store.set_password(id, new, EndSignIns::All).await?;
    }
    match wanted.disabled {
        Some(true) => store.disable_person(id, clock::now()).await?,
        Some(false) => store.enable_person(id).await?,
        None => {}
    }
    Ok(Json(own_person(&state, &caller, id).await?.into()))
}

/// Sets a new password of one's own; other sessions end.
#[utoipa::path(put, path = "/session/password", tag = "people", request_body = NewPassword,
    responses((status = 204)), security(("session" = [])))]
async fn set_own_password(
    State(state): State<AppState>,
    caller: Caller,
    Body(wanted): Body<NewPassword>,
) -> ApiResult<StatusCode> {
    let Who::Person { person, session } = caller.who else {
        return Err(ApiError::forbidden(
            "An API key has no password; sign in as a person",
        ));
    };
    check_password("new", &wanted.new)?;
    let now = clock::now();
    if state.throttle().wait(&person.login, now).is_some() {
        let text = "Too many wrong passwords; try again in a quarter of an hour";
        return Err(ApiError::forbidden(text));
    }
    let known = state.store().credentials(person.login.clone()).await?;
    let right = password::verify(wanted.current, known.map(|known| known.password_hash));
    if !right.await.map_err(ApiError::internal)? {
        state.throttle().failed(&person.login, now);
        return Err(ApiError::invalid(
            "current",
            "This is not your current password",
        ));
    }
    let new = password::hash(wanted.new)
        .await
        .map_err(ApiError::internal)?;
    state
        .store()
        .set_password(person.id, new, EndSignIns::Except(hash(&session)))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
