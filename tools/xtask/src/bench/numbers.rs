//! Median and span of a few numbers.

/// What the rounds of one thing came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one number.
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.as_slice() {
            [] => f64::NAN,
            all if all.len() % 2 == 1 => all[middle],
            all => f64::midpoint(all[middle - 1], all[middle]),
        };
        Self {
            median,
            least: sorted.first().copied().unwrap_or(f64::NAN),
            most: sorted.last().copied().unwrap_or(f64::NAN),
        }
    }

    /// Of the quotients, round by round: what disturbs a round disturbs both of its numbers.
    pub(crate) fn ratio(above: &[f64], below: &[f64]) -> Self {
        let quotients: Vec<f64> = above.iter().zip(below).map(|(a, b)| a / b).collect();
        Self::of(&quotients)
    }

    /// As `median (least to most)`.
    pub(crate) fn text(&self, digits: usize, unit: &str) -> String {
        format!(
            "{:.digits$}{unit} ({:.digits$} to {:.digits$})",
            self.median, self.least, self.most
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_least_and_most() {
        let spread = Spread::of(&[3.0, 1.0, 2.0]);
        assert_eq!(spread.text(0, " s"), "2 s (1 to 3)");
        assert_eq!(Spread::of(&[1.0, 4.0]).text(1, ""), "2.5 (1.0 to 4.0)");
        let ratio = Spread::ratio(&[1.0, 9.0, 2.0], &[2.0, 3.0, 2.0]);
        assert_eq!(ratio.text(1, ""), "1.0 (0.5 to 3.0)");
    }
}
