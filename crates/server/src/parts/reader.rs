//! One message, read part by part and measured.
//!
//! A part that breaks is noted and left out: what breaks on a text is never a reason to lose the message
//! or to hold up its conversation.

use super::states::State;
use crate::clock;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use waypost_engine::flow::meaning::{
    Asked, Feeling, IntentFinding, Joined, PartOutcome, Reading, SentimentFinding, ThreadFinding,
    Trace, TurnFinding, Urgency, ValueFinding,
};
use waypost_engine::flow::parts::{Part, Parts};
use waypost_engine::model::Timestamp;
use waypost_insight::flow::{Flow, Sign, Subject, Turn, subjects};
use waypost_insight::intent::Intent;
use waypost_insight::llm;
use waypost_insight::sentiment::{Feeling as Felt, Sentiment, Urgency as Urged};
use waypost_insight::threads::{Joined as Placing, Placed, Threads};
use waypost_insight::{Analysis, Analyzer, Input};
use waypost_store::reading::ThreadChange;

/// Longest subject that a thread remembers, in bytes; longer ones are left out.
const SUBJECT_LEN_MAX: usize = 200;

/// A message to read.
pub(super) struct Job {
    pub(super) words: String,
    /// When its sender's side says it was written.
    pub(super) at: Timestamp,
    pub(super) state: Arc<State>,
    pub(super) parts: Arc<Parts>,
}

/// What came of it.
pub(crate) struct Done {
    pub(crate) reading: Reading,
    /// The conversation after it; `None` when nothing was observed.
    pub(crate) after: Option<State>,
    pub(crate) thread: Option<ThreadChange>,
}

impl Done {
    /// Nothing could be read at all.
    pub(super) fn failed() -> Self {
        Self {
            reading: Reading::unread(|_| PartOutcome::Failed),
            after: None,
            thread: None,
        }
    }

    /// Whether it has words that the intent part, which ran, did not understand.
    pub(super) fn is_unsure(&self, job: &Job) -> bool {
        let abstained = |t: &Trace| t.part == Part::Intent && t.outcome == PartOutcome::Nothing;
        self.reading.traces.iter().any(abstained) && job.words.chars().any(char::is_alphabetic)
    }

    /// What came of asking a language model; `None` when none was to be asked.
    pub(super) fn asked(&self) -> Option<Asked> {
        self.reading.traces.iter().find_map(|trace| trace.asked)
    }

    /// The same, noting that a language model was no help.
    pub(super) fn noting(mut self, asked: Asked) -> Self {
        note_asked(&mut self.reading.traces, asked);
        self
    }
}

/// Notes with the intent what came of asking a language model.
fn note_asked(traces: &mut [Trace], asked: Asked) {
    for trace in traces.iter_mut().filter(|t| t.part == Part::Intent) {
        trace.asked = Some(asked);
    }
}

/// Runs parts, and notes what each did.
struct Tracer<'p> {
    parts: &'p Parts,
    traces: Vec<Trace>,
}

impl Tracer<'_> {
    /// Runs a part that is on. `found` says whether it found anything.
    fn run<T>(
        &mut self,
        part: Part,
        work: impl FnOnce() -> T,
        found: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        if let Some(outcome) = PartOutcome::skipped(self.parts.of(part)) {
            self.note(part, outcome, 0);
            return None;
        }
        let begun = clock::monotonic();
        let made = catch_unwind(AssertUnwindSafe(work));
        let took = clock::micros_since(begun);
        match made {
            Ok(made) => {
                let outcome = match found(&made) {
                    true => PartOutcome::Found,
                    false => PartOutcome::Nothing,
                };
                self.note(part, outcome, took);
                Some(made)
            }
            Err(_) => {
                self.note(part, PartOutcome::Failed, took);
                None
            }
        }
    }

    fn note(&mut self, part: Part, outcome: PartOutcome, took_us: u32) {
        self.traces.push(Trace {
            part,
            outcome,
            took_us,
            asked: None,
        });
    }

    /// Takes of a language model's answer what can be proved, and nothing when it is not what was asked for.
    fn hear(
        &mut self,
        analyzer: &Analyzer,
        input: &Input<'_>,
        answer: &str,
        analysis: Analysis,
    ) -> Analysis {
        let mut heard = analysis.clone();
        let take = || llm::take(analyzer, input, answer, &mut heard);
        let Ok(Ok(taken)) = catch_unwind(AssertUnwindSafe(take)) else {
            note_asked(&mut self.traces, Asked::Refused);
            return analysis;
        };
        let wants_values = PartOutcome::skipped(self.parts.of(Part::Entities)).is_none();
        if !wants_values {
            heard.entities.clear();
        }
        let values = wants_values && taken.values > 0;
        for trace in &mut self.traces {
            let added = match trace.part {
                Part::Entities => values,
                Part::Intent => taken.intent,
                _ => false,
            };
            if added {
                trace.outcome = PartOutcome::Found;
            }
        }
        let asked = match values || taken.intent {
            true => Asked::Taken,
            false => Asked::Nothing,
        };
        note_asked(&mut self.traces, asked);
        heard
    }
}

/// Reads a message, with what a language model answered about it, if one was asked. May take milliseconds for
/// a long one.
pub(super) fn read(analyzer: &Analyzer, job: &Job, answer: Option<&str>) -> Done {
    let moment = jiff::Timestamp::from_millisecond(job.at.0).unwrap_or_default();
    let at = moment.to_zoned(job.state.zone());
    let input = Input {
        text: &job.words,
        at: &at,
        locale: job.state.locale(),
    };
    let Ok(opened) = catch_unwind(AssertUnwindSafe(|| analyzer.open(&input))) else {
        return Done::failed();
    };
    let mut tracer = Tracer {
        parts: &job.parts,
        traces: Vec::with_capacity(Part::TEXT.len()),
    };
    let entities = tracer.run(
        Part::Entities,
        || opened.entities(),
        |found| !found.is_empty(),
    );
    let entities = entities.unwrap_or_default();
    let clear = |intent: &Intent| intent.name != waypost_insight::intent::UNCLEAR;
    let intent = tracer.run(Part::Intent, || opened.intent(&entities), clear);
    let felt = tracer.run(
        Part::Sentiment,
        || (opened.sentiment(), opened.urgency()),
        |(sentiment, urgency)| sentiment.label != Felt::Neutral || *urgency != Urged::Normal,
    );
    let mut analysis = Analysis {
        entities,
        intent: intent.clone().unwrap_or(Intent {
            name: waypost_insight::intent::UNCLEAR.to_owned(),
            confidence: 0.0,
        }),
        sentiment: felt.map_or(NEUTRAL, |(sentiment, _)| sentiment),
        urgency: felt.map_or(Urged::Normal, |(_, urgency)| urgency),
        language: String::new(),
        truncated: opened.truncated(),
    };
    if let Some(answer) = answer {
        analysis = tracer.hear(analyzer, &input, answer, analysis);
    }
    let intent = intent.map(|_| analysis.intent.clone());
    let turned = tracer.run(
        Part::Flow,
        || observe(job.state.flow(), &job.words, &analysis, moment),
        |(_, turn)| turn.switched,
    );
    let turn = turned.as_ref().map_or(&STAYED, |(_, turn)| turn);
    let placed = tracer.run(
        Part::Threads,
        || place(job.state.threads(), &analysis, turn, moment),
        |(_, placed)| placed.how != Placing::Continued,
    );
    finish(job, tracer.traces, analysis, (intent, felt), turned, placed)
}

const NEUTRAL: Sentiment = Sentiment {
    score: 0.0,
    label: Felt::Neutral,
};
static STAYED: Turn = Turn {
    score: 0.0,
    switched: false,
    signs: Vec::new(),
};

fn observe(flow: &Flow, words: &str, analysis: &Analysis, at: jiff::Timestamp) -> (Flow, Turn) {
    let mut flow = flow.clone();
    let turn = flow.observe(words, analysis, at);
    (flow.compact(), turn)
}

fn place(
    threads: &Threads,
    analysis: &Analysis,
    turn: &Turn,
    at: jiff::Timestamp,
) -> (Threads, Placed) {
    let mut about: Vec<Subject> = subjects(analysis);
    about.retain(|subject| subject.value.len() <= SUBJECT_LEN_MAX);
    let mut threads = threads.clone();
    let placed = threads.place(&about, turn, at);
    (threads, placed)
}

fn finish(
    job: &Job,
    traces: Vec<Trace>,
    analysis: Analysis,
    (intent, felt): (Option<Intent>, Option<(Sentiment, Urged)>),
    turned: Option<(Flow, Turn)>,
    placed: Option<(Threads, Placed)>,
) -> Done {
    let analysis = analysis.in_characters(&job.words);
    let reading = Reading {
        values: analysis.entities.into_iter().map(value).collect(),
        intent: intent.map(|intent| IntentFinding {
            name: intent.name,
            confidence: intent.confidence,
        }),
        sentiment: felt.map(|(sentiment, urgency)| SentimentFinding {
            score: sentiment.score,
            label: feeling(sentiment.label),
            urgency: urgent(urgency),
        }),
        turn: turned.as_ref().map(|(_, turn)| TurnFinding {
            score: turn.score,
            switched: turn.switched,
            signs: turn
                .signs
                .iter()
                .map(|sign| name(*sign).to_owned())
                .collect(),
        }),
        thread: placed.as_ref().map(|(_, placed)| ThreadFinding {
            number: placed.thread,
            how: joined(placed.how),
        }),
        truncated: analysis.truncated,
        traces,
    };
    let thread = placed
        .as_ref()
        .and_then(|(threads, placed)| change(threads, placed));
    let after = (turned.is_some() || placed.is_some()).then(|| {
        job.state.after(
            turned.map(|(flow, _)| flow),
            placed.map(|(threads, _)| threads),
        )
    });
    Done {
        reading,
        after,
        thread,
    }
}

fn change(threads: &Threads, placed: &Placed) -> Option<ThreadChange> {
    let thread = threads.open().iter().find(|t| t.number == placed.thread)?;
    Some(ThreadChange {
        number: thread.number,
        opened_at: Timestamp(thread.opened.as_millisecond()),
        last_at: Timestamp(thread.last.as_millisecond()),
        messages: thread.messages,
        subjects: serde_json::to_string(&thread.subjects).ok()?,
        closed: placed.closed.clone(),
    })
}

fn value(entity: waypost_insight::entity::Entity) -> ValueFinding {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    ValueFinding {
        kind: entity.kind.name().to_owned(),
        start: place(entity.start),
        end: place(entity.end),
        value: entity.value,
        text: entity.text,
        confidence: entity.confidence,
        source: source(entity.source).to_owned(),
    }
}

fn source(source: waypost_insight::entity::Source) -> &'static str {
    use waypost_insight::entity::Source;
    match source {
        Source::Rule => "rule",
        Source::Model => "model",
        Source::Gazetteer => "gazetteer",
        Source::Llm => "llm",
    }
}

fn feeling(felt: Felt) -> Feeling {
    match felt {
        Felt::Positive => Feeling::Positive,
        Felt::Neutral => Feeling::Neutral,
        Felt::Negative => Feeling::Negative,
    }
}

fn urgent(urged: Urged) -> Urgency {
    match urged {
        Urged::Normal => Urgency::Normal,
        Urged::High => Urgency::High,
        Urged::Critical => Urgency::Critical,
    }
}

fn name(sign: Sign) -> &'static str {
    match sign {
        Sign::Words => "words",
        Sign::Subject => "subject",
        Sign::Intent => "intent",
        Sign::Gap => "gap",
        Sign::Mood => "mood",
    }
}

fn joined(how: Placing) -> Joined {
    match how {
        Placing::Opened => Joined::Opened,
        Placing::Continued => Joined::Continued,
        Placing::Returned => Joined::Returned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::analyzer;
    use crate::models::of_tests;
    use waypost_engine::flow::parts::{ShedLevel, Switch, Switches};

    const MORNING: Timestamp = Timestamp(1_771_826_400_000); // 2026-02-23T10:00 in Dubai

    fn job(words: &str, state: State, parts: Parts) -> Job {
        Job {
            words: words.to_owned(),
            at: MORNING,
            state: Arc::new(state),
            parts: Arc::new(parts),
        }
    }

    fn read_with(words: &str, state: State, parts: Parts) -> Done {
        read(
            analyzer(&of_tests()).unwrap(),
            &job(words, state, parts),
            None,
        )
    }

    fn outcome(done: &Done, part: Part) -> PartOutcome {
        let found = done.reading.traces.iter().find(|trace| trace.part == part);
        found.unwrap().outcome
    }

    #[test]
    fn a_message_is_read_whole() {
        let words = "Hi, can I view the 2BR in JVC tomorrow at 5pm? Call 050-576-0056, urgent!!";
        let done = read_with(words, State::default(), Parts::default());
        let reading = &done.reading;
        let value = |kind: &str| {
            let found = reading.values.iter().find(|value| value.kind == kind);
            found
                .unwrap_or_else(|| panic!("no {kind} in {reading:?}"))
                .value
                .clone()
        };
        assert_eq!(value("phone"), "+971505760056");
        assert_eq!(value("datetime"), "2026-02-24T17:00");
        assert_eq!(reading.intent.as_ref().unwrap().name, "viewing_request");
        assert!(reading.sentiment.unwrap().urgency >= Urgency::High);
        assert_eq!(reading.thread.as_ref().unwrap().number, 1);
        assert_eq!(reading.traces.len(), Part::TEXT.len());
        assert_eq!(done.thread.unwrap().messages, 1);
    }

    #[test]
    fn a_part_that_is_off_finds_nothing_and_says_why() {
        let mut switches = Switches::default();
        switches.part(Part::Entities, Switch::Off).unwrap();
        let parts = Parts::effective(&switches, ShedLevel::NiceToHave);
        let done = read_with("call 050-576-0056, I am so angry!", State::default(), parts);
        assert!(done.reading.values.is_empty());
        assert_eq!(outcome(&done, Part::Entities), PartOutcome::Off);
        assert_eq!(outcome(&done, Part::Sentiment), PartOutcome::Shed);
        assert!(done.reading.sentiment.is_none());
        assert_eq!(
            done.reading.put_off().collect::<Vec<_>>(),
            [Part::Sentiment],
            "what was switched off is not to be done later, what rested is"
        );
        assert_ne!(outcome(&done, Part::Intent), PartOutcome::Off);
    }

    #[test]
    fn another_matter_opens_another_thread_and_naming_the_first_returns_to_it() {
        let mut state = State::default();
        let mut said = |words: &str| {
            let done = read_with(words, state.clone(), Parts::default());
            state = done.after.clone().unwrap();
            done.reading.thread.unwrap()
        };
        assert_eq!(
            said("Is unit 1203 in Marina Gate still available?").number,
            1
        );
        assert_eq!(said("what is the price?").how, Joined::Continued);
        let other = said("By the way, another question: how is villa 44 in Arabian Ranches?");
        assert_eq!((other.number, other.how), (2, Joined::Opened));
        let back = said("ok and unit 1203 in Marina Gate, can I see it?");
        assert_eq!((back.number, back.how), (1, Joined::Returned));
    }

    #[test]
    fn positions_are_counted_in_characters() {
        let done = read_with(
            "\u{1F642} مرحبا 050-576-0056",
            State::default(),
            Parts::default(),
        );
        let phone = &done.reading.values[0];
        assert_eq!((phone.start, phone.end), (8, 20));
    }
}
