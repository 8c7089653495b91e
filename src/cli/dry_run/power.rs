//! The smallest leak that the planned duration finds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::analysis::leak::power::{Noise, detectable};
use crate::analysis::noise::noise;
use crate::config::Config;
use crate::scenario::{Kind, Plan};
use crate::store::input::{Input, read};

/// Earlier runs that are looked at, the latest first.
const LOOK_BACK: usize = 5;

/// Containers that are listed.
const LISTED: usize = 20;

/// Says what is found with a probability of 80 %, by the noise of the latest run that has any.
pub(super) fn lines(out: &mut String, config: &Config, plan: &Plan) {
    if !plan.scenarios.iter().any(|planned| planned.kind == Kind::Duration) {
        return;
    }
    let minutes = config.duration.active.as_secs_f64() / 60.0 * (1.0 - config.leak.trim);
    let interval = config.duration.active_interval.as_secs_f64();
    let find = |noise: Noise| match detectable(noise, minutes, interval, &config.leak) {
        Some(rate) => format!("{rate:.1} MB/min"),
        None => "nothing".to_string(),
    };
    if minutes < config.leak.min_minutes {
        let _ = writeln!(
            out,
            "leaks     {minutes:.1} min under load (after trimming) give no verdict: \
             leak.min_minutes is {}",
            config.leak.min_minutes
        );
        return;
    }
    let Some((run, mut measured)) = earlier(&config.results_dir()) else {
        let typical = Noise::TYPICAL;
        let _ = writeln!(
            out,
            "leaks     duration finds {} and more with a probability of 80 %, at typical noise \
             ({} MB, forgotten in {} s); nothing was measured here yet",
            find(typical),
            typical.sd_mb,
            typical.correlation_seconds
        );
        return;
    };
    let _ = writeln!(
        out,
        "leaks     duration finds these and more with a probability of 80 %, by the noise of run \
         {run}:"
    );
    measured.sort_by(|a, b| b.1.sd_mb.total_cmp(&a.1.sd_mb));
    for (name, noise) in measured.iter().take(LISTED) {
        let _ = writeln!(
            out,
            "  {name:<22} {:<14} (noise {:.2} MB, forgotten in {:.0} s)",
            find(*noise),
            noise.sd_mb,
            noise.correlation_seconds
        );
    }
    if measured.len() > LISTED {
        let _ = writeln!(out, "  and {} that are quieter", measured.len() - LISTED);
    }
}

/// The latest run in the archive that had a phase under load. A file that cannot be read is no
/// reason to stop: it is passed over.
fn earlier(results: &Path) -> Option<(String, Vec<(String, Noise)>)> {
    let mut runs: Vec<PathBuf> =
        std::fs::read_dir(results).ok()?.flatten().map(|entry| entry.path()).collect();
    runs.retain(|path| path.join(crate::store::run_folder::SAMPLES).is_file());
    runs.sort();
    runs.into_iter().rev().take(LOOK_BACK).find_map(|path| {
        let loaded = read(&Input::RunFolder(path)).ok()?;
        let found = noise(&loaded.dataset);
        (!found.is_empty()).then_some((loaded.dataset.test_id, found))
    })
}
