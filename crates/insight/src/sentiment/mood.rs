//! How a message feels, learnt from labelled messages, on top of the list of words.
//!
//! The list knows what words are worth; it does not know that an offer, a reminder or a price drop is business
//! and no feeling. The model has seen messages of that kind, with the list's own opinion as a hint.

use super::{Feeling, Sentiment};
use crate::doc::Doc;
use crate::intent::examples::FeltExample;
use crate::intent::{Hint, IntentModel, Labelled};
use crate::kept::{Reader, Writer};

/// Fewer labelled messages than this teach nothing.
pub(crate) const EXAMPLES_MIN: usize = 200;
/// How much the list's opinion counts where the model has seen every word; elsewhere it counts more.
const LIST_SHARE: f32 = 0.35;

/// The trained part of sentiment.
#[derive(Debug, Clone)]
pub(crate) struct Mood {
    model: IntentModel,
    /// Where the labels for bad, neutral and good stand.
    places: [usize; 3],
}

impl Mood {
    /// Learns from labelled messages; none when there are too few, or one of the three is missing.
    pub(crate) fn train(
        examples: &[FeltExample],
        list: &dyn Fn(&str) -> Sentiment,
    ) -> Option<Self> {
        if examples.len() < EXAMPLES_MIN {
            return None;
        }
        let labelled: Vec<Labelled> = examples
            .iter()
            .map(|e| Labelled {
                text: e.text.clone(),
                label: name(e.feeling).to_owned(),
                hints: hints(list(&e.text)),
            })
            .collect();
        Self::of(IntentModel::train_closed(&labelled))
    }

    /// None when the model does not know all three.
    fn of(model: IntentModel) -> Option<Self> {
        let place = |feeling| model.labels().iter().position(|l| l == name(feeling));
        let places = [
            place(Feeling::Negative)?,
            place(Feeling::Neutral)?,
            place(Feeling::Positive)?,
        ];
        Some(Self { model, places })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.model.write(writer);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Self::of(IntentModel::read(reader)?)
    }

    /// The list's opinion, corrected by what was learnt.
    pub(crate) fn feel(&self, doc: &Doc<'_>, list: Sentiment) -> Sentiment {
        let (shares, seen) = self.model.shares(doc, &hints(list));
        let [bad, neutral, good] = self.places.map(|at| shares.get(at).copied().unwrap_or(0.0));
        let trust = (1.0 - LIST_SHARE) * seen;
        let score = trust * (good - bad) + (1.0 - trust) * list.score * (1.0 - trust * neutral);
        Sentiment {
            score: score.clamp(-1.0, 1.0),
            label: super::label_at(score, neutral_below(seen)),
        }
    }
}

/// Among messages of the known kind most are plain business, and more is asked of a feeling.
fn neutral_below(seen: f32) -> f32 {
    (0.5 * seen - 0.07).clamp(0.05, 0.25)
}

fn name(feeling: Feeling) -> &'static str {
    match feeling {
        Feeling::Negative => "negative",
        Feeling::Neutral => "neutral",
        Feeling::Positive => "positive",
    }
}

/// What the list thinks, in words that the model can learn from.
fn hints(list: Sentiment) -> Vec<Hint> {
    let step = match list.score {
        s if s <= -0.6 => "very bad",
        s if s <= -0.3 => "bad",
        s if s <= -0.05 => "rather bad",
        s if s < 0.05 => "neither",
        s if s < 0.3 => "rather good",
        s if s < 0.6 => "good",
        _ => "very good",
    };
    [step, name(list.label)].map(Hint::of_all).to_vec()
}
