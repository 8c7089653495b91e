//! What errors of the operating system mean, for who writes records and for who reads figures.

use std::error::Error;
use std::io;

/// Whether the cause is that this process, or the machine, has too many files open: `EMFILE` or
/// `ENFILE`, however deep in an error it is.
#[must_use]
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| matches!(io.raw_os_error(), Some(EMFILE | ENFILE))) {
            return true;
        }
        // An error that wraps another one answers that one's source, not itself.
        let wrapped = io.and_then(io::Error::get_ref).map(|e| e as &(dyn Error + 'static));
        cause = wrapped.or_else(|| error.source());
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_open_files_are_told_apart_however_deep_the_error_is() {
        let error = || io::Error::from_raw_os_error(24);
        assert!(is_out_of_descriptors(&error()));
        assert!(is_out_of_descriptors(&io::Error::other(io::Error::other(error()))));
        assert!(!is_out_of_descriptors(&io::Error::from_raw_os_error(28)));
        assert!(!is_out_of_descriptors(&io::Error::other("too many open files")));
    }
}
