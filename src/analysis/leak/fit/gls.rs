//! Generalised least squares with AR(1) errors, over a grid of autocorrelations.
//!
//! All candidate columns are whitened once for each autocorrelation and their products kept, so that
//! a fit is the solution of a few normal equations, whatever the number of points. Only the
//! autocorrelation is on a grid: coefficients and variance are exact at each of its values.

/// Autocorrelations of neighbouring points that are tried. Negative ones earn nothing.
pub const RHO: [f64; 8] = [0.0, 0.2, 0.4, 0.6, 0.75, 0.85, 0.92, 0.97];

/// How much of the range from 0 to 1 each of them stands for: all are as likely beforehand.
pub const SHARE: [f64; 8] = [0.1, 0.2, 0.2, 0.175, 0.125, 0.085, 0.06, 0.055];

/// Most coefficients of a model.
pub const MOST: usize = 7;

/// One autocorrelation: products of the whitened columns.
#[derive(Debug)]
struct Whitened {
    /// Products of columns, row by row.
    gram: Vec<f64>,
    /// Products with the values.
    with_values: Vec<f64>,
    /// Sum of squares of the whitened values.
    squares: f64,
    /// Half the log determinant of the whitening.
    log_scale: f64,
}

/// Columns that models are put together from, and the values they explain.
#[derive(Debug)]
pub struct Design {
    points: usize,
    columns: usize,
    /// Variance that no model can explain, in each innovation.
    least_variance: f64,
    whitened: Vec<Whitened>,
}

/// One fit at one autocorrelation.
#[derive(Debug, Clone, Copy)]
pub struct Fit {
    /// Log likelihood at its maximum.
    pub log_likelihood: f64,
    /// The same of the residuals alone (REML), by which autocorrelations are weighted.
    pub restricted: f64,
    /// Coefficients, in the order of the columns asked for.
    pub beta: [f64; MOST],
    /// Their standard errors.
    pub error: [f64; MOST],
    /// Innovation variance.
    pub variance: f64,
    /// Degrees of freedom left.
    pub freedom: f64,
}

impl Design {
    /// `columns` are as long as `values`; `gaps` are the distances of the points to the one before
    /// in steps of the usual distance (the first is not read).
    ///
    /// `together` says which columns may stand in one fit (the lower index comes first).
    pub fn new(
        columns: &[Vec<f64>],
        values: &[f64],
        gaps: &[f64],
        least_variance: f64,
        together: impl Fn(usize, usize) -> bool,
    ) -> Design {
        let pairs: Vec<(usize, usize)> = (0..columns.len())
            .flat_map(|high| (0..=high).map(move |low| (low, high)))
            .filter(|(low, high)| together(*low, *high))
            .collect();
        let whitened = RHO.iter().map(|rho| whiten(columns, values, gaps, *rho, &pairs)).collect();
        Design { points: values.len(), columns: columns.len(), least_variance, whitened }
    }

    /// Fits `columns` (indices, at most [`MOST`]) at the autocorrelation of that index. `hidden`
    /// is the number of parameters that were chosen by search (places of steps, time constants).
    /// None where the columns depend on each other or too few points are left.
    pub fn fit(&self, columns: &[usize], rho: usize, hidden: usize) -> Option<Fit> {
        let p = columns.len();
        let (n, used) = (self.points as f64, (p + hidden) as f64);
        let data = self.whitened.get(rho)?;
        if p > MOST || n - used < 2.0 {
            return None;
        }
        let mut lower = [[0.0; MOST]; MOST];
        let mut half = [0.0; MOST];
        let mut log_determinant = 0.0;
        for i in 0..p {
            let row = columns[i] * self.columns;
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
                let rest = data.gram[row + columns[j]] - known;
                if i == j {
                    if rest <= 1e-9 * data.gram[row + columns[i]].max(1e-12) {
                        return None;
                    }
                    lower[i][i] = rest.sqrt();
                    log_determinant += rest.ln();
                } else {
                    lower[i][j] = rest / lower[j][j];
                }
            }
            let known: f64 = (0..i).map(|k| lower[i][k] * half[k]).sum();
            half[i] = (data.with_values[columns[i]] - known) / lower[i][i];
        }
        let explained: f64 = half[..p].iter().map(|h| h * h).sum();
        let squares = (data.squares - explained).max(0.0);
        let variance_ml = squares / n + self.least_variance;
        let freedom = n - used;
        let variance = squares / freedom + self.least_variance;
        let (beta, error) = coefficients(&lower, &half, p, variance);
        Some(Fit {
            log_likelihood: data.log_scale - n / 2.0 * variance_ml.ln(),
            restricted: data.log_scale - freedom / 2.0 * variance.ln() - log_determinant / 2.0,
            beta,
            error,
            variance,
            freedom,
        })
    }
}

/// Coefficients and standard errors from the Cholesky factor.
fn coefficients(
    lower: &[[f64; MOST]; MOST],
    half: &[f64; MOST],
    p: usize,
    variance: f64,
) -> ([f64; MOST], [f64; MOST]) {
    let mut beta = [0.0; MOST];
    let mut error = [0.0; MOST];
    for i in (0..p).rev() {
        let known: f64 = (i + 1..p).map(|k| lower[k][i] * beta[k]).sum();
        beta[i] = (half[i] - known) / lower[i][i];
    }
    for i in 0..p {
        // A column of the inverse factor; its squares are the diagonal of the inverse.
        let mut column = [0.0; MOST];
        for j in i..p {
            let known: f64 = (i..j).map(|k| lower[j][k] * column[k]).sum();
            column[j] = (f64::from(u8::from(i == j)) - known) / lower[j][j];
        }
        let squares: f64 = column[i..p].iter().map(|c| c * c).sum();
        error[i] = (variance * squares).sqrt();
    }
    (beta, error)
}

fn whiten(
    columns: &[Vec<f64>],
    values: &[f64],
    gaps: &[f64],
    rho: f64,
    pairs: &[(usize, usize)],
) -> Whitened {
    let own = 1.0 - rho * rho;
    // Points further apart than usual know less of each other; each is scaled to the innovation
    // variance of one usual step.
    let steps: Vec<(f64, f64)> = (0..values.len())
        .map(|i| {
            if i == 0 {
                return (0.0, own.sqrt());
            }
            let held = if rho > 0.0 { rho.powf(gaps[i].max(0.1)) } else { 0.0 };
            (held, (own / (1.0 - held * held)).sqrt())
        })
        .collect();
    let white = |column: &[f64]| -> Vec<f64> {
        let one = |(i, (held, scale)): (usize, &(f64, f64))| {
            let before = if i == 0 { 0.0 } else { column[i - 1] };
            (column[i] - held * before) * scale
        };
        steps.iter().enumerate().map(one).collect()
    };
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let all: Vec<Vec<f64>> = columns.iter().map(|column| white(column)).collect();
    let values = white(values);
    let m = all.len();
    let mut gram = vec![0.0; m * m];
    for (low, high) in pairs {
        let sum = product(&all[*high], &all[*low]);
        gram[high * m + low] = sum;
        gram[low * m + high] = sum;
    }
    Whitened {
        gram,
        with_values: all.iter().map(|column| product(column, &values)).collect(),
        squares: product(&values, &values),
        log_scale: steps.iter().map(|(_, scale)| scale.ln()).sum(),
    }
}
