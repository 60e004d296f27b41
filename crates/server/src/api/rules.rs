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
use waypost_engine::flow::meaning::{Feeling, Urgency};
use waypost_engine::model::rule::{FileWords, MAX_AGE_DEFAULT, Scope};
use waypost_engine::model::{AccountId, Conditions, Duration, Match, Rule, RuleId};
use waypost_store::admin::rules::{ANSWER_LEN_MAX, RuleSpec};

/// Longest name of a rule, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Longest text a rule looks for, in characters.
const TEXT_CHARS_MAX: usize = 1_000;
/// Most words a rule looks for.
const WORDS_MAX: usize = 100;
/// Most intents named by one rule.
const CONDITION_NAMES_MAX: usize = 64;
/// Longest name of an intent, in characters.
const INTENT_CHARS_MAX: usize = 64;
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

/// What a message must mean for a rule to answer, besides what it must say. Everything that is given must
/// hold. A message that was not read, because a part was off, means nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = RuleConditions)]
struct ConditionsText {
    /// It wants one of these; any when empty.
    #[schema(max_items = 64, example = json!(["viewing_request", "appointment"]))]
    intents: Vec<String>,
    /// It mentions a value of one of these kinds, such as `phone` or `money`; none is needed when empty.
    mentions: Vec<String>,
    /// It feels like this.
    feeling: Option<FeelingText>,
    /// It is at least this urgent.
    urgency: Option<UrgencyText>,
    /// Whether what its file says (a picture, a document, a voice note) is part of what it says.
    files: FileWordsText,
}

/// Whether a rule looks into files. A conversation waits for its file to be read only while a rule asks for
/// it, and at most `media.wait_s`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FileWords)]
enum FileWordsText {
    #[default]
    Ignored,
    Read,
}

/// How a message feels.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Feeling)]
enum FeelingText {
    Positive,
    Neutral,
    Negative,
}

/// How soon somebody wants an answer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Urgency)]
enum UrgencyText {
    Normal,
    High,
    Critical,
}

impl From<Conditions> for ConditionsText {
    fn from(conditions: Conditions) -> Self {
        Self {
            intents: conditions.intents,
            mentions: conditions.mentions,
            feeling: conditions.feeling.map(|feeling| match feeling {
                Feeling::Positive => FeelingText::Positive,
                Feeling::Neutral => FeelingText::Neutral,
                Feeling::Negative => FeelingText::Negative,
            }),
            urgency: conditions.urgency.map(|urgency| match urgency {
                Urgency::Normal => UrgencyText::Normal,
                Urgency::High => UrgencyText::High,
                Urgency::Critical => UrgencyText::Critical,
            }),
            files: match conditions.files {
                FileWords::Ignored => FileWordsText::Ignored,
                FileWords::Read => FileWordsText::Read,
            },
        }
    }
}

impl ConditionsText {
    fn check(self) -> ApiResult<Conditions> {
        let named =
            |name: &String| !name.trim().is_empty() && name.chars().count() <= INTENT_CHARS_MAX;
        if self.intents.len() > CONDITION_NAMES_MAX || !self.intents.iter().all(named) {
            let most = format!("Name at most {CONDITION_NAMES_MAX} intents");
            return Err(ApiError::invalid("when.intents", most));
        }
        let unknown = |name: &&String| {
            let name = serde_json::Value::String((*name).clone());
            serde_json::from_value::<waypost_insight::entity::Kind>(name).is_err()
        };
        if let Some(unknown) = self.mentions.iter().find(unknown) {
            let unknown: String = unknown.chars().take(INTENT_CHARS_MAX).collect();
            let text =
                format!("There is no kind of value '{unknown}'; phone, money and date are some");
            return Err(ApiError::invalid("when.mentions", text));
        }
        Ok(Conditions {
            intents: self.intents,
            mentions: self.mentions,
            feeling: self.feeling.map(|feeling| match feeling {
                FeelingText::Positive => Feeling::Positive,
                FeelingText::Neutral => Feeling::Neutral,
                FeelingText::Negative => Feeling::Negative,
            }),
            urgency: self.urgency.map(|urgency| match urgency {
                UrgencyText::Normal => Urgency::Normal,
                UrgencyText::High => Urgency::High,
                UrgencyText::Critical => Urgency::Critical,
            }),
            files: match self.files {
                FileWordsText::Ignored => FileWords::Ignored,
                FileWordsText::Read => FileWords::Read,
            },
        })
    }
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
    /// What the message must mean.
    when: ConditionsText,
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
    /// What the message must mean besides.
    #[serde(default)]
    when: ConditionsText,
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
        when: rule.conditions.into(),
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
        conditions: wanted.when.check()?,
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
