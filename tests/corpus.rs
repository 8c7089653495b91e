//! Every input that is kept for the fuzz targets, through the same functions (`fuzz/`): what made
//! one of them fail once stays here as a file, and the toolchain for fuzzing is not needed.

use std::path::Path;

#[path = "../fuzz/src/targets.rs"]
#[allow(dead_code, reason = "the functions are reached through the table")]
mod targets;

fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut all: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("entry").path();
            (path.display().to_string(), std::fs::read(&path).expect("input"))
        })
        .collect();
    all.sort();
    all
}

/// What a broken connection or a careless editor makes of an input: cut off, or one byte changed.
fn damaged(input: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    const PLACES: usize = 40;
    let step = (input.len() / PLACES).max(1);
    (0..input.len()).step_by(step).flat_map(move |at| {
        let cut = input.get(..at).unwrap_or_default().to_vec();
        let changed = [b'-', b'"', b'}', 0xff].map(|byte| {
            let mut bytes = input.to_vec();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes
        });
        changed.into_iter().chain([cut])
    })
}

#[test]
fn no_kept_input_makes_a_parser_fail() {
    for (name, run) in targets::TARGETS {
        let inputs = inputs(name);
        assert!(inputs.len() >= 3, "{name}: {} inputs", inputs.len());
        for (path, input) in inputs {
            let outcome = std::panic::catch_unwind(|| run(&input));
            assert!(outcome.is_ok(), "{name}: {path}");
        }
    }
}

#[test]
fn no_damaged_input_makes_a_parser_fail() {
    for (name, run) in targets::TARGETS {
        for (path, input) in inputs(name) {
            for bytes in damaged(&input) {
                let outcome = std::panic::catch_unwind(|| run(&bytes));
                let shown = || String::from_utf8_lossy(&bytes).into_owned();
                assert!(outcome.is_ok(), "{name}: {path} damaged to\n{}", shown());
            }
        }
    }
}

#[test]
fn every_target_has_a_program_for_the_fuzzer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("manifest");
    for (name, _) in targets::TARGETS {
        assert!(root.join(format!("fuzz_targets/{name}.rs")).exists(), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
