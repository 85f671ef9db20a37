//! Numbers that are the same on every machine and in every run: splitmix64, seeded by a name, as `dlnms_model` seeds weights.

/// A sequence of pseudo-random numbers.
pub struct Random(u64);

impl Random {
    /// Starts the sequence of a name, whose FNV-1a hash is the seed.
    pub fn from_name(name: &str) -> Self {
        let hash = |h: u64, byte: u8| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, hash))
    }

    /// Returns the next number, in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 * (-53f64).exp2()
    }

    /// Returns two independent numbers of the normal distribution with mean 0 and standard deviation 1 (Box and Muller 1958).
    pub fn normal_pair(&mut self) -> [f64; 2] {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.uniform();
        [radius * angle.cos(), radius * angle.sin()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_exporters() {
        // dlnms_model.seeded.uniform("tiny", 3).
        let mut random = Random::from_name("tiny");
        let found = [random.uniform(), random.uniform(), random.uniform()];
        assert_eq!(
            found,
            [
                0.175_746_437_837_224_88,
                0.463_584_716_400_031_4,
                0.080_644_483_432_922_41
            ]
        );
    }

    #[test]
    fn normal_numbers_have_their_mean_and_deviation() {
        let mut random = Random::from_name("normal");
        let values: Vec<f64> = (0..50_000).flat_map(|_| random.normal_pair()).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!(mean.abs() < 0.01 && (sd - 1.0).abs() < 0.01, "{mean} {sd}");
    }
}
