//! Load as something that memory may follow.

/// Load at each tick, scaled so that its mean is 1; empty where it is unknown or hardly varies.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Load {
    /// Values; NaN where absent.
    pub values: Vec<f64>,
    /// Share of its variance that time alone explains.
    pub with_time: f64,
    /// It rises on the whole.
    pub rises: bool,
}

/// A load that varies less than this part of its mean is held to be even.
const LEAST_VARIATION: f64 = 0.08;

/// Load as a covariate.
#[must_use]
pub fn covariate(time: &[f64], load: &[f64]) -> Load {
    let known: Vec<(f64, f64)> =
        time.iter().zip(load).filter(|(_, l)| l.is_finite()).map(|(t, l)| (*t, *l)).collect();
    let n = known.len() as f64;
    if n < 0.5 * time.len() as f64 || n < 3.0 {
        return Load::default();
    }
    let mean = |of: fn(&(f64, f64)) -> f64| known.iter().map(of).sum::<f64>() / n;
    let (mt, ml) = (mean(|p| p.0), mean(|p| p.1));
    let (mut tt, mut tl, mut ll) = (0.0, 0.0, 0.0);
    for (t, l) in &known {
        tt += (t - mt) * (t - mt);
        tl += (t - mt) * (l - ml);
        ll += (l - ml) * (l - ml);
    }
    if ml <= 0.0 || (ll / n).sqrt() < LEAST_VARIATION * ml {
        return Load::default();
    }
    let with_time = if tt > 0.0 { tl * tl / (tt * ll) } else { 0.0 };
    Load { values: load.iter().map(|l| l / ml).collect(), with_time, rises: tl > 0.0 }
}
