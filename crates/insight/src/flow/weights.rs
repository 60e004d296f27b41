//! The weights of the signs, learnt; `examples/switches.rs` learns them anew.

use super::signs::COUNT;
use crate::intent::sigmoid;

/// The score between 0 and 1; at 0.6 the conversation has switched.
pub(crate) fn score(signs: &[f32; COUNT]) -> f32 {
    let sum: f32 = WEIGHTS.iter().zip(signs).map(|(w, s)| w * s).sum();
    sigmoid(BIAS + sum)
}

const BIAS: f32 = -0.401;
const WEIGHTS: [f32; COUNT] = [
    0.589, 0.785, 0.605, 0.385, -0.044, 0.080, 0.023, -0.298, 0.218, 0.000, -2.743, -2.603, -1.083,
    1.309, -0.525, -0.633, 0.074, -1.475, -0.552, 1.042, -0.235, -0.226, 0.144, 0.070, 1.874,
    1.068, -0.027, 0.631, 0.832,
];
