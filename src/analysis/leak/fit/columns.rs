//! The columns that explanations are put together from.

/// Points that are explained: one for each block.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// Minutes, ascending.
    pub minutes: Vec<f64>,
    /// MB.
    pub mb: Vec<f64>,
    /// What else is known at each point (load), scaled to about 0 to 1.
    pub covariate: Option<Covariate>,
    /// Standard deviation that no explanation can do without, MB.
    pub least_sd: f64,
}

/// Something that memory may follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariate(pub Vec<f64>);

/// Where a column stands and what it is made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Curve {
    pub column: usize,
    /// Time constant, minutes.
    pub tau: f64,
}

/// A knot: growth before it, growth after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Knot {
    pub before: usize,
    pub after: usize,
    /// Minutes.
    pub at: f64,
}

/// A step: 0 before it, 1 from it on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub column: usize,
    /// Minutes.
    pub at: f64,
}

pub(super) const LEVEL: usize = 0;
pub(super) const TIME: usize = 1;
pub(super) const COVARIATE: usize = 2;

/// All columns of a set of points.
#[derive(Debug)]
pub(super) struct Columns {
    pub all: Vec<Vec<f64>>,
    pub curves: Vec<Curve>,
    pub knots: Vec<Knot>,
    pub steps: Vec<Step>,
    /// A covariate is among them.
    pub covariate: bool,
}

/// Time constants in parts of the length. With a longer one a curve cannot be told from a line.
const TAUS: [f64; 7] = [0.04, 0.08, 0.15, 0.25, 0.4, 0.65, 1.0];

/// Least part of the length on either side of a knot.
const KNOT_MARGIN: f64 = 0.18;

/// Most knots.
const KNOTS: usize = 40;

impl Columns {
    pub fn of(points: &Points) -> Columns {
        let first = points.minutes.first().copied().unwrap_or(0.0);
        let u: Vec<f64> = points.minutes.iter().map(|t| t - first).collect();
        let length = u.last().copied().unwrap_or(0.0);
        let mut all = vec![vec![1.0; u.len()], u.clone()];
        if let Some(Covariate(values)) = &points.covariate {
            all.push(values.clone());
        }
        let mut made = Columns {
            covariate: points.covariate.is_some(),
            all,
            curves: Vec::new(),
            knots: Vec::new(),
            steps: Vec::new(),
        };
        for part in TAUS {
            let tau = part * length;
            let column = made.push(u.iter().map(|t| 1.0 - (-t / tau).exp()).collect());
            made.curves.push(Curve { column, tau });
        }
        for pair in u.windows(2) {
            let at = f64::midpoint(pair[0], pair[1]);
            let column = made.push(u.iter().map(|t| f64::from(u8::from(*t > at))).collect());
            made.steps.push(Step { column, at: at + first });
        }
        let halves = u.windows(2).map(|pair| f64::midpoint(pair[0], pair[1]));
        let mut places: Vec<f64> = u.iter().copied().chain(halves).collect();
        places.sort_unstable_by(f64::total_cmp);
        let inner: Vec<f64> = places
            .into_iter()
            .filter(|t| (KNOT_MARGIN * length..=(1.0 - KNOT_MARGIN) * length).contains(t))
            .collect();
        let stride = inner.len().div_ceil(KNOTS).max(1);
        for at in inner.into_iter().step_by(stride) {
            let before = made.push(u.iter().map(|t| t.min(at)).collect());
            let after = made.push(u.iter().map(|t| (t - at).max(0.0)).collect());
            made.knots.push(Knot { before, after, at: at + first });
        }
        made
    }

    /// Whether two columns may stand in one fit: everything goes with level, time and covariate,
    /// steps with steps, and both sides of a knot.
    pub fn together(&self, low: usize, high: usize) -> bool {
        let is_step = |column| {
            self.steps.first().is_some_and(|s| column >= s.column)
                && self.steps.last().is_some_and(|s| column <= s.column)
        };
        let common = if self.covariate { COVARIATE } else { TIME };
        low <= common
            || low == high
            || (is_step(low) && is_step(high))
            || self.knots.iter().any(|k| k.before == low && k.after == high)
    }

    fn push(&mut self, column: Vec<f64>) -> usize {
        self.all.push(column);
        self.all.len() - 1
    }
}
