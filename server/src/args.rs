//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use huihua_core::{Account, AppKey};

/// The server of the cloud session list.
#[derive(Parser)]
#[command(version, after_help = "HUIHUA_LOG=error|warn|info|debug sets what is logged to stderr.")]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves the apps of a configuration file.
    Serve {
        /// The file; config.default.toml explains every key.
        #[arg(long)]
        config: PathBuf,
    },
    /// Serves a test app: makes keys, prints a token and curl lines to try.
    Dev {
        /// Keeps keys and sessions here, for the next start too.
        #[arg(long, default_value = "huihua-dev")]
        data: PathBuf,
        /// IP address and port; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:8480")]
        listen: SocketAddr,
    },
    /// Prints a token for an account, and nothing else.
    Token(TokenArguments),
}

#[derive(Args)]
pub(crate) struct TokenArguments {
    /// Takes the keys from a data folder of `dev`.
    #[arg(long, required_unless_present = "config", conflicts_with = "config")]
    pub(crate) data: Option<PathBuf>,
    /// Takes the keys from a configuration file.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// The app's key; needed when the file has several apps.
    #[arg(long)]
    pub(crate) app: Option<AppKey>,
    /// Whose token.
    #[arg(long)]
    pub(crate) account: Account,
    /// How long it holds, at most 90d.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Duration,
}
