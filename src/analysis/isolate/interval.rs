//! An interval for the mean of few figures of which one may be far out.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// An estimate and its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Share cut off at each end.
const TRIM: f64 = 0.2;

/// Fewer figures say nothing of their spread.
pub const LEAST: usize = 3;

/// The 20 % trimmed mean with Tukey and McLaughlin's interval (Sankhya A 25, 1963): the spread is
/// that of the Winsorized figures, s_w / ((1 - 2 x 0.2) sqrt(n)), with n - 2g - 1 degrees of freedom.
/// With fewer than 5 figures nothing is cut off and it is Student's. `resolution` is the smallest
/// half-width that the figures can carry (they come in steps).
///
/// None with fewer than `LEAST` finite figures.
#[must_use]
pub fn trimmed_interval(figures: &[f64], level: f64, resolution: f64) -> Option<Interval> {
    let mut sorted: Vec<f64> = figures.iter().copied().filter(|v| v.is_finite()).collect();
    let count = sorted.len();
    if count < LEAST {
        return None;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let cut = (TRIM * count as f64).floor() as usize;
    let kept = sorted.get(cut..count - cut)?;
    let estimate = kept.iter().sum::<f64>() / kept.len() as f64;
    let (lowest, highest) = (*kept.first()?, *kept.last()?);
    let winsorized: Vec<f64> = sorted.iter().map(|v| v.clamp(lowest, highest)).collect();
    let mean = winsorized.iter().sum::<f64>() / count as f64;
    let squares: f64 = winsorized.iter().map(|v| (v - mean).powi(2)).sum();
    let spread = (squares / (count as f64 - 1.0)).sqrt();
    let share = if cut == 0 { 1.0 } else { 1.0 - 2.0 * TRIM };
    let freedom = (count - 2 * cut - 1) as f64;
    let quantile = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 + level / 2.0);
    let half = (quantile * spread / (share * (count as f64).sqrt())).max(resolution);
    Some(Interval { estimate, low: estimate - half, high: estimate + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_figures_give_students_interval() {
        let interval = trimmed_interval(&[1.0, 2.0, 3.0], 0.95, 0.0).expect("an interval");
        // t(2) at 97.5 % is 4.302653; sd 1, n 3.
        assert!((interval.high - (2.0 + 4.302_653 / 3f64.sqrt())).abs() < 1e-5, "{interval:?}");
        assert_eq!(interval.estimate, 2.0);
    }

    #[test]
    fn one_figure_far_out_of_five_moves_nothing() {
        let calm = trimmed_interval(&[9.8, 9.9, 10.0, 10.1, 10.2], 0.95, 0.0).expect("some");
        let wild = trimmed_interval(&[9.8, 9.9, 10.0, 10.1, 1e6], 0.95, 0.0).expect("some");
        assert!((calm.estimate - wild.estimate).abs() < 0.01);
        assert!((calm.high - wild.high).abs() < 0.01);
    }

    #[test]
    fn few_figures_or_none_give_no_interval() {
        assert_eq!(trimmed_interval(&[1.0, 2.0], 0.95, 0.0), None);
        assert_eq!(trimmed_interval(&[1.0, 2.0, f64::NAN], 0.95, 0.0), None);
    }

    #[test]
    fn equal_figures_are_known_as_well_as_their_steps_allow() {
        let interval = trimmed_interval(&[5.0; 4], 0.95, 0.25).expect("an interval");
        assert_eq!((interval.low, interval.high), (4.75, 5.25));
    }
}
