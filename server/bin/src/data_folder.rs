//! The data folder: made private, one level only, so that a mistyped path is not made in silence.

use std::{fs::DirBuilder, io, os::unix::fs::DirBuilderExt as _, path::Path};

use crate::config::parent_of;

/// Checks that the folder is there or can be made.
///
/// # Errors
/// Says what is wrong with the path.
pub(crate) fn check(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if folder.exists() {
        let reason = format!("{} is no folder: choose another path", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotADirectory, reason));
    }
    let parent = parent_of(folder);
    if !parent.is_dir() {
        let reason = format!(
            "there is no folder {} to make {} in: make it, or correct the path",
            parent.display(),
            folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, reason));
    }
    Ok(())
}

/// Makes the folder, which only its owner may enter, unless it is there.
///
/// # Errors
/// As [`check`]; and when the system refuses.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    check(folder)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
