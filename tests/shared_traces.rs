//! The leak procedure over recorded memory series with the truth beside them. The recordings are
//! not in the repository: RUNNER_SHARED names the folder that holds `traces/`.
#![allow(clippy::unwrap_used, reason = "a test over files of known form")]

mod support;
#[path = "support/traces.rs"]
mod traces;

use runner::analysis::leak::Verdict;

#[derive(Debug, Default)]
struct Score {
    found: u32,
    leaks: u32,
    accused: u32,
    undecided: u32,
    containers: u32,
    covered: u32,
    intervals: u32,
    reassured: Vec<String>,
}

impl Score {
    fn f1(&self) -> f64 {
        let missed = self.leaks - self.found;
        2.0 * f64::from(self.found) / f64::from(2 * self.found + self.accused + missed)
    }

    fn add(&mut self, one: &traces::Judged) {
        let found = &one.verdict;
        let accused = matches!(found.verdict, Verdict::Leak | Verdict::Suspect);
        self.containers += 1;
        self.undecided +=
            u32::from(matches!(found.verdict, Verdict::Inconclusive | Verdict::InsufficientData));
        self.leaks += u32::from(one.leaks);
        self.found += u32::from(one.leaks && accused);
        self.accused += u32::from(!one.leaks && accused);
        let fast = one.rates.is_empty() || one.rates.iter().any(|rate| *rate >= 1.0);
        if one.leaks && fast && found.verdict == Verdict::Ok {
            self.reassured.push(one.name.clone());
        }
        if let (false, Some(low), Some(high)) = (one.rates.is_empty(), found.ci_low, found.ci_high)
        {
            let holds = |rate: &f64| low <= 1.05 * rate && 0.95 * rate <= high;
            self.intervals += 1;
            self.covered += u32::from(one.rates.iter().any(holds));
        }
    }
}

#[test]
fn recorded_leaks_are_told_from_healthy_containers() {
    let Some(folder) = support::shared().map(|folder| folder.join("traces")) else { return };
    let mut score = Score::default();
    for set in ["short", "long"] {
        traces::judged(&folder, set).iter().for_each(|one| score.add(one));
    }
    println!("F1 {:.3} {score:?}", score.f1());
    assert!(score.f1() >= 0.96, "F1 {:.3}", score.f1());
    assert!(score.accused <= 1, "{} healthy containers accused", score.accused);
    assert!(score.reassured.is_empty(), "leaks called ok: {:?}", score.reassured);
    assert!(10 * score.undecided <= score.containers, "{} undecided", score.undecided);
    assert!(10 * score.covered >= 9 * score.intervals, "{} intervals hold", score.covered);
}
