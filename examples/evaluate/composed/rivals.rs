//! What simple and known rules say of the same series.

use super::draw::Drawn;

/// Prints a line a rule.
pub fn print(drawn: &[Drawn]) {
    let rules: [(&str, Rule); 4] = [
        ("last minus first above 1 MB/min", endpoints),
        ("least squares above 1 MB/min", least_squares),
        ("30 s medians, Theil-Sen above 1 MB/min", medians),
        ("least squares after the last drop of half, tail at 0.3 of it", after_drop),
    ];
    for (name, rule) in rules {
        let (mut leaks, mut sure, mut found, mut reassured) = (0u32, 0u32, 0u32, 0u32);
        let (mut healthy, mut accused) = (0u32, 0u32);
        for one in drawn {
            let points = points(one);
            let hit = u32::from(rule(&points));
            if !one.truth.leaks {
                healthy += 1;
                accused += hit;
            } else if one.truth.rate >= 1.0 {
                leaks += 1;
                reassured += 1 - hit;
                if !one.truth.unsure {
                    sure += 1;
                    found += hit;
                }
            }
        }
        let share = |a: u32, b: u32| 100.0 * f64::from(a) / f64::from(b.max(1));
        let f1 = 2.0 * f64::from(found) / f64::from((found + sure + accused).max(1));
        println!(
            "rival: {name}: F1 {f1:.3}, accused {:.1} %, called ok {:.1} %",
            share(accused, healthy),
            share(reassured, leaks)
        );
    }
}

type Rule = fn(&[(f64, f64)]) -> bool;

/// Minutes and MB under load, without the first tenth.
fn points(one: &Drawn) -> Vec<(f64, f64)> {
    let active = one.data.phases.first().map_or(0..0, |p| p.ticks.clone());
    let column = one.data.containers[0].columns.get(runner::model::Figure::AnonBytes);
    let rows = active.start + active.len() / 10..active.end;
    let values = column.unwrap_or_default();
    rows.map(|row| (one.data.time[row] / 60.0, values[row] / 1_048_576.0)).collect()
}

fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len().max(1) as f64;
    let (mt, my) =
        (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let tt: f64 = points.iter().map(|p| (p.0 - mt).powi(2)).sum();
    let ty: f64 = points.iter().map(|p| (p.0 - mt) * (p.1 - my)).sum();
    if tt > 0.0 { ty / tt } else { 0.0 }
}

fn endpoints(points: &[(f64, f64)]) -> bool {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return false };
    (last.1 - first.1) / (last.0 - first.0) > 1.0
}

fn least_squares(points: &[(f64, f64)]) -> bool {
    slope(points) > 1.0
}

fn after_drop(points: &[(f64, f64)]) -> bool {
    let cut = (1..points.len()).rev().find(|at| points[*at].1 < 0.5 * points[at - 1].1);
    let whole = slope(&points[cut.unwrap_or(0)..]);
    let tail = slope(&points[points.len() - (points.len() / 4).max(3).min(points.len())..]);
    whole * 60.0 >= 50.0 && tail >= 0.3 * whole
}

fn medians(points: &[(f64, f64)]) -> bool {
    let mut blocks: Vec<(f64, Vec<f64>)> = Vec::new();
    for (t, mb) in points {
        let at = (t * 2.0).floor() / 2.0;
        match blocks.last_mut().filter(|b| b.0 == at) {
            Some(block) => block.1.push(*mb),
            None => blocks.push((at, vec![*mb])),
        }
    }
    let middles: Vec<(f64, f64)> = blocks
        .into_iter()
        .map(|(at, mut some)| {
            some.sort_unstable_by(f64::total_cmp);
            (at, some[some.len() / 2])
        })
        .collect();
    let mut slopes = Vec::new();
    for (at, a) in middles.iter().enumerate() {
        slopes.extend(middles[at + 1..].iter().map(|b| (b.1 - a.1) / (b.0 - a.0)));
    }
    slopes.sort_unstable_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).is_some_and(|s| *s > 1.0)
}
