//! The files that the executable needs beside itself: its loader and its shared objects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::ImageError;
use super::elf::Elf;

/// Parts of glibc before 2.34 that it opens by name to resolve host names.
const RESOLVER: [&str; 3] = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];

/// A file of this machine and where it goes in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub from: PathBuf,
    pub to: PathBuf,
}

/// Everything that the executable needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub files: Vec<Placed>,
    /// Folders of the shared objects, for LD_LIBRARY_PATH.
    pub folders: BTreeSet<PathBuf>,
}

impl Needs {
    /// Looks at `exe` and at the objects that this process has mapped. A static executable needs
    /// nothing.
    pub fn of(exe: &Path) -> Result<Needs, ImageError> {
        let elf = Elf::read(exe)?;
        let Some(interpreter) = elf.interpreter.clone().map(PathBuf::from) else {
            return Ok(Needs::default());
        };
        let maps = Path::new("/proc/self/maps");
        let text = std::fs::read_to_string(maps)
            .map_err(|source| ImageError::Read { path: maps.to_path_buf(), source })?;
        let mut objects = Objects::new(mapped_objects(&text));
        let mut needs = Needs::default();
        // The path in the header is often a link; the kernel opens exactly that path.
        needs.files.push(Placed { from: interpreter.clone(), to: interpreter.clone() });
        let loader = Elf::read(&interpreter)?.soname;
        let found = objects.closure(elf.needed, loader.as_deref())?;
        for (soname, from) in found {
            let folder = from.parent().unwrap_or(Path::new("/")).to_path_buf();
            needs.files.push(Placed { to: folder.join(soname), from });
            needs.folders.insert(folder);
        }
        needs.add_resolver();
        Ok(needs)
    }

    fn add_resolver(&mut self) {
        for folder in &self.folders {
            for name in RESOLVER {
                let path = folder.join(name);
                if path.is_file() && !self.files.iter().any(|file| file.to == path) {
                    self.files.push(Placed { from: path.clone(), to: path });
                }
            }
        }
    }
}

/// Files mapped as code, out of the text of `/proc/PID/maps`, each once. Which of them are shared
/// objects is for the ELF parser to say.
fn mapped_objects(maps: &str) -> BTreeSet<PathBuf> {
    maps.lines()
        .filter_map(|line| {
            // address perms offset device inode path; only the path may hold spaces.
            let mut fields = line.splitn(6, ' ');
            let executable = fields.nth(1)?.as_bytes().get(2) == Some(&b'x');
            let path = fields.nth(3)?.trim_start();
            let there = path.starts_with('/') && !path.ends_with(" (deleted)");
            (executable && there).then(|| PathBuf::from(path))
        })
        .collect()
}

/// Shared objects by the name they are needed by.
struct Objects {
    by_soname: BTreeMap<String, (PathBuf, Vec<String>)>,
    folders: BTreeSet<PathBuf>,
}

impl Objects {
    fn new(paths: BTreeSet<PathBuf>) -> Objects {
        let mut objects = Objects { by_soname: BTreeMap::new(), folders: BTreeSet::new() };
        for path in paths {
            objects.add(path);
        }
        objects
    }

    /// What is no shared object (a mapped font, this executable) is left out.
    fn add(&mut self, path: PathBuf) {
        let Ok(Elf { soname: Some(soname), needed, .. }) = Elf::read(&path) else {
            return;
        };
        if let Some(folder) = path.parent() {
            self.folders.insert(folder.to_path_buf());
        }
        self.by_soname.insert(soname, (path, needed));
    }

    /// `needed` and what those need in turn, without the loader, which goes its own way.
    fn closure(
        &mut self,
        needed: Vec<String>,
        loader: Option<&str>,
    ) -> Result<BTreeMap<String, PathBuf>, ImageError> {
        let mut found = BTreeMap::new();
        let mut open = needed;
        while let Some(name) = open.pop() {
            if Some(name.as_str()) == loader || found.contains_key(&name) {
                continue;
            }
            self.look_beside(&name);
            let (path, needs) = self
                .by_soname
                .get(&name)
                .ok_or_else(|| ImageError::MissingObject { name: name.clone() })?;
            found.insert(name, path.clone());
            open.extend(needs.iter().cloned());
        }
        Ok(found)
    }

    /// An object that this process has not mapped (the image is made of another executable) is
    /// looked for beside those it has.
    fn look_beside(&mut self, name: &str) {
        if self.by_soname.contains_key(name) {
            return;
        }
        let beside = self.folders.iter().map(|folder| folder.join(name)).find(|p| p.is_file());
        if let Some(path) = beside {
            self.add(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_code_is_found_once_and_nothing_else() {
        let maps = "\
55d0a000-55d0b000 r--p 00000000 08:01 123                        /usr/bin/runner
55d0b000-55d0c000 r-xp 00001000 08:01 123                        /usr/bin/runner
7f00a000-7f00b000 r-xp 00000000 08:01 124                        /usr/lib/libc.so.6
7f00b000-7f00c000 r-xp 00000000 08:01 124                        /usr/lib/libc.so.6
7f00c000-7f00d000 r--p 00000000 08:01 125                        /usr/lib/locale.dat
7f00d000-7f00e000 r-xp 00000000 08:01 126                        /opt/my app/libx.so
7f00e000-7f00f000 r-xp 00000000 08:01 127                        /usr/lib/old.so (deleted)
7ffe0000-7ffe1000 r-xp 00000000 00:00 0                          [vdso]
7ffe2000-7ffe3000 rwxp 00000000 00:00 0
garbage";
        let found: Vec<_> = mapped_objects(maps).into_iter().collect();
        let wanted = ["/opt/my app/libx.so", "/usr/bin/runner", "/usr/lib/libc.so.6"];
        assert_eq!(found, wanted.map(PathBuf::from));
    }

    #[test]
    fn this_test_needs_its_loader_where_its_header_says_and_its_libc() {
        let exe = Path::new("/proc/self/exe");
        let needs = Needs::of(exe).unwrap();
        let loader = PathBuf::from(Elf::read(exe).unwrap().interpreter.unwrap());
        assert!(needs.files.iter().any(|file| file.to == loader));
        let libc = needs.files.iter().find(|file| file.to.ends_with("libc.so.6")).unwrap();
        assert!(needs.folders.contains(libc.to.parent().unwrap()));
        assert!(needs.files.iter().all(|file| file.from.is_file()));
    }

    #[test]
    fn an_object_that_is_nowhere_is_named() {
        let mut objects = Objects::new(BTreeSet::new());
        let error = objects.closure(vec!["libnowhere.so.1".into()], None).unwrap_err();
        assert!(error.to_string().contains("libnowhere.so.1"), "{error}");
    }
}
