//! `config check` and `config print`: what a server would start with.

use std::{
    error::Error,
    io::{self, Write as _},
};

use crate::args::SettingArguments;

/// Checks a configuration, and says so when nothing is wrong.
pub(crate) fn check(settings: &SettingArguments) -> Result<(), Box<dyn Error>> {
    let config = settings.load()?;
    config.check_data_folder()?;
    config.load_tls()?;
    for warning in &config.warnings {
        writeln!(io::stderr(), "warning: {warning}")?;
    }
    let (file, apps) = (settings.config.display(), config.apps.len());
    writeln!(io::stdout(), "{file} is right; apps: {apps}")?;
    Ok(())
}

/// Prints a configuration.
pub(crate) fn print(settings: &SettingArguments) -> Result<(), Box<dyn Error>> {
    io::stdout().write_all(settings.load()?.redacted().as_bytes())?;
    Ok(())
}
