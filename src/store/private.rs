//! Who may read what is written: a file is open to nobody to whom its folder is closed. Run folders
//! are their user's alone (`results.mode`), since what programs say may hold what nobody knew to
//! mask; everywhere else the umask decides, as usual.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Options that make a file as closed as its folder; the umask holds as well.
pub fn options(path: &Path) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o666 & of_folder(path));
    options
}

/// Makes a folder, as closed as the one it is in; one that is there stays as it is.
///
/// # Errors
/// When the system refuses.
pub fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(of_folder(path)).create(path)
}

/// Makes a new folder of just this mode.
///
/// # Errors
/// When it is there, or the system refuses.
pub fn create_new_dir(path: &Path, mode: u32) -> io::Result<()> {
    // Closed from the first moment on; opened to others past the umask where that is wanted.
    DirBuilder::new().mode(mode & 0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// The permissions of the folder that something is in.
fn of_folder(path: &Path) -> u32 {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = fs::metadata(folder.unwrap_or(Path::new(".")));
    folder.map_or(0o777, |found| found.permissions().mode() & 0o777)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_in_a_closed_folder_is_closed_and_in_an_open_one_as_usual() {
        let folder = tempfile::tempdir().expect("a folder");
        let closed = folder.path().join("closed");
        create_new_dir(&closed, 0o700).expect("made");
        create_dir(&closed.join("hooks")).expect("made");
        options(&closed.join("run.json"))
            .write(true)
            .create_new(true)
            .open(closed.join("run.json"))
            .expect("made");
        let modes = [&closed, &closed.join("hooks"), &closed.join("run.json")].map(|it| mode(it));
        assert_eq!(modes, [0o700, 0o700, 0o600]);

        let open = folder.path().join("open");
        create_new_dir(&open, 0o755).expect("made");
        fs::write(open.join("usual"), "").expect("written");
        options(&open.join("a")).write(true).create_new(true).open(open.join("a")).expect("made");
        assert_eq!(mode(&open), 0o755);
        assert_eq!(mode(&open.join("a")), mode(&open.join("usual")) & 0o755);
        assert!(create_new_dir(&open, 0o700).is_err(), "one that is there is not taken over");
        assert_eq!(mode(&open), 0o755);
    }
}
