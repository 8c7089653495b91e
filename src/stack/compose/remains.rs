//! Generated files that runs which were killed could not remove.

use std::fs;
use std::path::Path;

use crate::stack::holder::{Holder, Life};

/// Removes the labels files in `folder` whose run is dead for sure.
pub(super) fn remove_labels_of_the_dead(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let plain = entry.file_type().is_ok_and(|kind| kind.is_file());
        if plain && name.to_str().is_some_and(|name| is_of_the_dead(name, &entry.path())) {
            // It is left for the next run, should it not go.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// `PROJECT-PID.labels.yml`, where neither the process of its name nor the one that its labels name
/// lives. They differ where a run completes the stack of an ended one, with that one's labels.
fn is_of_the_dead(name: &str, path: &Path) -> bool {
    let pid =
        name.strip_suffix(".labels.yml").and_then(|stem| stem.rsplit_once('-')?.1.parse().ok());
    let Some(pid) = pid else { return false };
    let labels = fs::read_to_string(path).unwrap_or_default();
    let stamp = labels.split('"').find_map(|word| word.parse::<Holder>().ok());
    stamp.is_some_and(|stamp| stamp.life(true) == Life::Dead) && !Holder::lives(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_dead_runs_go_and_those_of_living_ones_and_other_files_stay() {
        let dir = tempfile::tempdir().expect("a folder");
        let me = Holder::me().expect("/proc is readable");
        let dead = Holder { pid: 4_194_304, ..me.clone() };
        let elsewhere = Holder { namespace: me.namespace + 1, ..dead.clone() };
        let write = |name: String, holder: &Holder| {
            let text =
                format!("{{\"services\": {{\"a\": {{\"labels\": {{\"p\": \"{holder}\"}}}}}}}}");
            fs::write(dir.path().join(name), text).expect("a file");
        };
        write(format!("demo-{}.labels.yml", dead.pid), &dead);
        let kept = [
            format!("demo-{}.labels.yml", me.pid),
            format!("completes-{}.labels.yml", me.pid),
            format!("other-namespace-{}.labels.yml", elsewhere.pid),
            "demo.labels.yml".to_owned(),
            format!("demo-{}.yml", dead.pid),
        ];
        for (name, holder) in kept.iter().zip([&me, &dead, &elsewhere, &dead, &dead]) {
            write(name.clone(), holder);
        }
        remove_labels_of_the_dead(dir.path());
        let left = fs::read_dir(dir.path()).expect("readable").flatten();
        let mut left: Vec<_> = left.map(|e| e.file_name().into_string().expect("text")).collect();
        left.sort();
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(left, kept);
    }
}
