//! A pass of its own over the lines of a journal, for what the columns do not keep: every source of
//! a figure, not only the one that counts, and when each was read.

use std::path::Path;

use serde_json::Value;

use super::FigureSources;
use super::parse::read_line;
use super::seal::{self, Checked};
use crate::analysis::provenance::{Collector, Provenance};
use crate::store::files::{Lines, MAX_INPUT_BYTES};

/// Text that is looked at where sources are not compared: sources and ages are told by a part, and
/// a long run is not read twice for them.
const PART: u64 = 16 << 20;

/// Readings of the first source from one pair to the next: neighbours say the same again.
const APART: f64 = 5.0;

/// Sources and ages, and agreement where the run recorded all parts. Lines that cannot be read are
/// passed over: whoever reads the journal has named them.
pub(super) fn read(path: &Path, run: &Value, sources: &FigureSources) -> Provenance {
    let compared =
        run.pointer("/config/sources/cross_check").and_then(Value::as_bool).unwrap_or(false);
    let (mut collector, limit) = match compared {
        true => (Collector::comparing(APART), MAX_INPUT_BYTES),
        false => (Collector::new(), PART),
    };
    let Ok(mut lines) = Lines::open(path) else { return Provenance::default() };
    let mut whole = true;
    while let Ok(Some(line)) = lines.next() {
        if !line.bytes.trim_ascii().is_empty()
            && seal::check(line.bytes) != Checked::Wrong
            && let Ok(tick) = read_line(line.bytes, sources)
        {
            collector.take(tick.at, &tick.samples, &tick.gaps);
        }
        if lines.bytes() > limit {
            whole = false;
            break;
        }
    }
    collector.finish(whole)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::model::{Figure, Part, Sample, SourceKind};
    use crate::store::journal::write_line;

    /// A journal of cgroup and docker side by side; from the third tick on with a figure that
    /// run.json does not know.
    fn journal(folder: &Path, sources: &FigureSources) -> std::path::PathBuf {
        let line = br#"{"seq":0,"at":0,"t":0,"scenario":"baseline","phase":"idle","index":0,"parts":[],"samples":[]}"#;
        let mut tick = read_line(line, sources).expect("a tick");
        let mut text = Vec::new();
        for second in 0..90 {
            let at = f64::from(second);
            let part = |source, at, value| Part {
                source,
                at,
                figures: [(Figure::AnonBytes, value)].into_iter().collect(),
            };
            let mut parts =
                vec![part(SourceKind::Cgroup, at, 1e8), part(SourceKind::Docker, at - 0.5, 1.2e8)];
            if second >= 3 {
                let figures = [(Figure::OpenFds, 12.0)].into_iter().collect();
                parts.push(Part { source: SourceKind::Procfs, at: at - 3.0, figures });
            }
            tick.at = at;
            tick.samples = vec![Sample { name: "web".into(), incarnation: 0, parts }];
            write_line(&tick, sources, &mut text);
        }
        text.extend_from_slice(b"{\"seq\":91,\"at\":9");
        let path = folder.join("samples.jsonl");
        std::fs::write(&path, text).expect("written");
        path
    }

    fn known() -> FigureSources {
        let all = BTreeMap::from([("anon_bytes".to_owned(), SourceKind::Cgroup)]);
        FigureSources::new(&all)
    }

    #[test]
    fn the_folder_tells_sources_and_ages_also_of_figures_that_came_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = journal(folder.path(), &known());
        let found = read(&path, &Value::Null, &known());
        let named = |figure: &str| {
            let of = found.figures.iter().find(|f| f.figure == figure).expect("known");
            of.sources.iter().map(|s| (s.source, s.median_age_s)).collect::<Vec<_>>()
        };
        assert_eq!(named("anon_bytes"), [(SourceKind::Cgroup, 0.0), (SourceKind::Docker, 0.5)]);
        assert_eq!(named("open_fds"), [(SourceKind::Procfs, 3.0)]);
        assert!(found.whole && found.ticks == 90 && found.agreement.is_empty());
    }

    #[test]
    fn a_run_that_cross_checked_is_compared() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = journal(folder.path(), &known());
        let run = json!({"config": {"sources": {"cross_check": true}}});
        let found = read(&path, &run, &known());
        let [only] = found.agreement.as_slice() else { panic!("{found:?}") };
        assert_eq!(only.verdict, crate::analysis::provenance::Verdict::Differ);
        assert!((only.median_percent - 100.0 / 6.0).abs() < 1e-6, "{only:?}");
    }
}
