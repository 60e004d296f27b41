//! The twenty-three parts of the pipeline: which there are, what each is called, and which of them run.
//!
//! A part is off when somebody switched it or its stage off, and rests while the machine is short of
//! breath and its class is shed. [`Parts::effective`] decides that from the switches and the level of
//! shedding alone; whoever measures the machine only names a [`ShedLevel`].

use super::stage::Group;
use crate::model::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// One part of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// One owner per account, fenced by its epoch.
    SessionLock,
    /// What was accepted and is not done.
    MessageQueue,
    /// What is known of each account's session.
    SessionState,
    /// Proof that connections live.
    HealthMonitor,
    /// How well an account is, in one number.
    HealthScorer,
    /// The values that a message mentions.
    Entities,
    /// Whether the conversation turns to something else.
    Flow,
    /// What a message wants.
    Intent,
    /// How a message feels, and whether it can wait.
    Sentiment,
    /// Which matter of the conversation a message belongs to.
    Threads,
    /// Words in pictures.
    Ocr,
    /// Words in voice notes.
    Transcription,
    /// Words and tables in documents.
    Documents,
    /// Pictures and files to look through.
    Gallery,
    /// What could not be processed or sent.
    DeadLetters,
    /// Each event written to a destination once.
    WriteBackDedup,
    /// Stops calling a spreadsheet that fails.
    SheetsBreaker,
    /// Messages of a conversation in their order.
    Ordering,
    /// Less work while the machine is short of breath.
    Degradation,
    /// Conversations side by side.
    Parallelizer,
    /// Spreadsheets read once for many.
    SheetsCache,
    /// When each send goes out.
    BatchSending,
    /// How long each stage and part takes.
    PerformanceMonitor,
}

/// What is given up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShedClass {
    /// Rests first.
    NiceToHave,
    /// Rests when that was not enough.
    Important,
    /// Never rests and cannot be switched off: without it messages would be lost or doubled, or nobody
    /// would see that something is wrong.
    Critical,
}

/// How much is given up at present. Each level includes the ones before.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ShedLevel {
    /// Nothing.
    #[default]
    None,
    /// What is nice to have.
    NiceToHave,
    /// What is important too.
    Important,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// It runs.
    On,
    /// It does not.
    Off,
}

/// What is written about a part.
struct Row {
    part: Part,
    name: &'static str,
    title: &'static str,
    stage: Group,
    class: ShedClass,
}

const fn row(
    part: Part,
    name: &'static str,
    title: &'static str,
    stage: Group,
    class: ShedClass,
) -> Row {
    Row {
        part,
        name,
        title,
        stage,
        class,
    }
}

/// The table, in the order of [`Part`]. `docs/pipeline.md` says the same at more length.
static TABLE: [Row; Part::COUNT] = {
    use Group::{Conversation, Media, Performance, Resilience, Session};
    use Part as P;
    use ShedClass::{Critical, Important, NiceToHave};
    [
        row(
            P::SessionLock,
            "session_lock",
            "Session lock",
            Session,
            Critical,
        ),
        row(
            P::MessageQueue,
            "message_queue",
            "Durable message queue",
            Session,
            Critical,
        ),
        row(
            P::SessionState,
            "session_state",
            "Session state",
            Session,
            Critical,
        ),
        row(
            P::HealthMonitor,
            "health_monitor",
            "Client health monitor",
            Session,
            Critical,
        ),
        row(
            P::HealthScorer,
            "health_scorer",
            "Health scorer",
            Session,
            NiceToHave,
        ),
        row(
            P::Entities,
            "entities",
            "Hybrid entity extractor",
            Conversation,
            Important,
        ),
        row(P::Flow, "flow", "Flow analyser", Conversation, Important),
        row(
            P::Intent,
            "intent",
            "Intent classifier",
            Conversation,
            Important,
        ),
        row(
            P::Sentiment,
            "sentiment",
            "Sentiment analyser",
            Conversation,
            NiceToHave,
        ),
        row(
            P::Threads,
            "threads",
            "Thread service",
            Conversation,
            Important,
        ),
        row(P::Ocr, "ocr", "Image OCR", Media, NiceToHave),
        row(
            P::Transcription,
            "transcription",
            "Audio transcription",
            Media,
            NiceToHave,
        ),
        row(
            P::Documents,
            "documents",
            "Document parser",
            Media,
            NiceToHave,
        ),
        row(P::Gallery, "gallery", "Media gallery", Media, Critical),
        row(
            P::DeadLetters,
            "dead_letters",
            "Dead-letter queue",
            Resilience,
            Critical,
        ),
        row(
            P::WriteBackDedup,
            "write_back_dedup",
            "Write-back deduplicator",
            Resilience,
            Critical,
        ),
        row(
            P::SheetsBreaker,
            "sheets_breaker",
            "Sheets circuit breaker",
            Resilience,
            Critical,
        ),
        row(
            P::Ordering,
            "ordering",
            "Message ordering",
            Resilience,
            Critical,
        ),
        row(
            P::Degradation,
            "degradation",
            "Degradation strategy",
            Resilience,
            Critical,
        ),
        row(
            P::Parallelizer,
            "parallelizer",
            "Parallelizer",
            Performance,
            Critical,
        ),
        row(
            P::SheetsCache,
            "sheets_cache",
            "Sheets cache",
            Performance,
            Critical,
        ),
        row(
            P::BatchSending,
            "batch_sending",
            "Batch-sending optimiser",
            Performance,
            Critical,
        ),
        row(
            P::PerformanceMonitor,
            "performance_monitor",
            "Performance monitor",
            Performance,
            Critical,
        ),
    ]
};

impl Part {
    /// How many parts there are.
    pub const COUNT: usize = 23;
    /// The parts that read what a message says, in the order in which they run.
    pub const TEXT: [Self; 5] = [
        Self::Entities,
        Self::Intent,
        Self::Sentiment,
        Self::Flow,
        Self::Threads,
    ];
    /// Those of them that go by what was said before, so that messages must be read in their order.
    pub const IN_ORDER: [Self; 2] = [Self::Flow, Self::Threads];

    /// Every part, by stage.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.part)
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Its short name, as switched, measured and stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// The stage it belongs to.
    #[must_use]
    pub fn stage(self) -> Group {
        self.row().stage
    }

    /// When it rests.
    #[must_use]
    pub fn class(self) -> ShedClass {
        self.row().class
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no part '{0}'; the parts are {names}", names = names())]
pub struct NoPart(String);

fn names() -> String {
    let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
    names.join(", ")
}

impl FromStr for Part {
    type Err = NoPart;
    fn from_str(text: &str) -> Result<Self, NoPart> {
        let found = TABLE.iter().find(|row| row.name == text);
        let short = || NoPart(text.chars().take(64).collect());
        found.map(|row| row.part).ok_or_else(short)
    }
}

impl Group {
    /// The time that a message's share of this stage may take; more is counted as an overrun.
    #[must_use]
    pub fn budget(self) -> Duration {
        Duration::millis(match self {
            Self::Session | Self::Resilience => 50,
            Self::Conversation => 150,
            Self::Media => 200,
            Self::Performance => 100,
        })
    }
}

/// What somebody switched. What is not mentioned is on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Whole stages.
    pub stages: BTreeMap<Group, Switch>,
    /// Single parts.
    pub parts: BTreeMap<Part, Switch>,
}

/// A switch that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fixed {
    /// The part always runs.
    #[error("'{0}' always runs: without it messages would be lost, doubled or out of order")]
    Part(Part),
    /// Every part of the stage always runs.
    #[error("every part of '{0}' always runs; there is nothing to switch off")]
    Stage(Group),
}

impl Switches {
    /// Switches a part.
    ///
    /// # Errors
    /// When a critical part would be switched off.
    pub fn part(&mut self, part: Part, to: Switch) -> Result<(), Fixed> {
        if to == Switch::Off && part.class() == ShedClass::Critical {
            return Err(Fixed::Part(part));
        }
        self.parts.insert(part, to);
        Ok(())
    }

    /// Switches a stage: all of its parts that are not critical.
    ///
    /// # Errors
    /// When it has none of those.
    pub fn stage(&mut self, stage: Group, to: Switch) -> Result<(), Fixed> {
        let movable = |part: Part| part.stage() == stage && part.class() != ShedClass::Critical;
        if to == Switch::Off && !Part::all().any(movable) {
            return Err(Fixed::Stage(stage));
        }
        self.stages.insert(stage, to);
        Ok(())
    }
}

/// Whether a part runs, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It runs.
    On,
    /// Somebody switched it off.
    PartOff,
    /// Somebody switched its stage off.
    StageOff,
    /// It rests until the machine has recovered.
    Shed,
}

/// Which parts run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts([Standing; Part::COUNT]);

impl Default for Parts {
    fn default() -> Self {
        Self::effective(&Switches::default(), ShedLevel::None)
    }
}

impl Parts {
    /// Which parts run with these switches while this much is shed. A critical part always runs,
    /// whatever the switches say.
    #[must_use]
    pub fn effective(switches: &Switches, shed: ShedLevel) -> Self {
        Self(std::array::from_fn(|at| {
            standing(TABLE[at].part, switches, shed)
        }))
    }

    /// Whether a part runs, and if not, why.
    #[must_use]
    pub fn of(&self, part: Part) -> Standing {
        self.0[part as usize]
    }

    /// Whether a part runs.
    #[must_use]
    pub fn runs(&self, part: Part) -> bool {
        self.of(part) == Standing::On
    }

    /// The same, but none of `needed` rests: somebody goes by what they find. What is switched off stays off.
    #[must_use]
    pub fn keeping(&self, needed: &[Part]) -> Self {
        self.exchanging(needed, Standing::Shed, Standing::On)
    }

    /// The same, but the work of `later` is put off.
    #[must_use]
    pub fn putting_off(&self, later: &[Part]) -> Self {
        self.exchanging(later, Standing::On, Standing::Shed)
    }

    fn exchanging(&self, parts: &[Part], from: Standing, to: Standing) -> Self {
        let mut standings = self.0;
        for part in parts {
            let standing = &mut standings[*part as usize];
            if *standing == from && part.class() != ShedClass::Critical {
                *standing = to;
            }
        }
        Self(standings)
    }

    /// Whether any part that reads what a message says runs.
    #[must_use]
    pub fn read_text(&self) -> bool {
        Part::TEXT.iter().any(|part| self.runs(*part))
    }

    /// The parts whose work is put off, to be done once the machine has recovered.
    pub fn shed(&self) -> impl Iterator<Item = Part> + '_ {
        Part::all().filter(|part| self.of(*part) == Standing::Shed)
    }
}

fn standing(part: Part, switches: &Switches, shed: ShedLevel) -> Standing {
    if part.class() == ShedClass::Critical {
        return Standing::On;
    }
    if switches.stages.get(&part.stage()) == Some(&Switch::Off) {
        return Standing::StageOff;
    }
    if switches.parts.get(&part) == Some(&Switch::Off) {
        return Standing::PartOff;
    }
    let rests = match part.class() {
        ShedClass::NiceToHave => shed >= ShedLevel::NiceToHave,
        ShedClass::Important => shed >= ShedLevel::Important,
        ShedClass::Critical => false,
    };
    if rests { Standing::Shed } else { Standing::On }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_has_every_part_in_its_place() {
        let parts: Vec<Part> = Part::all().collect();
        assert_eq!(parts.len(), Part::COUNT);
        assert!(
            parts.is_sorted(),
            "a part's place in the table is its number"
        );
        for part in parts {
            assert_eq!(part.name().parse(), Ok(part));
            assert_eq!(serde_json::to_value(part).unwrap(), part.name());
        }
        let said = "speling".parse::<Part>().unwrap_err().to_string();
        assert!(
            said.contains("speling") && said.contains("sentiment"),
            "{said}"
        );
    }

    #[test]
    fn each_stage_has_as_many_parts_as_the_requirements_say() {
        let count = |stage| Part::all().filter(|part| part.stage() == stage).count();
        assert_eq!(Group::ALL.map(count), [5, 5, 4, 5, 4]);
    }

    #[test]
    fn a_part_is_switched_alone_or_with_its_stage() {
        let mut switches = Switches::default();
        switches.part(Part::Sentiment, Switch::Off).unwrap();
        let parts = Parts::effective(&switches, ShedLevel::None);
        assert_eq!(parts.of(Part::Sentiment), Standing::PartOff);
        assert!(parts.runs(Part::Intent));
        switches.stage(Group::Conversation, Switch::Off).unwrap();
        let parts = Parts::effective(&switches, ShedLevel::None);
        assert_eq!(parts.of(Part::Intent), Standing::StageOff);
        assert!(!parts.read_text());
        switches.stage(Group::Conversation, Switch::On).unwrap();
        let parts = Parts::effective(&switches, ShedLevel::None);
        assert_eq!(
            parts.of(Part::Sentiment),
            Standing::PartOff,
            "it keeps its own switch"
        );
    }

    #[test]
    fn what_keeps_messages_safe_cannot_be_switched_off() {
        let mut switches = Switches::default();
        let refused = switches.part(Part::Ordering, Switch::Off).unwrap_err();
        assert!(refused.to_string().contains("'ordering' always runs"));
        assert_eq!(switches, Switches::default());
        // Settings written by hand change nothing either.
        switches.parts.insert(Part::Ordering, Switch::Off);
        assert!(Parts::effective(&switches, ShedLevel::Important).runs(Part::Ordering));
    }

    #[test]
    fn what_is_nice_to_have_rests_before_what_is_important() {
        let at = |level| Parts::effective(&Switches::default(), level);
        assert_eq!(at(ShedLevel::None).shed().count(), 0);
        let little = at(ShedLevel::NiceToHave);
        assert_eq!(little.of(Part::Sentiment), Standing::Shed);
        assert!(little.runs(Part::Entities));
        let much = at(ShedLevel::Important);
        assert_eq!(much.of(Part::Entities), Standing::Shed);
        assert!(much.runs(Part::MessageQueue));
    }

    #[test]
    fn what_is_off_is_not_put_off() {
        let mut switches = Switches::default();
        switches.part(Part::Sentiment, Switch::Off).unwrap();
        let parts = Parts::effective(&switches, ShedLevel::Important);
        assert!(parts.shed().all(|part| part != Part::Sentiment));
    }

    #[test]
    fn what_somebody_goes_by_does_not_rest_and_what_is_off_stays_off() {
        let mut switches = Switches::default();
        switches.part(Part::Sentiment, Switch::Off).unwrap();
        let loaded = Parts::effective(&switches, ShedLevel::Important);
        let kept = loaded.keeping(&[Part::Intent, Part::Sentiment]);
        assert_eq!(kept.of(Part::Intent), Standing::On);
        assert_eq!(kept.of(Part::Sentiment), Standing::PartOff);
        assert_eq!(kept.of(Part::Entities), Standing::Shed);
    }

    #[test]
    fn what_is_put_off_is_to_be_done_later_and_what_is_off_is_not() {
        let mut switches = Switches::default();
        switches.part(Part::Flow, Switch::Off).unwrap();
        let later = Parts::effective(&switches, ShedLevel::None).putting_off(&[
            Part::Flow,
            Part::Threads,
            Part::Ordering,
        ]);
        assert_eq!(later.shed().collect::<Vec<_>>(), [Part::Threads]);
        assert!(later.runs(Part::Ordering), "what is critical always runs");
    }

    proptest! {
        #[test]
        fn shedding_more_never_lets_more_run(off in proptest::collection::vec(0..Part::COUNT, 0..5)) {
            let mut switches = Switches::default();
            for at in off {
                switches.parts.insert(TABLE[at].part, Switch::Off);
            }
            let levels = [ShedLevel::None, ShedLevel::NiceToHave, ShedLevel::Important];
            let running = levels.map(|level| {
                let parts = Parts::effective(&switches, level);
                Part::all().filter(|part| parts.runs(*part)).count()
            });
            prop_assert!(running.is_sorted_by(|more, less| more >= less));
        }
    }
}
