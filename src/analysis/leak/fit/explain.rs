//! The competing explanations, how well each does, and what rate of lasting growth it leaves.

use super::columns::{COVARIATE, Columns, LEVEL, Points, TIME};
use super::gls::{Design, Fit, MOST, RHO, SHARE};
use super::student::{Component, below, mean, quantile};

/// What a series does besides growing at an even rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Nothing: a level, or a line.
    Even,
    /// It rises (or falls) towards a level, with that time constant in minutes.
    Saturating {
        /// Minutes.
        tau: f64,
    },
    /// So many steps, the last one at that minute.
    Steps {
        /// How many.
        count: usize,
        /// Minutes, on the axis of the points.
        last: f64,
        /// They are three and more, all upwards, alike and evenly spaced: growth in steps.
        regular: bool,
        /// Growth if the last step came again as soon as it may, MB/min: its height over the time
        /// before it, where less time than that has passed since. Zero where it would have come.
        again: f64,
    },
    /// It fills up to that minute.
    Filled {
        /// Minutes, on the axis of the points.
        at: f64,
    },
    /// It is level up to that minute.
    Late {
        /// Minutes, on the axis of the points.
        at: f64,
    },
}

/// A rate of lasting growth, MB/min.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// Estimate.
    pub mean: f64,
    mixture: Vec<Component>,
}

/// One explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What it says besides growth.
    pub shape: Shape,
    /// It has a lasting growth. Without, the series ends level.
    pub grows: bool,
    /// Corrected Akaike criterion: less is better, differences count.
    pub aicc: f64,
    /// Log likelihood.
    pub log_likelihood: f64,
    /// Lasting growth; zero where `grows` is false.
    pub rate: Rate,
    /// Level it ends at, MB; the level it rises to for a saturating one.
    pub level: f64,
    /// Rate at the end of the series, MB/min, whatever it is made of.
    pub rate_now: f64,
    /// Standard deviation around it, MB.
    pub sd: f64,
    /// Time over which what is around it forgets where it was, in usual distances of points.
    pub correlation: f64,
}

impl Rate {
    const NONE: Rate = Rate { mean: 0.0, mixture: Vec::new() };

    /// The value below which the rate lies with probability `p`.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        if self.mixture.is_empty() { self.mean } else { quantile(&self.mixture, p) }
    }

    /// Its standard deviation: a lot cheaper than its quantiles.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let one = |c: &Component| {
            let tails = if c.freedom > 2.0 { c.freedom / (c.freedom - 2.0) } else { HEAVY_TAILS };
            c.weight * (c.error * c.error * tails + (c.centre - self.mean).powi(2))
        };
        self.mixture.iter().map(one).sum::<f64>().sqrt()
    }

    /// Probability that the rate is above that.
    #[must_use]
    pub fn above(&self, rate: f64) -> f64 {
        if self.mixture.is_empty() {
            return f64::from(u8::from(self.mean > rate));
        }
        self.mixture.iter().map(|c| c.weight * (1.0 - below(c, rate))).sum()
    }
}

/// What stands in for a variance that is not finite.
const HEAVY_TAILS: f64 = 5.0;

/// One choice of places and time constants of a shape.
struct Choice {
    columns: Vec<usize>,
    shape: Shape,
    hidden: usize,
}

struct Fitted {
    choice: usize,
    rho: usize,
    fit: Fit,
}

/// All explanations that the points can carry, the best first.
#[must_use]
pub fn explain(points: &Points) -> Vec<Explanation> {
    let columns = Columns::of(points);
    let usual = usual_gap(&points.minutes);
    let gaps: Vec<f64> = std::iter::once(1.0)
        .chain(points.minutes.windows(2).map(|pair| (pair[1] - pair[0]) / usual))
        .collect();
    let least = points.least_sd * points.least_sd;
    let design = Design::new(&columns.all, &points.mb, &gaps, least, |low, high| {
        columns.together(low, high)
    });
    let with = Search { columns: &columns, design: &design, points };
    let mut all: Vec<Explanation> = with.all();
    all.sort_by(|a, b| a.aicc.total_cmp(&b.aicc));
    all
}

fn usual_gap(minutes: &[f64]) -> f64 {
    let mut gaps: Vec<f64> = minutes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable_by(f64::total_cmp);
    gaps.get(gaps.len() / 2).copied().filter(|g| *g > 0.0).unwrap_or(1.0)
}

struct Search<'a> {
    columns: &'a Columns,
    design: &'a Design,
    points: &'a Points,
}

impl Search<'_> {
    fn all(&self) -> Vec<Explanation> {
        let even = |columns: Vec<usize>| vec![Choice { columns, shape: Shape::Even, hidden: 0 }];
        let curves = |first: &[usize]| -> Vec<Choice> {
            let one = |c: &super::columns::Curve| Choice {
                columns: [first, &[c.column]].concat(),
                shape: Shape::Saturating { tau: c.tau },
                hidden: 1,
            };
            self.columns.curves.iter().map(one).collect()
        };
        let knots = |make: fn(&super::columns::Knot) -> (Vec<usize>, Shape)| -> Vec<Choice> {
            let one = |k: &super::columns::Knot| {
                let (columns, shape) = make(k);
                Choice { columns, shape, hidden: 1 }
            };
            self.columns.knots.iter().map(one).collect()
        };
        let mut all = Vec::new();
        all.extend(self.explanation(&even(vec![LEVEL]), None));
        all.extend(self.explanation(&even(vec![LEVEL, TIME]), Some(1)));
        all.extend(self.explanation(&curves(&[LEVEL]), None));
        all.extend(self.explanation(&curves(&[LEVEL, TIME]), Some(1)));
        all.extend(
            self.explanation(&knots(|k| (vec![LEVEL, k.before], Shape::Filled { at: k.at })), None),
        );
        all.extend(
            self.explanation(&knots(|k| (vec![LEVEL, k.after], Shape::Late { at: k.at })), Some(1)),
        );
        all.extend(self.explanation(
            &knots(|k| (vec![LEVEL, k.after, k.before], Shape::Filled { at: k.at })),
            Some(1),
        ));
        for first in [vec![LEVEL], vec![LEVEL, TIME]] {
            let slope = (first.len() == 2).then_some(1);
            let most = if slope.is_some() { 2 } else { 3 };
            let mut placed = first;
            for count in 1..=most {
                let choices = self.steps(&placed, count);
                let fits: Vec<Fitted> = self.fits(&choices).collect();
                all.extend(self.of_fits(&choices, &fits, slope));
                let Some(best) = likeliest(&fits) else { break };
                placed.clone_from(&choices[best.choice].columns);
            }
        }
        all
    }

    /// One more step, anywhere.
    fn steps(&self, placed: &[usize], count: usize) -> Vec<Choice> {
        let free = self.columns.steps.iter().filter(|step| !placed.contains(&step.column));
        free.map(|step| {
            let mut columns = placed.to_vec();
            columns.push(step.column);
            let places = self.columns.steps.iter().filter(|s| columns.contains(&s.column));
            let last = places.map(|s| s.at).fold(f64::NEG_INFINITY, f64::max);
            Choice {
                columns,
                shape: Shape::Steps { count, last, regular: false, again: 0.0 },
                hidden: count,
            }
        })
        .collect()
    }

    fn fits<'b>(&'b self, choices: &'b [Choice]) -> impl Iterator<Item = Fitted> + 'b {
        choices.iter().enumerate().flat_map(move |(at, choice)| {
            let columns = self.with_covariate(&choice.columns);
            (0..RHO.len()).filter_map(move |rho| {
                let fit = self.design.fit(&columns, rho, choice.hidden)?;
                Some(Fitted { choice: at, rho, fit })
            })
        })
    }

    fn with_covariate(&self, columns: &[usize]) -> Vec<usize> {
        let mut all = columns.to_vec();
        if self.columns.covariate && all.len() < MOST {
            all.push(COVARIATE);
        }
        all
    }

    /// `slope` is the place of the lasting growth among the columns.
    fn explanation(&self, choices: &[Choice], slope: Option<usize>) -> Option<Explanation> {
        let all: Vec<Fitted> = self.fits(choices).collect();
        self.of_fits(choices, &all, slope)
    }

    fn of_fits(
        &self,
        choices: &[Choice],
        all: &[Fitted],
        slope: Option<usize>,
    ) -> Option<Explanation> {
        let best = likeliest(all)?;
        let choice = &choices[best.choice];
        let n = self.points.mb.len() as f64;
        // Coefficients, places, variance and autocorrelation.
        let covariate = usize::from(self.columns.covariate);
        let k = (choice.columns.len() + covariate + choice.hidden + 2) as f64;
        if n - k - 1.0 < 1.0 {
            return None;
        }
        // A service warms up more often than not: a curve that does is forgiven one of the
        // parameters that the correction for few points counts.
        let forgiven = matches!(choice.shape, Shape::Saturating { .. }) && slope.is_none();
        let m = k - f64::from(u8::from(forgiven));
        let aicc = 2.0 * k + 2.0 * m * (m + 1.0) / (n - m - 1.0) - 2.0 * best.fit.log_likelihood;
        let rate = slope.map_or(Rate::NONE, |at| rate(all, at));
        let (sd, correlation) = noise(all);
        let (level, rate_now) = self.end(choice, &best.fit, slope.is_some());
        let shape = match choice.shape {
            Shape::Steps { count, last, .. } => {
                let steps = self.placed_steps(choice, &best.fit);
                Shape::Steps { count, last, regular: is_regular(&steps), again: self.again(&steps) }
            }
            other => other,
        };
        Some(Explanation {
            shape,
            grows: slope.is_some(),
            aicc,
            log_likelihood: best.fit.log_likelihood,
            rate,
            level,
            rate_now,
            sd,
            correlation,
        })
    }

    /// Minute and height of each step, in order.
    fn placed_steps(&self, choice: &Choice, fit: &Fit) -> Vec<(f64, f64)> {
        let find = |column: &usize| self.columns.steps.iter().find(|s| s.column == *column);
        let placed = choice.columns.iter().zip(&fit.beta);
        let mut steps: Vec<(f64, f64)> =
            placed.filter_map(|(column, height)| Some((find(column)?.at, *height))).collect();
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        steps
    }

    fn again(&self, steps: &[(f64, f64)]) -> f64 {
        let minutes = &self.points.minutes;
        let (Some((at, height)), Some(first), Some(last)) =
            (steps.last(), minutes.first(), minutes.last())
        else {
            return 0.0;
        };
        let before = steps.len().checked_sub(2).map_or(*first, |previous| steps[previous].0);
        let gap = at - before;
        if *height > 0.0 && gap > 0.0 && last - at < gap { height / gap } else { 0.0 }
    }

    /// Level at the end (the one risen to), and the rate at the end.
    fn end(&self, choice: &Choice, fit: &Fit, grows: bool) -> (f64, f64) {
        let columns = self.with_covariate(&choice.columns);
        let last = self.points.mb.len() - 1;
        let value = |at: usize, column: usize| fit.beta[at] * self.columns.all[column][last];
        let level: f64 = columns.iter().enumerate().map(|(at, column)| value(at, *column)).sum();
        let slope = if grows { fit.beta[1] } else { 0.0 };
        if let Shape::Saturating { tau } = choice.shape {
            let at = choice.columns.len() - 1;
            let left = 1.0 - self.columns.all[choice.columns[at]][last];
            return (level + fit.beta[at] * left, slope + fit.beta[at] * left / tau);
        }
        (level, slope)
    }
}

fn likeliest(all: &[Fitted]) -> Option<&Fitted> {
    all.iter().max_by(|a, b| a.fit.log_likelihood.total_cmp(&b.fit.log_likelihood))
}

/// Steps that are alike and evenly spaced will come again.
fn is_regular(steps: &[(f64, f64)]) -> bool {
    let heights: Vec<f64> = steps.iter().map(|s| s.1).collect();
    let gaps: Vec<f64> = steps.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.len() >= 3 && is_alike(&heights) && is_alike(&gaps)
}

/// All positive, and none more than twice another.
fn is_alike(values: &[f64]) -> bool {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    low > 0.0 && high <= 2.0 * low
}

/// Points without correlation forget within this part of their distance.
const UNCORRELATED: f64 = 1.0 / 3.0;

/// Standard deviation and correlation time (in distances of points), each the geometric mean over
/// all choices by their restricted likelihood: the likeliest autocorrelation of a few points is
/// too low, and with it both.
fn noise(all: &[Fitted]) -> (f64, f64) {
    let most = all.iter().map(|f| f.fit.restricted).fold(f64::NEG_INFINITY, f64::max);
    let (mut sum, mut sd, mut correlation) = (0.0, 0.0, 0.0);
    for one in all {
        let (rho, weight) = (RHO[one.rho], SHARE[one.rho] * (one.fit.restricted - most).exp());
        let own = if rho > 0.0 { -1.0 / rho.ln() } else { UNCORRELATED };
        sum += weight;
        sd += weight * (one.fit.variance / (1.0 - rho * rho)).max(f64::MIN_POSITIVE).ln() / 2.0;
        correlation += weight * own.ln();
    }
    ((sd / sum).exp(), (correlation / sum).exp())
}

/// What is known of a coefficient when neither the places nor the autocorrelation are known:
/// each choice counts by its restricted likelihood.
fn rate(all: &[Fitted], at: usize) -> Rate {
    let most = all.iter().map(|f| f.fit.restricted).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> =
        all.iter().map(|f| SHARE[f.rho] * (f.fit.restricted - most).exp()).collect();
    let sum: f64 = weights.iter().filter(|w| **w > 1e-3).sum();
    let mixture: Vec<Component> = all
        .iter()
        .zip(&weights)
        .filter(|(_, weight)| **weight > 1e-3)
        .map(|(f, weight)| Component {
            centre: f.fit.beta[at],
            error: f.fit.error[at],
            freedom: f.fit.freedom,
            weight: weight / sum,
        })
        .collect();
    Rate { mean: mean(&mixture), mixture }
}
