//! Asks the engine where a container's files lie, and measures them.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::parse::Places;

/// Most entries that are walked for one figure: a volume with millions of files is not measured
/// rather than walked every minute.
const MOST_ENTRIES: usize = 50_000;

/// Bytes on disk of what a container wrote.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    /// The writable layer.
    pub layer: Option<u64>,
    /// Its volumes.
    pub volumes: Option<u64>,
    /// Its log.
    pub log: Option<u64>,
    /// Space left where the writable layer lies.
    pub free: Option<u64>,
}

/// Measures what can be read. A place that cannot be read, or is too large to walk, is absent.
pub fn measure(places: &Places) -> Measured {
    let walk = |path: &String| used(Path::new(path), MOST_ENTRIES);
    let volumes = match places.volumes.as_slice() {
        [] => None,
        volumes => volumes.iter().map(walk).sum(),
    };
    Measured {
        layer: places.layer.as_ref().and_then(walk),
        volumes,
        free: places.layer.as_ref().and_then(|path| free(Path::new(path))),
        log: places.log.as_ref().and_then(|path| fs::metadata(path).ok()).map(|m| m.len()),
    }
}

/// Bytes that may still be written, by someone without special rights.
fn free(path: &Path) -> Option<u64> {
    let about = nix::sys::statvfs::statvfs(path).ok()?;
    Some(about.blocks_available() as u64 * about.fragment_size() as u64)
}

/// Bytes that the blocks of all files below `root` take, each file once, on one file system, no
/// link followed; none where something cannot be read or there are more than `most` entries.
fn used(root: &Path, most: usize) -> Option<u64> {
    let top = fs::symlink_metadata(root).ok()?;
    let device = top.dev();
    let (mut bytes, mut entries) = (0, 0);
    let mut seen: HashSet<u64> = HashSet::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let list = match fs::read_dir(&folder) {
            Ok(list) => list,
            // Files come and go while they are counted.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && folder != root => continue,
            Err(_) => return None,
        };
        for entry in list {
            entries += 1;
            if entries > most {
                return None;
            }
            let Ok(about) = entry.and_then(|e| fs::symlink_metadata(e.path()).map(|m| (e, m)))
            else {
                continue;
            };
            let (entry, about) = about;
            if about.dev() != device {
                continue;
            }
            if about.is_dir() {
                folders.push(entry.path());
            } else if about.nlink() < 2 || seen.insert(about.ino()) {
                bytes += about.blocks() * 512;
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_once_whatever_their_names_and_links_are_not_followed() {
        let dir = tempfile::tempdir().expect("folder");
        let inner = dir.path().join("a/b");
        fs::create_dir_all(&inner).expect("folders");
        fs::write(inner.join("data"), vec![1; 100 << 10]).expect("file");
        fs::hard_link(inner.join("data"), dir.path().join("again")).expect("link");
        std::os::unix::fs::symlink("/", dir.path().join("root")).expect("link");
        let bytes = used(dir.path(), 100).expect("measured");
        assert!((100 << 10..120 << 10).contains(&bytes), "{bytes}");
    }

    #[test]
    fn what_is_too_large_or_missing_is_absent() {
        let dir = tempfile::tempdir().expect("folder");
        for name in 0..20 {
            fs::write(dir.path().join(name.to_string()), "x").expect("file");
        }
        assert_eq!(used(dir.path(), 19), None);
        assert_eq!(used(&dir.path().join("missing"), 19), None);
        let places = Places { log: Some("/nowhere/at.log".into()), ..Places::default() };
        assert_eq!(measure(&places), Measured::default());
    }
}
