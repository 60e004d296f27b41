//! A model as bytes, and back. What is read is checked as far as reading a message relies on it.

use super::judge::{Judge, SIGNS};
use super::linear::Linear;
use super::{FeatureSet, IntentModel, rarest, vectors};
use crate::kept::{Reader, Writer};

impl IntentModel {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.texts(&self.labels);
        writer.text(&self.oos_label);
        writer.flag(self.knows_outside);
        writer.flag(self.set == FeatureSet::Full);
        writer.u64s(self.hashes().into_iter());
        writer.f32s(&self.rarity);
        self.linear.write(writer);
        self.judge.write(writer);
    }

    /// The hashes of features by their numbers, which run from 0 without a gap.
    fn hashes(&self) -> Vec<u64> {
        let mut hashes = vec![0; self.vocabulary.len()];
        for (hash, at) in &self.vocabulary {
            if let Some(place) = hashes.get_mut(*at as usize) {
                *place = *hash;
            }
        }
        hashes
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let labels = reader.texts()?;
        let oos_label = reader.text()?;
        let knows_outside = reader.flag()?;
        let set = match reader.flag()? {
            true => FeatureSet::Full,
            false => FeatureSet::Words,
        };
        let hashes = reader.u64s()?;
        let rarity = reader.f32s()?;
        let targets = labels.len() + usize::from(knows_outside);
        let linear = Linear::read(reader, rarity.len() + vectors::SIZE, targets)?;
        let judge = Judge::read(reader)?;
        let is_ascending = hashes.is_sorted_by(|a, b| a < b);
        (is_ascending && hashes.len() == rarity.len()).then(|| Self {
            labels,
            oos_label,
            knows_outside,
            set,
            vocabulary: hashes.into_iter().zip(0..).collect(),
            unseen: rarest(&rarity),
            rarity,
            linear,
            judge,
        })
    }
}

impl Linear {
    fn write(&self, writer: &mut Writer) {
        writer.f32s(&self.bias);
        writer.f32s(&self.weights);
    }

    fn read(reader: &mut Reader<'_>, features: usize, targets: usize) -> Option<Self> {
        let bias = reader.f32s()?;
        let weights = reader.f32s()?;
        let fits = bias.len() == targets && features.checked_mul(targets) == Some(weights.len());
        fits.then_some(Self {
            labels: targets,
            weights,
            bias,
        })
    }
}

impl Judge {
    fn write(&self, writer: &mut Writer) {
        writer.f32s(&self.weights);
        writer.f32(self.bias);
        writer.f32(self.threshold);
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            weights: <[f32; SIGNS]>::try_from(reader.f32s()?).ok()?,
            bias: reader.f32()?,
            threshold: reader.f32()?,
        })
    }
}
