//! `/rules`: what is answered without a person.

use super::AppState;
use super::accounts::own_account;
use super::extract::{Body, Id, Params, line, page};
use super::problem::{ApiError, ApiResult};
use super::shape::{List, PageParams};
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{RulesRead, RulesWrite};
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::rule::{MAX_AGE_DEFAULT, Scope};
use waypost_engine::model::{AccountId, Duration, Match, Rule, RuleId};
use waypost_store::admin::rules::{ANSWER_LEN_MAX, RuleSpec};

/// Longest name of a rule, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Longest text a rule looks for, in characters.
const TEXT_CHARS_MAX: usize = 1_000;
/// Most words a rule looks for.
const WORDS_MAX: usize = 100;
/// The oldest message a rule may answer: a day.
const MAX_AGE_MAX_MS: u64 = 24 * 3_600_000;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
}

/// What a rule looks for in the words of a message. Case is ignored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "on", rename_all = "snake_case")]
#[schema(as = Match)]
enum MatchText {
    /// Every message that has words.
    Any,
    /// The whole text is this.
    Equals { text: String },
    /// The text contains this.
    Contains { text: String },
    /// The text starts with this.
    StartsWith { text: String },
    /// One of these occurs as a whole word.
    AnyWord { words: Vec<String> },
}

/// Where a rule applies.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RuleScope)]
enum ScopeText {
    #[default]
    Direct,
    Groups,
    Everywhere,
}

/// A reply rule. Rules are tried by rising position; the first that matches answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Rule)]
struct RuleView {
    #[schema(example = "rul_0C3M5V7K2QH8J")]
    id: String,
    /// Only for this account; for all when null.
    account: Option<String>,
    name: String,
    position: i32,
    matches: MatchText,
    scope: ScopeText,
    /// `{text}` stands for the words received, `{name}` for the sender's name.
    answer: String,
    /// In milliseconds; older messages are not answered.
    max_age: u64,
    enabled: bool,
    #[schema(format = DateTime)]
    created_at: String,
}

/// A rule to write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RuleToWrite {
    #[schema(value_type = Option<String>)]
    account: Option<AccountId>,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[serde(default)]
    position: i32,
    matches: MatchText,
    #[serde(default)]
    scope: ScopeText,
    #[schema(min_length = 1, max_length = 65536)]
    answer: String,
    /// In milliseconds; 10 minutes when absent, a day at most.
    #[schema(maximum = 86400000)]
    max_age: Option<u64>,
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

impl From<Match> for MatchText {
    fn from(matches: Match) -> Self {
        match matches {
            Match::Any => Self::Any,
            Match::Equals { text } => Self::Equals { text },
            Match::Contains { text } => Self::Contains { text },
            Match::StartsWith { text } => Self::StartsWith { text },
            Match::AnyWord { words } => Self::AnyWord { words },
        }
    }
}

impl MatchText {
    fn check(self) -> ApiResult<Match> {
        let text = |text: String| match text.trim() {
            "" => Err(ApiError::invalid(
                "matches.text",
                "Say which text the rule looks for",
            )),
            t if t.chars().count() > TEXT_CHARS_MAX => {
                let most = format!("A rule looks for at most {TEXT_CHARS_MAX} characters");
                Err(ApiError::invalid("matches.text", most))
            }
            _ => Ok(text),
        };
        Ok(match self {
            Self::Any => Match::Any,
            Self::Equals { text: t } => Match::Equals { text: text(t)? },
            Self::Contains { text: t } => Match::Contains { text: text(t)? },
            Self::StartsWith { text: t } => Match::StartsWith { text: text(t)? },
            Self::AnyWord { words } => Match::AnyWord {
                words: check_words(words)?,
            },
        })
    }
}

fn check_words(words: Vec<String>) -> ApiResult<Vec<String>> {
    let words: Vec<String> = words.iter().map(|word| word.trim().to_owned()).collect();
    if words.is_empty() || words.len() > WORDS_MAX {
        let text = format!("Give 1 to {WORDS_MAX} words to look for");
        return Err(ApiError::invalid("matches.words", text));
    }
    // A "word" with a space or sign in it could never be met.
    let whole = |word: &String| !word.is_empty() && word.chars().all(char::is_alphanumeric);
    if words.iter().all(whole) {
        return Ok(words);
    }
    Err(ApiError::invalid(
        "matches.words",
        "Each word is letters and digits only; use 'contains' for phrases",
    ))
}

impl From<Scope> for ScopeText {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Direct => Self::Direct,
            Scope::Groups => Self::Groups,
            Scope::Everywhere => Self::Everywhere,
        }
    }
}

impl From<ScopeText> for Scope {
    fn from(scope: ScopeText) -> Self {
        match scope {
            ScopeText::Direct => Self::Direct,
            ScopeText::Groups => Self::Groups,
            ScopeText::Everywhere => Self::Everywhere,
        }
    }
}

fn view(rule: Rule) -> RuleView {
    RuleView {
        id: rule.id.to_string(),
        account: rule.account.map(|id| id.to_string()),
        name: rule.name,
        position: rule.position,
        matches: rule.matches.into(),
        scope: rule.scope.into(),
        answer: rule.answer,
        max_age: rule.max_age.as_millis(),
        enabled: rule.enabled,
        created_at: iso(rule.created_at),
    }
}

async fn spec(state: &AppState, caller: &Caller, wanted: RuleToWrite) -> ApiResult<RuleSpec> {
    if let Some(account) = wanted.account {
        let unknown = |_| ApiError::invalid("account", "There is no such account; check the id");
        own_account(state, caller, account).await.map_err(unknown)?;
    }
    if wanted.answer.trim().is_empty() || wanted.answer.len() > ANSWER_LEN_MAX {
        let text = format!("An answer has 1 to {ANSWER_LEN_MAX} bytes");
        return Err(ApiError::invalid("answer", text));
    }
    let max_age = wanted.max_age.map_or(MAX_AGE_DEFAULT, Duration::millis);
    if max_age.as_millis() > MAX_AGE_MAX_MS {
        return Err(ApiError::invalid(
            "max_age",
            "A rule answers messages of a day at most",
        ));
    }
    Ok(RuleSpec {
        workspace: caller.workspace(),
        account: wanted.account,
        name: line("name", &wanted.name, NAME_CHARS_MAX)?,
        position: wanted.position,
        matches: wanted.matches.check()?,
        scope: wanted.scope.into(),
        answer: wanted.answer,
        max_age,
        enabled: wanted.enabled,
    })
}

/// All rules in the order they are tried.
#[utoipa::path(get, path = "/rules", tag = "rules", params(PageParams),
    responses((status = 200, body = List<RuleView>)),
    security(("api_key" = ["rules:read"]), ("session" = ["rules:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<RulesRead>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<RuleView>>> {
    page(params.limit, params.cursor)?;
    let rules = state.store().rules(caller.workspace()).await?;
    Ok(Json(List::whole(rules.into_iter().map(view).collect())))
}

/// Adds a rule.
#[utoipa::path(post, path = "/rules", tag = "rules", request_body = RuleToWrite,
    responses((status = 201, body = RuleView)),
    security(("api_key" = ["rules:write"]), ("session" = ["rules:write"])))]
async fn create(
    State(state): State<AppState>,
    caller: May<RulesWrite>,
    Body(wanted): Body<RuleToWrite>,
) -> ApiResult<(StatusCode, Json<RuleView>)> {
    let spec = spec(&state, &caller, wanted).await?;
    let rule = state.store().create_rule(spec, clock::now()).await?;
    state.fleet().rules_changed(caller.workspace());
    Ok((StatusCode::CREATED, Json(view(rule))))
}

/// One rule.
#[utoipa::path(get, path = "/rules/{id}", tag = "rules", params(("id" = String, Path)),
    responses((status = 200, body = RuleView)),
    security(("api_key" = ["rules:read"]), ("session" = ["rules:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<RulesRead>,
    Id(id): Id<RuleId>,
) -> ApiResult<Json<RuleView>> {
    Ok(Json(view(
        state.store().rule(caller.workspace(), id).await?,
    )))
}

/// Writes a rule anew.
#[utoipa::path(put, path = "/rules/{id}", tag = "rules", params(("id" = String, Path)),
    request_body = RuleToWrite, responses((status = 200, body = RuleView)),
    security(("api_key" = ["rules:write"]), ("session" = ["rules:write"])))]
async fn change(
    State(state): State<AppState>,
    caller: May<RulesWrite>,
    Id(id): Id<RuleId>,
    Body(wanted): Body<RuleToWrite>,
) -> ApiResult<Json<RuleView>> {
    let spec = spec(&state, &caller, wanted).await?;
    let rule = state.store().change_rule(id, spec).await?;
    state.fleet().rules_changed(caller.workspace());
    Ok(Json(view(rule)))
}

/// Removes a rule.
#[utoipa::path(delete, path = "/rules/{id}", tag = "rules", params(("id" = String, Path)),
    responses((status = 204)),
    security(("api_key" = ["rules:write"]), ("session" = ["rules:write"])))]
async fn delete(
    State(state): State<AppState>,
    caller: May<RulesWrite>,
    Id(id): Id<RuleId>,
) -> ApiResult<StatusCode> {
    state.store().delete_rule(caller.workspace(), id).await?;
    state.fleet().rules_changed(caller.workspace());
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_could_never_match_is_refused() {
        let words = |list: &[&str]| check_words(list.iter().map(ToString::to_string).collect());
        assert!(words(&["price", "سعر", "3br"]).is_ok());
        for never in [&[][..], &[""], &["two words"], &["what?"]] {
            assert!(words(never).is_err(), "{never:?}");
        }
        assert!(MatchText::Contains { text: " ".into() }.check().is_err());
    }
}
