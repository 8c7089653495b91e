//! Builds the stand-in for NVIDIA's management library, once a way to build it.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// The bytes of a library that behaves as the words say (see `stand_in.rs`); `file` is the file by
/// which the test and the library talk.
///
/// # Panics
/// When it cannot be built.
pub fn with(behaviour: &[&str], file: &Path) -> Vec<u8> {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    static OLD: OnceLock<Vec<u8>> = OnceLock::new();
    let mut library = if behaviour.contains(&"old") {
        OLD.get_or_init(|| build(&["--cfg", "old"])).clone()
    } else {
        WHOLE.get_or_init(|| build(&[])).clone()
    };
    const MARK: &[u8] = b"STAND-IN:";
    let at = library.windows(MARK.len() + 1).position(|w| w.starts_with(MARK) && w.ends_with(b"#"));
    let start = at.expect("its mark") + MARK.len();
    let told = format!("{} {}", behaviour.join(" "), file.display());
    assert!(told.len() < 1000, "a shorter path");
    library[start..start + told.len()].copy_from_slice(told.as_bytes());
    library
}

fn build(flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("stand_in.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/nvml/stand_in.rs");
    let mut build = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
    build.args(["--edition", "2021", "--crate-type", "cdylib", "--crate-name", "stand_in"]);
    build.args(["-C", "debuginfo=0", "-A", "warnings"]).args(flags);
    let built = build.arg("-o").arg(&made).arg(source).output().expect("rustc runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    std::fs::read(made).expect("the library")
}
