//! Training on a labelled set and judging the result, with a plain model beside it.

use super::datasets::{Dataset, DatasetError};
use super::{IntentReport, intent_report, p99};
use crate::Doc;
use crate::intent::{Example, FeatureSet, IntentModel, Judging, Labelled, Loss, TrainOptions};
use serde::Serialize;

/// How a model did on a set.
#[derive(Debug, Clone, Serialize)]
pub struct TrainingReport {
    /// Scores on the test part.
    pub intent: IntentReport,
    /// How many intents there are.
    pub intents: usize,
    /// Examples to learn from, to fix the threshold on, and to be judged by.
    pub examples: [usize; 3],
    /// How sure the model must be.
    pub threshold: f32,
    /// Milliseconds of training.
    pub training_ms: u64,
    /// Microseconds within which 99 of 100 messages were answered.
    pub p99_us: u64,
    /// Messages judged.
    pub messages: usize,
    /// Words and pairs of words with a linear support vector machine, and the threshold on its best score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Box<Baseline>>,
}

/// How the plain model did on the same set.
#[derive(Debug, Clone, Serialize)]
pub struct Baseline {
    /// Share of messages in scope with the right intent.
    pub accuracy: f64,
    /// Share of messages out of scope that were refused.
    pub out_of_scope_recall: Option<f64>,
    /// Milliseconds of training.
    pub training_ms: u64,
}

/// Trains on a set and judges on its test part. `microseconds` reads a stopwatch.
///
/// # Errors
/// When there is nothing to learn from or to be judged by.
pub fn train_and_judge(
    set: &Dataset,
    oos_label: &str,
    microseconds: &mut dyn FnMut() -> u64,
) -> Result<TrainingReport, DatasetError> {
    if set.train.is_empty() {
        return Err(DatasetError::Missing("training"));
    }
    if set.test.is_empty() {
        return Err(DatasetError::Missing("test"));
    }
    let options = TrainOptions {
        oos_label: oos_label.to_owned(),
        ..TrainOptions::default()
    };
    let plain = TrainOptions {
        features: FeatureSet::Words,
        loss: Loss::Hinge,
        judging: Judging::BestScore,
        ..options.clone()
    };
    let mut report = judge(set, &options, microseconds)?;
    let beside = judge(set, &plain, microseconds)?;
    report.baseline = Some(Box::new(Baseline {
        accuracy: beside.intent.accuracy,
        out_of_scope_recall: beside.intent.out_of_scope_recall,
        training_ms: beside.training_ms,
    }));
    Ok(report)
}

fn judge(
    set: &Dataset,
    options: &TrainOptions,
    microseconds: &mut dyn FnMut() -> u64,
) -> Result<TrainingReport, DatasetError> {
    let from = microseconds();
    let model = IntentModel::train(&labelled(&set.train), &labelled(&set.validation), options);
    let training_ms = microseconds().saturating_sub(from) / 1_000;
    let mut times = Vec::with_capacity(set.test.len());
    let mut pairs = Vec::with_capacity(set.test.len());
    for example in &set.test {
        let from = microseconds();
        let said = model.classify(&Doc::new(&example.text), &[]);
        times.push(microseconds().saturating_sub(from));
        pairs.push((example.intent.clone(), said.name));
    }
    Ok(TrainingReport {
        intent: intent_report(&pairs, Some(&options.oos_label))
            .ok_or(DatasetError::Missing("test"))?,
        intents: model.labels().len(),
        examples: [set.train.len(), set.validation.len(), set.test.len()],
        threshold: model.threshold(),
        training_ms,
        p99_us: p99(&mut times),
        messages: set.test.len(),
        baseline: None,
    })
}

fn labelled(examples: &[Example]) -> Vec<Labelled> {
    examples
        .iter()
        .map(|e| Labelled {
            text: e.text.clone(),
            label: e.intent.clone(),
            hints: Vec::new(),
        })
        .collect()
}
