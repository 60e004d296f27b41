//! Where the chance of a run comes from: SplitMix64, the same for the same seed.

/// A source of chance.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in (0, 1].
    fn unit(&mut self) -> f64 {
        // 53 random bits.
        ((self.roll() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// A number below `n`; 0 when `n` is 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    /// An exponential draw around a mean: the wait until the next of events that come as in a Poisson
    /// process.
    pub(super) fn wait(&mut self, mean: f64) -> f64 {
        -self.unit().ln() * mean
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn the_same_seed_waits_the_same_and_the_mean_is_the_mean() {
        let waits = |seed| {
            let mut chance = Chance::new(seed);
            (0..4_000).map(|_| chance.wait(10.0)).collect::<Vec<f64>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        let mean = waits(1).iter().sum::<f64>() / 4_000.0;
        assert!((9.0..11.0).contains(&mean), "{mean}");
    }
}
