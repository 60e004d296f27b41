//! What a message wants: a model trained from examples in seconds, which says so when it does not know.

pub mod examples;
mod features;
mod linear;

pub use examples::{Example, ExamplesError};
pub use features::FeatureSet;
pub use linear::Loss;

use crate::doc::Doc;
use crate::entity::Kind;
use features::features;
use linear::{Dice, Linear, Row, Training, sigmoid};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The answer of a model that does not know.
pub const UNCLEAR: &str = "unclear";
/// Part of the examples that the threshold is fixed on, when nobody gave any: every tenth.
const HELD_OUT: usize = 10;
/// From so many examples on, features that occur once are left out.
const RARE_FROM: usize = 4_000;

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
            loss: Loss::Logistic,
            judging: Judging::AllSigns,
        }
    }
}

/// A message with its label and the kinds of values that it mentions.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// The message.
    pub text: String,
    /// Its intent.
    pub label: String,
    /// Kinds of values found in it.
    pub kinds: Vec<Kind>,
}

/// A trained model. It can be stored and read back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IntentModel {
    labels: Vec<String>,
    oos_label: String,
    set: FeatureSet,
    vocabulary: HashMap<u64, u32>,
    rarity: Vec<f32>,
    linear: Linear,
    judge: Judge,
}

/// Tells what is known from what is not.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Judge {
    /// Weights of best score, lead over the second, and share of known words; and the bias.
    weights: [f32; SIGNS],
    bias: f32,
    threshold: f32,
}

const SIGNS: usize = 4;

impl Judge {
    fn known(&self, signs: &[f32; SIGNS]) -> f32 {
        sigmoid(
            self.bias
                + self
                    .weights
                    .iter()
                    .zip(signs)
                    .map(|(w, s)| w * s)
                    .sum::<f32>(),
        )
    }
}

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
            model.judge = model.fit_judge(validation, options.judging);
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
        model.judge = trial.fit_judge(&held, options.judging);
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
        let made: Vec<_> = examples
            .iter()
            .map(|e| features(&Doc::new(&e.text), &e.kinds, options.features))
            .collect();
        let (vocabulary, rarity) = vocabulary(&made);
        let mut model = Self {
            labels,
            oos_label: options.oos_label.clone(),
            set: options.features,
            vocabulary,
            rarity,
            linear: Linear::train(&[], 0, 0, TRAINING_NONE),
            judge: Judge {
                weights: [1.0, 0.0, 0.0, 0.0],
                bias: 0.0,
                threshold: 0.0,
            },
        };
        let rows: Vec<(Row, Option<u32>)> = made
            .iter()
            .zip(examples)
            .map(|(f, e)| {
                (
                    model.row(f),
                    model
                        .labels
                        .binary_search(&e.label)
                        .ok()
                        .map(|at| at as u32),
                )
            })
            .collect();
        let how = training(options.loss, rows.len());
        model.linear = Linear::train(&rows, model.rarity.len(), model.labels.len(), how);
        model
    }

    /// The weights of a message's features: words and pieces are each brought to length one.
    fn row(&self, made: &features::Features) -> Row {
        let mut row = self.block(&made.words, 1.0);
        row.extend(self.block(&made.pieces, 0.8));
        row
    }

    fn block(&self, hashes: &[u64], weight: f32) -> Row {
        let mut known: Vec<u32> = hashes
            .iter()
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

    fn answer(&self, doc: &Doc<'_>, kinds: &[Kind]) -> Answer {
        let made = features(doc, kinds, self.set);
        let row = self.row(&made);
        let mut scores = vec![0.0; self.linear.labels()];
        self.linear.score(&row, &mut scores);
        let (mut label, mut best, mut second) = (0, f32::NEG_INFINITY, f32::NEG_INFINITY);
        for (at, &score) in scores.iter().enumerate() {
            if score > best {
                (second, best, label) = (best, score, at);
            } else if score > second {
                second = score;
            }
        }
        let signs = [
            best,
            best - second.max(best - 20.0),
            self.share_known(&made.words),
            self.share_known(&made.pieces),
        ];
        Answer { label, signs }
    }

    /// How much of what was said the model has seen before, weighed by rarity.
    fn share_known(&self, hashes: &[u64]) -> f32 {
        let unseen = self.rarity.iter().copied().fold(1.0_f32, f32::max);
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

    /// Fits the judge on held-out examples: is the best answer right?
    fn fit_judge(&self, held: &[Labelled], judging: Judging) -> Judge {
        let answers: Vec<([f32; SIGNS], bool, bool)> = held
            .iter()
            .map(|e| {
                let answer = self.answer(&Doc::new(&e.text), &e.kinds);
                let inside = e.label != self.oos_label;
                let right = inside && self.labels.get(answer.label) == Some(&e.label);
                (answer.signs, right, inside)
            })
            .collect();
        let mut judge = Judge {
            weights: [0.0; SIGNS],
            bias: 0.0,
            threshold: 0.0,
        };
        let outside = answers.iter().filter(|a| !a.2).count().max(1) as f32;
        let inside = (answers.len() as f32 - outside).max(1.0);
        if judging == Judging::BestScore {
            judge.weights[0] = 1.0;
        }
        let passes = if judging == Judging::AllSigns {
            JUDGE_PASSES
        } else {
            0
        };
        for pass in 0..passes {
            let step = 2.0 / (1.0 + pass as f32 * 0.02);
            let mut slope = [0.0_f32; SIGNS];
            let mut slope_bias = 0.0;
            for (signs, _, is_inside) in &answers {
                let weight = if *is_inside {
                    0.5 / inside
                } else {
                    0.5 / outside
                };
                let target = if *is_inside { 1.0 } else { 0.0 };
                let error = (judge.known(signs) - target) * weight;
                for (s, sign) in slope.iter_mut().zip(signs) {
                    *s += error * sign;
                }
                slope_bias += error;
            }
            for (w, s) in judge.weights.iter_mut().zip(&slope) {
                *w -= step * s;
            }
            judge.bias -= step * slope_bias;
        }
        judge.threshold = best_threshold(&judge, &answers);
        judge
    }

    /// What a message wants.
    pub fn classify(&self, doc: &Doc<'_>, kinds: &[Kind]) -> Intent {
        let silent = (0..doc.len()).all(|i| doc.is_any_mark(i, ".,:;-_*~'\"()"));
        if self.labels.is_empty() || silent {
            return Intent {
                name: self.oos_label.clone(),
                confidence: 0.0,
            };
        }
        let answer = self.answer(doc, kinds);
        let known = self.judge.known(&answer.signs);
        if known < self.judge.threshold {
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

    /// The names of all intents but the one for what is out of scope.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How sure the model must be; below it abstains.
    pub fn threshold(&self) -> f32 {
        self.judge.threshold
    }
}

/// The threshold with the best sum of right answers inside and refusals outside, on held-out examples.
fn best_threshold(judge: &Judge, answers: &[([f32; SIGNS], bool, bool)]) -> f32 {
    let outside = answers.iter().filter(|a| !a.2).count();
    if outside == 0 {
        return 0.0;
    }
    let inside = (answers.len() - outside).max(1) as f32;
    let mut sorted: Vec<(f32, bool, bool)> = answers
        .iter()
        .map(|(signs, right, is_inside)| (judge.known(signs), *right, *is_inside))
        .collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut right: f32 = sorted.iter().filter(|a| a.1).count() as f32;
    let mut refused = 0.0;
    let (mut best, mut threshold) = (right / inside, 0.0);
    for (at, (known, was_right, is_inside)) in sorted.iter().enumerate() {
        right -= f32::from(u8::from(*was_right));
        refused += f32::from(u8::from(!*is_inside));
        let value = right / inside + OOS_WORTH * refused / outside as f32;
        if value > best {
            best = value;
            threshold = sorted
                .get(at + 1)
                .map_or(*known, |next| (known + next.0) / 2.0);
        }
    }
    threshold
}

/// What refusing all that is out of scope is worth, beside answering all that is in scope.
const OOS_WORTH: f32 = 0.25;

/// Passes over the held-out examples when the judge is fitted.
const JUDGE_PASSES: usize = 400;

const TRAINING_NONE: Training = Training {
    loss: Loss::Logistic,
    passes: 0,
    step: 0.0,
    decay: 0.0,
};

fn training(loss: Loss, examples: usize) -> Training {
    let passes = if examples > RARE_FROM { 12 } else { 60 };
    match loss {
        Loss::Logistic => Training {
            loss,
            passes,
            step: 2.0,
            decay: 0.0,
        },
        Loss::Hinge => Training {
            loss,
            passes,
            step: 0.5,
            decay: 0.0,
        },
    }
}

/// Numbers the features, and says how rare each is.
fn vocabulary(made: &[features::Features]) -> (HashMap<u64, u32>, Vec<f32>) {
    let mut counts: HashMap<u64, u32> = HashMap::new();
    for features in made {
        let mut seen: Vec<u64> = features
            .words
            .iter()
            .chain(&features.pieces)
            .copied()
            .collect();
        seen.sort_unstable();
        seen.dedup();
        for hash in seen {
            *counts.entry(hash).or_default() += 1;
        }
    }
    let least = if made.len() > RARE_FROM { 2 } else { 1 };
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
