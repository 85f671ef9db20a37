//! Shapley values of a game whose every coalition was evaluated. Pure.

/// Returns the exact Shapley value of each player: the mean, over all orders in which players could join, of what a player
/// adds. `values[s]` is the value of the coalition of the players whose bits are set in `s`. They sum to the difference of
/// the last and the first value (Shapley 1953).
///
/// # Panics
/// If the number of values is no power of two.
#[must_use]
pub fn shapley_values(values: &[f64]) -> Vec<f64> {
    assert!(values.len().is_power_of_two(), "a value for each coalition");
    let players = values.len().trailing_zeros() as usize;
    // |S|! (n - 1 - |S|)! / n!, by the number of players in S.
    let mut weights = vec![0.0; players];
    for (size, weight) in weights.iter_mut().enumerate() {
        *weight = 1.0 / (players as f64 * binomial(players - 1, size));
    }
    let of_player = |player: usize| {
        let bit = 1 << player;
        let without = (0..values.len()).filter(|s| s & bit == 0);
        without
            .map(|s| weights[s.count_ones() as usize] * (values[s | bit] - values[s]))
            .sum()
    };
    (0..players).map(of_player).collect()
}

fn binomial(n: usize, k: usize) -> f64 {
    (0..k).fold(1.0, |b, i| b * (n - i) as f64 / (i + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glove_game_has_its_known_values() {
        // Player 0 has a left glove, 1 and 2 a right one each; a pair is worth 1.
        let worth = |s: usize| f64::from(u8::from(s & 1 != 0 && s & 6 != 0));
        let values: Vec<f64> = (0..8).map(worth).collect();
        let found = shapley_values(&values);
        for (found, known) in found.iter().zip([4.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0]) {
            assert!((found - known).abs() < 1e-15, "{found} {known}");
        }
    }

    #[test]
    fn they_sum_to_the_whole_and_one_that_adds_nothing_gets_exactly_zero() {
        // Any numbers, equal with and without player 2.
        let of = |s: usize| ((s & !4) as f64 * 0.731).sin();
        let values: Vec<f64> = (0..64).map(of).collect();
        let found = shapley_values(&values);
        assert_eq!(found[2], 0.0);
        let sum: f64 = found.iter().sum();
        assert!((sum - (values[63] - values[0])).abs() < 1e-14);
        assert_eq!(shapley_values(&[1.5]), Vec::<f64>::new());
    }
}
