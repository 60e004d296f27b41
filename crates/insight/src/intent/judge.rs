//! Tells the known from the unknown: fitted on examples that the model has not learnt from.

use super::Judging;
use super::linear::sigmoid;
use serde::{Deserialize, Serialize};

/// Best score, its lead, known words, known pieces, and the lead over what belongs to no intent.
pub(crate) const SIGNS: usize = 5;
/// The last of them.
const OVER_OUTSIDE: usize = 4;
/// Passes over the held-out examples.
const PASSES: usize = 400;
/// What refusing all that is out of scope is worth, beside answering all that is in scope.
const OUTSIDE_WORTH: f32 = 0.18;

/// Tells what is known from what is not.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Judge {
    /// Weights of the signs, and the bias.
    pub(super) weights: [f32; SIGNS],
    pub(super) bias: f32,
    pub(super) threshold: f32,
}

/// How the model answered one held-out example.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) signs: [f32; SIGNS],
    /// Whether the best answer is right.
    pub(crate) right: bool,
    /// Whether the example has an intent at all.
    pub(crate) inside: bool,
}

/// How much refusals count when the threshold is fixed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Worth {
    /// [`OUTSIDE_WORTH`], however many there are.
    Outside,
    /// As much as there are messages out of scope: the most right answers win.
    ByCount,
}

impl Judge {
    /// Learns from held-out examples.
    pub(crate) fn fit(held: &[Held], judging: Judging, worth: Worth) -> Self {
        let mut judge = Self::default();
        match judging {
            Judging::BestScore => judge.weights[0] = 1.0,
            Judging::AllSigns => judge.learn(held),
        }
        judge.threshold = judge.best_threshold(held, worth).max(f32::MIN_POSITIVE);
        judge
    }

    /// How likely a message is to have an intent, between 0 and 1; 0 when no intent at all suits it better
    /// than any.
    pub(crate) fn known(&self, signs: &[f32; SIGNS]) -> f32 {
        if signs[OVER_OUTSIDE] < 0.0 {
            0.0
        } else {
            self.likelihood(signs)
        }
    }

    fn likelihood(&self, signs: &[f32; SIGNS]) -> f32 {
        let sum: f32 = self.weights.iter().zip(signs).map(|(w, s)| w * s).sum();
        sigmoid(self.bias + sum)
    }

    /// Below it the model abstains.
    pub(crate) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Logistic regression; both sides weigh the same.
    fn learn(&mut self, held: &[Held]) {
        let outside = held.iter().filter(|h| !h.inside).count().max(1) as f32;
        let inside = (held.len() as f32 - outside).max(1.0);
        for pass in 0..PASSES {
            let step = 2.0 / (1.0 + pass as f32 * 0.02);
            let mut slope = [0.0_f32; SIGNS];
            let mut slope_bias = 0.0;
            for one in held {
                let (weight, target) = if one.inside {
                    (0.5 / inside, 1.0)
                } else {
                    (0.5 / outside, 0.0)
                };
                let error = (self.likelihood(&one.signs) - target) * weight;
                for (s, sign) in slope.iter_mut().zip(&one.signs) {
                    *s += error * sign;
                }
                slope_bias += error;
            }
            for (w, s) in self.weights.iter_mut().zip(&slope) {
                *w -= step * s;
            }
            self.bias -= step * slope_bias;
        }
    }

    /// The threshold with the best sum of right answers inside and refusals outside.
    fn best_threshold(&self, held: &[Held], worth: Worth) -> f32 {
        let outside = held.iter().filter(|h| !h.inside).count();
        if outside == 0 {
            return 0.0;
        }
        let inside = (held.len() - outside).max(1) as f32;
        let worth = match worth {
            Worth::Outside => OUTSIDE_WORTH,
            Worth::ByCount => outside as f32 / inside,
        };
        let mut sorted: Vec<(f32, &Held)> =
            held.iter().map(|h| (self.known(&h.signs), h)).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut right = held.iter().filter(|h| h.right).count() as f32;
        let mut refused = 0.0;
        let (mut best, mut threshold) = (right / inside, 0.0);
        for (at, (known, one)) in sorted.iter().enumerate() {
            right -= f32::from(u8::from(one.right));
            refused += f32::from(u8::from(!one.inside));
            let value = right / inside + worth * refused / outside as f32;
            if value > best {
                best = value;
                threshold = sorted
                    .get(at + 1)
                    .map_or(*known, |next| (known + next.0) / 2.0);
            }
        }
        threshold
    }
}
