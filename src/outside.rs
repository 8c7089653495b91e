//! Opening what others wrote: a config, a file of certificates, a run folder that came by mail.
//!
//! Only regular files are opened (a link to one is one): opening a named pipe waits for a writer,
//! and while it waits no signal is heard; a device has no end. What is read is bounded by what
//! comes out, not by the size that a file claims.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Most bytes of a config, a compose file and other texts that people write.
pub const MAX_TEXT_BYTES: u64 = 4 << 20;
/// Most bytes of certificates, keys and tokens.
pub const MAX_SECRET_BYTES: u64 = 1 << 20;

/// Opens a regular file for reading.
///
/// # Errors
/// When it is something else, or the system refuses.
pub fn open(path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK opening a named pipe waits; on a regular file the flag has no effect.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    // Of the opened file, not of the path, which may lead elsewhere by now.
    let kind = file.metadata()?.file_type();
    if kind.is_file() { Ok(file) } else { Err(no_file(kind)) }
}

/// The bytes of a regular file of at most `limit` bytes.
///
/// # Errors
/// When it is larger or something else, or the system refuses.
pub fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let what = format!("it is larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

/// As [`bytes`], as UTF-8.
///
/// # Errors
/// As [`bytes`]; when it is no UTF-8.
pub fn text(path: &Path, limit: u64) -> io::Result<String> {
    let bytes = bytes(path, limit)?;
    String::from_utf8(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.utf8_error()))
}

fn no_file(kind: FileType) -> io::Error {
    let what = if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a regular file"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_pipe_a_device_and_a_folder_are_refused_at_once_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).expect("a link");
        for (path, word) in
            [(&pipe, "named pipe"), (&link, "device"), (&folder.path().to_path_buf(), "folder")]
        {
            let error = open(path).expect_err("refused").to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_the_limit_and_not_beyond_also_through_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "12345").expect("a file");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert_eq!(text(&link, 5).expect("readable"), "12345");
        let error = bytes(&link, 4).expect_err("too large");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        std::fs::write(&file, [0xff]).expect("a file");
        assert!(text(&file, 5).is_err(), "no UTF-8");
    }
}
