//! `/setup` and `/session`: the first owner, signing in and out.

use super::AppState;
use super::extract::{Body, line};
use super::people::PersonView;
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::{Caller, Who};
use crate::auth::password::{PASSWORD_MAX, PASSWORD_MIN};
use crate::auth::{cookie, hash, origin, password, session};
use crate::clock;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::WorkspaceId;
use waypost_store::admin::people::{NAME_LEN_MAX, NewPerson, Person, PersonRole};

/// What a program that has no session is told.
const NO_SESSION: &str = "An API key has no session; sign in as a person";

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(setup_state, set_up))
        .routes(routes!(sign_in, show, sign_out))
}

/// Whether the first owner is still to be created.
#[derive(Debug, Serialize, ToSchema)]
struct SetupState {
    needed: bool,
}

/// The first owner.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FirstOwner {
    /// The token printed at the first start.
    token: String,
    #[schema(min_length = 1, max_length = 200)]
    login: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(min_length = 10, max_length = 1024)]
    password: String,
}

/// Login and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    #[schema(max_length = 200)]
    login: String,
    #[schema(max_length = 1024)]
    password: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    person: PersonView,
    /// Send this as `X-CSRF-Token` with every call that changes something.
    csrf_token: String,
}

/// Refuses passwords that are too short or too long.
pub(super) fn check_password(field: &'static str, password: &str) -> ApiResult<()> {
    if password.chars().count() < PASSWORD_MIN {
        let text =
            format!("A password has at least {PASSWORD_MIN} characters; a few words do well");
        return Err(ApiError::invalid(field, text));
    }
    if password.len() > PASSWORD_MAX {
        let text = format!("A password has at most {PASSWORD_MAX} bytes");
        return Err(ApiError::invalid(field, text));
    }
    Ok(())
}

/// Whether the first owner is still to be created.
#[utoipa::path(get, path = "/setup", tag = "session",
    responses((status = 200, body = SetupState)))]
async fn setup_state(State(state): State<AppState>) -> ApiResult<Json<SetupState>> {
    let needed = state.store().people_count().await? == 0;
    Ok(Json(SetupState { needed }))
}

/// Creates the first owner with the token printed at the first start, and signs them in.
#[utoipa::path(post, path = "/setup", tag = "session", request_body = FirstOwner,
    responses((status = 201, body = Session)))]
async fn set_up(
    State(state): State<AppState>,
    headers: HeaderMap,
    Body(wanted): Body<FirstOwner>,
) -> ApiResult<Response> {
    origin::check(&headers, state.public_url(), origin::Missing::Allowed)?;
    let login = line("login", &wanted.login, NAME_LEN_MAX)?;
    let name = line("name", &wanted.name, NAME_LEN_MAX)?;
    check_password("password", &wanted.password)?;
    if state.store().people_count().await? > 0 {
        return Err(ApiError::conflict(
            "Set-up is done already; sign in instead",
        ));
    }
    let password_hash = password::hash(wanted.password)
        .await
        .map_err(ApiError::internal)?;
    let new = NewPerson {
        workspace: WorkspaceId::DEFAULT,
        login,
        name,
        password_hash,
        role: PersonRole::Owner,
    };
    let token = hash(wanted.token.trim());
    let person = state
        .store()
        .create_first_person(new, token, clock::now())
        .await?;
    start(&state, person, StatusCode::CREATED).await
}

/// Signs a person in: sets the session cookie.
#[utoipa::path(post, path = "/session", tag = "session", request_body = Credentials,
    responses((status = 200, body = Session),
        (status = 401, description = "Login or password are wrong",
            content_type = "application/problem+json", body = super::problem::Problem),
        (status = 403, description = "The request came from another site",
            content_type = "application/problem+json", body = super::problem::Problem),
        (status = 429, description = "Too many wrong passwords; see Retry-After",
            content_type = "application/problem+json", body = super::problem::Problem)))]
async fn sign_in(
    State(state): State<AppState>,
    headers: HeaderMap,
    Body(given): Body<Credentials>,
) -> ApiResult<Response> {
    origin::check(&headers, state.public_url(), origin::Missing::Allowed)?;
    let login = given.login.trim().to_owned();
    slow_down(&state, &login)?;
    // Counted before the password is looked at, so that tries side by side count too.
    state.throttle().failed(&login, clock::now());
    let known = match login.chars().count() <= NAME_LEN_MAX && given.password.len() <= PASSWORD_MAX
    {
        true => state.store().credentials(login.clone()).await?,
        false => None,
    };
    let open = known.filter(|known| known.person.disabled_at.is_none());
    let stored = open.as_ref().map(|known| known.password_hash.clone());
    let password = given.password.chars().take(PASSWORD_MAX).collect();
    let right = password::verify(password, stored)
        .await
        .map_err(ApiError::internal)?;
    let Some(person) = open.filter(|_| right).map(|known| known.person) else {
        return Err(ApiError::unauthorized(
            "Login or password are wrong; try again",
        ));
    };
    state.throttle().succeeded(&login);
    start(&state, person, StatusCode::OK).await
}

fn slow_down(state: &AppState, login: &str) -> ApiResult<()> {
    let Some(wait) = state.throttle().wait(login, clock::now()) else {
        return Ok(());
    };
    let seconds = wait.as_millis().div_ceil(1000);
    let text = format!(
        "Too many wrong passwords; try again in {} min",
        seconds.div_ceil(60)
    );
    let refused = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tries", text);
    Err(refused.retry_after(seconds))
}

async fn start(state: &AppState, person: Person, status: StatusCode) -> ApiResult<Response> {
    let token = session::start(state.store(), person.id, clock::now()).await?;
    let seconds = i64::try_from(session::LIFETIME.as_millis() / 1000).unwrap_or(i64::MAX);
    let cookie = cookie::write(&token, seconds, state.transport())
        .ok_or_else(|| ApiError::internal("the session cookie cannot be written"))?;
    let body = Session {
        person: person.into(),
        csrf_token: session::csrf_token(&token),
    };
    Ok((status, [(header::SET_COOKIE, cookie)], Json(body)).into_response())
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", tag = "session",
    responses((status = 200, body = Session)), security(("session" = [])))]
async fn show(caller: Caller) -> ApiResult<Json<Session>> {
    match caller.who {
        Who::Person { person, session } => {
            let csrf_token = session::csrf_token(&session);
            Ok(Json(Session {
                person: person.into(),
                csrf_token,
            }))
        }
        Who::Key(_) => Err(ApiError::forbidden(NO_SESSION)),
    }
}

/// Signs out: ends the session and its cookie.
#[utoipa::path(delete, path = "/session", tag = "session",
    responses((status = 204)), security(("session" = [])))]
async fn sign_out(State(state): State<AppState>, caller: Caller) -> ApiResult<Response> {
    let Who::Person { session, .. } = caller.who else {
        return Err(ApiError::forbidden(NO_SESSION));
    };
    state.store().end_sign_in(hash(&session)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = cookie::write("", 0, state.transport()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
