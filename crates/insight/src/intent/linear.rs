//! One linear model per label, trained together: logistic or hinge loss, stochastic gradient descent.
//!
//! The weights of a feature for all labels lie side by side, so that one pass over a message's features scores
//! all labels at once.

use serde::{Deserialize, Serialize};

/// Share of the passes after which the weights of each pass count: the mean of them swings less than the last.
const SETTLED: f32 = 0.3;
/// Labels are updated one by one when at most one in so many has something to learn.
const SPARSE: usize = 4;

/// A message as the model sees it: feature numbers and their weights.
pub(crate) type Row = Vec<(u32, f32)>;

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// One-against-the-rest logistic loss.
    Logistic,
    /// One-against-the-rest squared hinge loss: a linear support vector machine.
    Hinge,
}

/// How it is trained.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Training {
    pub(crate) loss: Loss,
    /// Passes over the examples.
    pub(crate) passes: usize,
    /// First step; it shrinks to nothing in a line.
    pub(crate) step: f32,
}

/// The weights, feature by feature.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Linear {
    pub(super) labels: usize,
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Linear {
    /// Trains on rows whose label is a number, or none for an example of nothing.
    pub(crate) fn train(
        rows: &[(Row, Option<u32>)],
        features: usize,
        labels: usize,
        how: Training,
    ) -> Self {
        let mut model = Self {
            labels,
            weights: vec![0.0; features * labels],
            bias: vec![0.0; labels],
        };
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut scores = vec![0.0_f32; labels];
        let steps = (rows.len() * how.passes).max(1) as f32;
        let mut done = 0.0_f32;
        let mut mean = Mean::default();
        for pass in 0..how.passes {
            dice.shuffle(&mut order);
            for &at in &order {
                let (row, label) = &rows[at];
                let step = how.step * (1.0 - done / steps);
                done += 1.0;
                model.score(row, &mut scores);
                gradient(how.loss, &mut scores, *label);
                model.update(row, &scores, step);
            }
            if pass as f32 >= how.passes as f32 * SETTLED {
                mean.add(&model);
            }
        }
        mean.put_into(&mut model);
        model
    }

    /// The score of each label.
    pub(crate) fn score(&self, row: &Row, scores: &mut [f32]) {
        scores.copy_from_slice(&self.bias);
        for &(feature, value) in row {
            let from = feature as usize * self.labels;
            for (score, weight) in scores
                .iter_mut()
                .zip(&self.weights[from..from + self.labels])
            {
                *score += weight * value;
            }
        }
    }

    fn update(&mut self, row: &Row, slopes: &[f32], step: f32) {
        // Once most labels are told apart with a margin, few of them have anything to learn.
        let active = slopes.iter().filter(|s| **s != 0.0).count();
        if active == 0 {
            return;
        }
        if active * SPARSE <= slopes.len() {
            self.update_few(row, slopes, step);
            return;
        }
        for &(feature, value) in row {
            let from = feature as usize * self.labels;
            let scaled = step * value;
            for (weight, slope) in self.weights[from..from + self.labels]
                .iter_mut()
                .zip(slopes)
            {
                *weight -= scaled * slope;
            }
        }
        for (bias, slope) in self.bias.iter_mut().zip(slopes) {
            *bias -= step * 0.1 * slope;
        }
    }

    fn update_few(&mut self, row: &Row, slopes: &[f32], step: f32) {
        let few: Vec<(usize, f32)> = slopes
            .iter()
            .enumerate()
            .filter(|(_, s)| **s != 0.0)
            .map(|(at, s)| (at, step * s))
            .collect();
        for &(feature, value) in row {
            let from = feature as usize * self.labels;
            for (at, slope) in &few {
                self.weights[from + at] -= slope * value;
            }
        }
        for (at, slope) in &few {
            self.bias[*at] -= 0.1 * slope;
        }
    }

    pub(crate) fn labels(&self) -> usize {
        self.labels
    }
}

/// The mean of a model's weights over several passes.
#[derive(Debug, Default)]
struct Mean {
    weights: Vec<f32>,
    bias: Vec<f32>,
    passes: f32,
}

impl Mean {
    fn add(&mut self, model: &Linear) {
        self.weights.resize(model.weights.len(), 0.0);
        self.bias.resize(model.bias.len(), 0.0);
        let weights = self.weights.iter_mut().zip(&model.weights);
        for (sum, weight) in weights.chain(self.bias.iter_mut().zip(&model.bias)) {
            *sum += weight;
        }
        self.passes += 1.0;
    }

    /// Leaves the model as it is when nothing was added.
    fn put_into(self, model: &mut Linear) {
        if self.passes == 0.0 {
            return;
        }
        let passes = self.passes;
        model.weights = self.weights;
        model.bias = self.bias;
        for weight in model.weights.iter_mut().chain(&mut model.bias) {
            *weight /= passes;
        }
    }
}

/// Turns scores into the slope of the loss.
fn gradient(loss: Loss, scores: &mut [f32], label: Option<u32>) {
    for (at, score) in scores.iter_mut().enumerate() {
        let is_label = label == Some(at as u32);
        *score = match loss {
            Loss::Logistic => sigmoid(*score) - if is_label { 1.0 } else { 0.0 },
            Loss::Hinge if is_label => -(1.0 - *score).max(0.0),
            Loss::Hinge => (1.0 + *score).max(0.0),
        };
    }
}

/// The logistic function.
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// A fixed sequence that looks random: training the same examples gives the same model.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = (self.next() % (at as u64 + 1)) as usize;
            items.swap(at, other);
        }
    }
}
