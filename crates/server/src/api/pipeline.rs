//! `/pipeline`: the parts that messages go through, their switches and how they do.

use super::AppState;
use super::extract::Body;
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::{Caller, May, Who};
use crate::auth::scope::need::{PipelineRead, PipelineWrite};
use crate::parts::choice::Choice;
use crate::parts::meter::{Durations, PartMeter};
use crate::parts::switchboard::SwitchError;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::flow::parts::{Part, ShedClass, ShedLevel, Standing, Switch};
use waypost_engine::flow::stage::Group;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, change))
}

/// On or off.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Switch)]
enum SwitchText {
    On,
    Off,
}

/// When a part rests while the machine is short of breath.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ShedClass)]
enum ClassText {
    /// First.
    NiceToHave,
    /// When that was not enough.
    Important,
    /// Never; it cannot be switched off either.
    Critical,
}

/// Whether a part runs, and if not, why.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PartStanding)]
enum StandingText {
    On,
    PartOff,
    StageOff,
    /// It rests until the machine has recovered.
    Shed,
}

/// How much rests at present.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ShedLevel)]
enum ShedText {
    None,
    NiceToHave,
    Important,
}

/// How long something took since the start of the process.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Latency {
    /// How often it ran.
    count: u64,
    /// Microseconds that half of all did not exceed; null before the first. Up to a quarter too high.
    p50_us: Option<u64>,
    p95_us: Option<u64>,
    p99_us: Option<u64>,
}

impl From<&Durations> for Latency {
    fn from(took: &Durations) -> Self {
        Self {
            count: took.count(),
            p50_us: took.percentile(50),
            p95_us: took.percentile(95),
            p99_us: took.percentile(99),
        }
    }
}

/// A part of the pipeline.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PipelinePart)]
struct PartView {
    /// Its short name, as it is switched.
    #[schema(example = "sentiment")]
    name: &'static str,
    title: &'static str,
    class: ClassText,
    /// Whether it can be switched.
    switchable: bool,
    standing: StandingText,
    /// Null for a part that is not measured per message.
    latency: Option<Latency>,
    /// How often there was each outcome: `found`, `nothing`, `no_text`, `off`, `stage_off`, `shed`, `failed`.
    outcomes: BTreeMap<String, u64>,
}

/// A stage with its parts.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PipelineStage)]
struct StageView {
    #[schema(example = "conversation")]
    name: &'static str,
    switch: SwitchText,
    /// How long it may take for one message.
    budget_ms: u64,
    latency: Latency,
    /// Messages for which it took longer.
    overruns: u64,
    parts: Vec<PartView>,
}

/// The pipeline of this process.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Pipeline)]
struct PipelineView {
    stages: Vec<StageView>,
    shed: ShedText,
    /// Whether the start and the stages of every message are told as events.
    stage_events: SwitchText,
    /// Whether messages that the account's owner writes on another device are read.
    own: SwitchText,
    /// Whether messages that come with the history are read.
    history: SwitchText,
    /// Messages accepted and not processed yet.
    unfinished: i64,
    dead_letters: i64,
}

/// What to switch; what is not mentioned stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PipelineChange {
    /// Stages by name.
    #[serde(default)]
    #[schema(example = json!({"media": "off"}))]
    stages: BTreeMap<String, SwitchText>,
    /// Parts by name.
    #[serde(default)]
    #[schema(example = json!({"sentiment": "off"}))]
    parts: BTreeMap<String, SwitchText>,
    stage_events: Option<SwitchText>,
    own: Option<SwitchText>,
    history: Option<SwitchText>,
}

impl From<Switch> for SwitchText {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::On => Self::On,
            Switch::Off => Self::Off,
        }
    }
}

impl From<SwitchText> for Switch {
    fn from(switch: SwitchText) -> Self {
        match switch {
            SwitchText::On => Self::On,
            SwitchText::Off => Self::Off,
        }
    }
}

impl From<ShedClass> for ClassText {
    fn from(class: ShedClass) -> Self {
        match class {
            ShedClass::NiceToHave => Self::NiceToHave,
            ShedClass::Important => Self::Important,
            ShedClass::Critical => Self::Critical,
        }
    }
}

impl From<Standing> for StandingText {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::On => Self::On,
            Standing::PartOff => Self::PartOff,
            Standing::StageOff => Self::StageOff,
            Standing::Shed => Self::Shed,
        }
    }
}

impl From<ShedLevel> for ShedText {
    fn from(level: ShedLevel) -> Self {
        match level {
            ShedLevel::None => Self::None,
            ShedLevel::NiceToHave => Self::NiceToHave,
            ShedLevel::Important => Self::Important,
        }
    }
}

impl PipelineChange {
    fn check(self) -> ApiResult<Choice> {
        let single = [&self.stage_events, &self.own, &self.history];
        if self.stages.is_empty() && self.parts.is_empty() && single.iter().all(|s| s.is_none()) {
            return Err(ApiError::invalid(
                "parts",
                "Name a part or a stage to switch",
            ));
        }
        let mut choice = Choice {
            stage_events: self.stage_events.map(Switch::from),
            own: self.own.map(Switch::from),
            history: self.history.map(Switch::from),
            ..Choice::default()
        };
        for (name, to) in self.stages {
            let known = Group::ALL.into_iter().find(|stage| stage.name() == name);
            let stage = known.ok_or_else(|| {
                let names = Group::ALL.map(Group::name).join(", ");
                ApiError::invalid(
                    "stages",
                    format!("There is no such stage; they are {names}"),
                )
            })?;
            choice.stages.insert(stage, to.into());
        }
        for (name, to) in self.parts {
            let part: Part = name
                .parse()
                .map_err(|error| ApiError::invalid("parts", format!("{error}")))?;
            choice.parts.insert(part, to.into());
        }
        Ok(choice)
    }
}

/// Who asks, for the log of what was switched.
pub(super) fn name_of(caller: &Caller) -> String {
    match &caller.who {
        Who::Person { person, .. } => person.login.clone(),
        Who::Key(key) => format!("API key {}", key.name),
    }
}

async fn view(state: &AppState) -> ApiResult<PipelineView> {
    let counts = state.store().counts().await?;
    let board = state.text().switchboard();
    let (parts, choice) = (board.parts(), board.choice());
    let meter = state.text().meter();
    let part_view = |part: Part| {
        let measured = meter.of_part(part);
        let outcomes = measured.map(|m| {
            m.outcomes()
                .map(|(o, n)| (o.name().to_owned(), n))
                .collect()
        });
        PartView {
            name: part.name(),
            title: part.title(),
            class: part.class().into(),
            switchable: part.class() != ShedClass::Critical,
            standing: parts.of(part).into(),
            latency: measured.map(|m: &PartMeter| (&m.took).into()),
            outcomes: outcomes.unwrap_or_default(),
        }
    };
    let stages = Group::ALL.into_iter().filter_map(|stage| {
        let measured = meter.of_stage(stage)?;
        let switch = choice.stages.get(&stage).copied().unwrap_or(Switch::On);
        Some(StageView {
            name: stage.name(),
            switch: switch.into(),
            budget_ms: stage.budget().as_millis(),
            latency: (&measured.took).into(),
            overruns: measured.overruns(),
            parts: Part::all()
                .filter(|part| part.stage() == stage)
                .map(part_view)
                .collect(),
        })
    });
    Ok(PipelineView {
        stages: stages.collect(),
        shed: board.shed().into(),
        stage_events: choice.stage_events.unwrap_or(Switch::Off).into(),
        own: choice.own.unwrap_or(Switch::Off).into(),
        history: choice.history.unwrap_or(Switch::Off).into(),
        unfinished: counts.unfinished,
        dead_letters: counts.dead_letters,
    })
}

/// The parts of the pipeline: which run, how long they take, what they find.
#[utoipa::path(get, path = "/pipeline", tag = "pipeline",
    responses((status = 200, body = PipelineView)),
    security(("api_key" = ["pipeline:read"]), ("session" = ["pipeline:read"])))]
async fn show(
    State(state): State<AppState>,
    _caller: May<PipelineRead>,
) -> ApiResult<Json<PipelineView>> {
    Ok(Json(view(&state).await?))
}

/// Switches parts and stages. It counts from the next message on, and after a restart too.
#[utoipa::path(patch, path = "/pipeline", tag = "pipeline", request_body = PipelineChange,
    responses((status = 200, body = PipelineView)),
    security(("api_key" = ["pipeline:write"]), ("session" = ["pipeline:write"])))]
async fn change(
    State(state): State<AppState>,
    caller: May<PipelineWrite>,
    Body(wanted): Body<PipelineChange>,
) -> ApiResult<Json<PipelineView>> {
    let choice = wanted.check()?;
    let board = state.text().switchboard();
    let done = board
        .change(caller.workspace(), &choice, &name_of(&caller))
        .await;
    match done {
        Ok(()) => Ok(Json(view(&state).await?)),
        Err(SwitchError::Fixed(fixed)) => Err(ApiError::conflict(sentence(&fixed.to_string()))),
        Err(SwitchError::Store(error)) => Err(error.into()),
    }
}

/// With a capital, as answers of the API are written.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
