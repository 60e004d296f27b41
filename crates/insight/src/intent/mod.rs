//! What a message wants: a model trained from examples in seconds, which says so when it does not know.

pub mod examples;
mod features;
mod judge;
mod kept;
mod linear;
pub(crate) mod vectors;

pub use examples::{Example, ExamplesError};
pub use features::FeatureSet;
pub use linear::Loss;

use crate::doc::Doc;
use crate::entity::Entity;
use features::features;
use judge::{Held, Judge, SIGNS, Worth};
pub(crate) use linear::sigmoid;
use linear::{Dice, Linear, Row, Training};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

/// The answer of a model that does not know.
pub const UNCLEAR: &str = "unclear";
/// Part of the examples that the threshold is fixed on, when nobody gave any: every tenth.
const HELD_OUT: usize = 10;
/// From so many weights to learn on, examples times intents, features that occur once are left out.
const RARE_FROM: usize = 1_000_000;
/// How much the meaning of a message weighs beside its words.
const MEANING_WEIGHT: f32 = 0.5;
/// How much the pieces of words weigh beside the words.
const PIECES_WEIGHT: f32 = 0.6;

/// What a message wants, and how sure that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The intent's name; [`UNCLEAR`], or the model's own name for it, below the threshold.
    pub name: String,
    /// Between 0 and 1.
    pub confidence: f32,
}

/// How a model is trained.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// The label of examples that belong to none, and the answer below the threshold.
    pub oos_label: String,
    /// What the model sees.
    pub features: FeatureSet,
    /// What is minimised.
    pub loss: Loss,
    /// What tells the known from the unknown.
    pub judging: Judging,
}

/// What tells the known from the unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judging {
    /// The best score alone: the plain baseline.
    BestScore,
    /// The best score, its lead, and how much of the message was seen in training.
    AllSigns,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            oos_label: UNCLEAR.to_owned(),
            features: FeatureSet::Full,
            loss: Loss::Hinge,
            judging: Judging::AllSigns,
        }
    }
}

/// A message with its label and what else is known of it.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// The message.
    pub text: String,
    /// Its intent.
    pub label: String,
    /// What is known of it besides its words, such as the kinds of values found in it.
    pub hints: Vec<Hint>,
}

/// Something that is known of a message besides its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// What it is, such as the kind of a value.
    pub name: &'static str,
    /// The bytes of the message that it is about; none when it is about all of it.
    pub at: Range<usize>,
}

impl Hint {
    /// What is known of a message as a whole.
    pub fn of_all(name: &'static str) -> Self {
        Self { name, at: 0..0 }
    }
}

impl From<&Entity> for Hint {
    fn from(entity: &Entity) -> Self {
        Self {
            name: entity.kind.name(),
            at: entity.start..entity.end,
        }
    }
}

/// Features by their hash; what is hashed already is not hashed again.
type Vocabulary = HashMap<u64, u32, BuildHasherDefault<Plain>>;

/// Takes a hash as it is, its better half mixed into the other.
#[derive(Debug, Default, Clone, Copy)]
struct Plain(u64);

impl Hasher for Plain {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// A trained model. It can be stored and read back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IntentModel {
    labels: Vec<String>,
    oos_label: String,
    /// Whether what belongs to no intent was learnt as an intent of its own, the last of the linear model.
    knows_outside: bool,
    set: FeatureSet,
    vocabulary: Vocabulary,
    rarity: Vec<f32>,
    /// How rare a word is that was never seen.
    unseen: f32,
    linear: Linear,
    judge: Judge,
}

/// From so many examples of no intent on, they are learnt as an intent of their own.
const OUTSIDE_MIN: usize = 10;

struct Answer {
    label: usize,
    signs: [f32; SIGNS],
}

impl IntentModel {
    /// Trains on examples, and fixes the threshold on the validation examples; without any, on a tenth of the
    /// examples, which the final model learns from as well.
    pub fn train(examples: &[Labelled], validation: &[Labelled], options: &TrainOptions) -> Self {
        if !validation.is_empty() {
            let mut model = Self::fit(examples, options);
            model.judge = Judge::fit(&model.held(validation), options.judging, Worth::Outside);
            return model;
        }
        let mut mixed: Vec<&Labelled> = examples.iter().collect();
        Dice(0x1234_5678_9abc_def1).shuffle(&mut mixed);
        let held: Vec<Labelled> = mixed
            .iter()
            .step_by(HELD_OUT)
            .map(|e| (*e).clone())
            .collect();
        let rest: Vec<Labelled> = mixed
            .iter()
            .enumerate()
            .filter(|(at, _)| at % HELD_OUT != 0)
            .map(|(_, e)| (*e).clone())
            .collect();
        let trial = Self::fit(&rest, options);
        let mut model = Self::fit(examples, options);
        model.judge = Judge::fit(&trial.held(&held), options.judging, Worth::ByCount);
        model
    }

    fn fit(examples: &[Labelled], options: &TrainOptions) -> Self {
        let mut labels: Vec<String> = examples
            .iter()
            .map(|e| e.label.clone())
            .filter(|l| *l != options.oos_label)
            .collect();
        labels.sort();
        labels.dedup();
        let outside = examples
            .iter()
            .filter(|e| e.label == options.oos_label)
            .count();
        let knows_outside = outside >= OUTSIDE_MIN && options.features == FeatureSet::Full;
        let made: Vec<_> = examples
            .iter()
            .map(|e| features(&Doc::new(&e.text), &e.hints, options.features))
            .collect();
        let (vocabulary, rarity) = vocabulary(&made, labels.len());
        let mut model = Self {
            labels,
            oos_label: options.oos_label.clone(),
            knows_outside,
            set: options.features,
            vocabulary,
            unseen: rarest(&rarity),
            rarity,
            linear: Linear::train(&[], 0, 0, TRAINING_NONE),
            judge: Judge::default(),
        };
        let rows: Vec<(Row, Option<u32>)> = made
            .iter()
            .zip(examples)
            .map(|(f, e)| (model.row(f), model.target(&e.label)))
            .collect();
        let targets = model.labels.len() + usize::from(knows_outside);
        let how = training(options.loss, rows.len() * targets);
        let features = model.rarity.len() + vectors::SIZE;
        model.linear = Linear::train(&rows, features, targets, how);
        model
    }

    /// The number of a label in the linear model.
    fn target(&self, label: &str) -> Option<u32> {
        match self.labels.binary_search_by(|l| l.as_str().cmp(label)) {
            Ok(at) => Some(at as u32),
            Err(_) => self.knows_outside.then_some(self.labels.len() as u32),
        }
    }

    /// The weights of a message's features: words and pieces are each brought to length one.
    fn row(&self, made: &features::Features) -> Row {
        let mut row = self.block(made.words.iter().chain(&made.loose), 1.0);
        row.extend(self.block(made.pieces.iter(), PIECES_WEIGHT));
        row.extend(self.meaning(&made.meanings));
        row
    }

    /// The mean of what the words mean; rare words count more.
    fn meaning(&self, meanings: &[(u64, u32)]) -> Row {
        if meanings.is_empty() {
            return Row::new();
        }
        let unseen = self.unseen;
        let mut mean = [0.0_f32; vectors::SIZE];
        for (hash, place) in meanings {
            let weight = self
                .vocabulary
                .get(hash)
                .map_or(unseen, |&at| self.rarity[at as usize]);
            for (sum, number) in mean.iter_mut().zip(vectors::numbers(*place)) {
                *sum += weight * number;
            }
        }
        let length = mean.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
        let first = self.rarity.len() as u32;
        (first..)
            .zip(mean.map(|v| v * MEANING_WEIGHT / length))
            .collect()
    }

    fn block<'a>(&self, hashes: impl Iterator<Item = &'a u64>, weight: f32) -> Row {
        let mut known: Vec<u32> = hashes
            .filter_map(|h| self.vocabulary.get(h).copied())
            .collect();
        known.sort_unstable();
        let mut row: Row = known
            .chunk_by(|a, b| a == b)
            .map(|same| {
                (
                    same[0],
                    (1.0 + (same.len() as f32).ln()) * self.rarity[same[0] as usize],
                )
            })
            .collect();
        let length = row.iter().map(|(_, v)| v * v).sum::<f32>().sqrt();
        if length > 0.0 {
            for (_, value) in &mut row {
                *value *= weight / length;
            }
        }
        row
    }

    fn answer(&self, doc: &Doc<'_>, hints: &[Hint]) -> Answer {
        let made = features(doc, hints, self.set);
        let row = self.row(&made);
        let mut scores = vec![0.0; self.linear.labels()];
        self.linear.score(&row, &mut scores);
        let (mut label, mut best, mut second) = (0, f32::NEG_INFINITY, f32::NEG_INFINITY);
        for (at, &score) in scores.iter().take(self.labels.len()).enumerate() {
            if score > best {
                (second, best, label) = (best, score, at);
            } else if score > second {
                second = score;
            }
        }
        let over_outside = scores.get(self.labels.len()).map_or(0.0, |o| best - o);
        let signs = [
            best,
            best - second.max(best - 20.0),
            self.share_known(&made.words),
            self.share_known(&made.pieces),
            over_outside,
        ];
        Answer { label, signs }
    }

    /// How much of what was said the model has seen before, weighed by rarity.
    fn share_known(&self, hashes: &[u64]) -> f32 {
        let unseen = self.unseen;
        let (mut known, mut all) = (0.0_f32, 0.0_f32);
        for hash in hashes {
            match self.vocabulary.get(hash) {
                Some(&at) => {
                    known += self.rarity[at as usize];
                    all += self.rarity[at as usize];
                }
                None => all += unseen,
            }
        }
        if all > 0.0 { known / all } else { 0.0 }
    }

    /// What the judge learns from: how the model answers held-out examples.
    fn held(&self, examples: &[Labelled]) -> Vec<Held> {
        examples
            .iter()
            .map(|e| {
                let answer = self.answer(&Doc::new(&e.text), &e.hints);
                let inside = e.label != self.oos_label;
                Held {
                    signs: answer.signs,
                    right: inside && self.labels.get(answer.label) == Some(&e.label),
                    inside,
                }
            })
            .collect()
    }

    /// What a message wants.
    pub fn classify(&self, doc: &Doc<'_>, hints: &[Hint]) -> Intent {
        let silent = (0..doc.len()).all(|i| doc.is_any_mark(i, ".,:;-_*~'\"()"));
        if self.labels.is_empty() || silent {
            return Intent {
                name: self.oos_label.clone(),
                confidence: 0.0,
            };
        }
        let answer = self.answer(doc, hints);
        let known = self.judge.known(&answer.signs);
        let strange = answer.signs[2] <= 0.0 && answer.signs[3] < STRANGE_BELOW;
        if strange || known < self.judge.threshold() {
            return Intent {
                name: self.oos_label.clone(),
                confidence: 1.0 - known,
            };
        }
        Intent {
            name: self.labels[answer.label].clone(),
            confidence: known,
        }
    }

    /// How likely each label is, in the order of [`Self::labels`], and how much of the message was seen before.
    pub(crate) fn shares(&self, doc: &Doc<'_>, hints: &[Hint]) -> (Vec<f32>, f32) {
        let made = features(doc, hints, self.set);
        let mut scores = vec![0.0; self.linear.labels()];
        self.linear.score(&self.row(&made), &mut scores);
        scores.truncate(self.labels.len());
        let mut shares: Vec<f32> = scores.into_iter().map(sigmoid).collect();
        let sum = shares.iter().sum::<f32>().max(1e-9);
        shares.iter_mut().for_each(|s| *s /= sum);
        (shares, self.share_known(&made.words))
    }

    /// Trains without a threshold: every message gets a label.
    pub(crate) fn train_closed(examples: &[Labelled]) -> Self {
        Self::fit(
            examples,
            &TrainOptions {
                oos_label: String::new(),
                loss: Loss::Logistic,
                ..TrainOptions::default()
            },
        )
    }

    /// The names of all intents but the one for what is out of scope.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// What it answers when it abstains.
    pub fn abstention(&self) -> &str {
        &self.oos_label
    }

    /// How sure the model must be; below it abstains.
    pub fn threshold(&self) -> f32 {
        self.judge.threshold()
    }
}

/// Share of known pieces below which a message without any known word is refused.
const STRANGE_BELOW: f32 = 0.25;

/// Weights that are touched during training, about.
const STEPS: usize = 2_000_000;

const TRAINING_NONE: Training = Training {
    loss: Loss::Logistic,
    passes: 0,
    step: 0.0,
};

/// Small sets are gone through more often; `weights` is examples times intents.
fn training(loss: Loss, weights: usize) -> Training {
    let passes = (STEPS / weights.max(1)).clamp(12, 60);
    match loss {
        Loss::Logistic => Training {
            loss,
            passes,
            step: 2.0,
        },
        Loss::Hinge => Training {
            loss,
            passes,
            step: 0.3,
        },
    }
}

/// The rarity of what is rarer than all else.
fn rarest(rarity: &[f32]) -> f32 {
    rarity.iter().copied().fold(1.0_f32, f32::max)
}

/// Numbers the features, and says how rare each is.
fn vocabulary(made: &[features::Features], labels: usize) -> (Vocabulary, Vec<f32>) {
    let mut counts = Vocabulary::default();
    for features in made {
        let mut seen: Vec<u64> = features
            .words
            .iter()
            .chain(&features.loose)
            .chain(&features.pieces)
            .copied()
            .collect();
        seen.sort_unstable();
        seen.dedup();
        for hash in seen {
            *counts.entry(hash).or_default() += 1;
        }
    }
    let least = if made.len() * labels > RARE_FROM {
        2
    } else {
        1
    };
    let mut kept: Vec<(u64, u32)> = counts
        .into_iter()
        .filter(|(_, count)| *count >= least)
        .collect();
    kept.sort_unstable();
    let all = made.len() as f32;
    let rarity = kept
        .iter()
        .map(|(_, count)| ((1.0 + all) / (1.0 + *count as f32)).ln() + 1.0)
        .collect();
    let vocabulary = kept
        .iter()
        .enumerate()
        .map(|(at, (hash, _))| (*hash, at as u32))
        .collect();
    (vocabulary, rarity)
}
