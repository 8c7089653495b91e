//! Kills, crashes and restarts, and kills that nobody told.

use crate::analysis::analyze::Analysis;
use crate::analysis::incident_counts::IncidentCounts;
use crate::analysis::incidents::{MissedKills, Total};

use super::{Finding, FindingKind, Severity};

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let judged = |i: &&IncidentCounts| !analysis.settings.ignores(&i.container);
    let told =
        analysis.incidents.iter().filter(judged).filter_map(|counts| finding(analysis, counts));
    told.chain(analysis.missed_kills.iter().map(missed)).collect()
}

/// The machine's own total has everybody's kills: a difference in it is less of a hint.
fn missed(missed: &MissedKills) -> Finding {
    let severity = match missed.total {
        Total::Groups => Severity::Warning,
        Total::Machine => Severity::Info,
    };
    let mut finding = Finding::about(FindingKind::MissedKill, severity, "", missed.describe());
    finding.container = None;
    let count = missed.counted.saturating_sub(missed.witnessed) as f64;
    finding.with(Some(count), None).in_scenario(&missed.scenario)
}

/// The gravest of what happened to a container in a scenario.
fn finding(analysis: &Analysis, counts: &IncidentCounts) -> Option<Finding> {
    let (kind, severity, count, what) = if counts.oom_kills > 0 {
        (FindingKind::Oom, Severity::Critical, counts.oom_kills, "OOM kill")
    } else if counts.crashes > 0 {
        (FindingKind::Crash, Severity::Critical, counts.crashes, "crash")
    } else if counts.restarts > 0 {
        (FindingKind::Restart, Severity::Warning, counts.restarts, "restart")
    } else {
        return None;
    };
    let plural = match (count, what) {
        (1, _) => "",
        (_, "crash") => "es",
        _ => "s",
    };
    let about = if kind == FindingKind::Oom && counts.about { "about " } else { "" };
    let mut message = format!("{}: {about}{count} {what}{plural}", counts.container);
    if kind == FindingKind::Restart {
        let cause = counts.cause.as_deref().unwrap_or("cause not recorded");
        message.push_str(&format!(", {cause}"));
    }
    let mut finding = Finding::about(kind, severity, &counts.container, message);
    if kind == FindingKind::Oom {
        let mut kills = analysis
            .oom_kills
            .iter()
            .filter(|kill| kill.container == counts.container && kill.scenario == counts.scenario);
        // The first ones tell the cause; the rest is in summary.json.
        finding.evidence = kills.by_ref().filter_map(|kill| kill.describe()).take(3).collect();
    }
    Some(finding.with(Some(count as f64), None).in_scenario(&counts.scenario))
}
