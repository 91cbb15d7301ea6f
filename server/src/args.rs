//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use huihua_core::{Account, AppKey};
use huihua_server::{
    config::{self, App, Config},
    dev,
};

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
    /// Who is in which team.
    #[command(subcommand)]
    Members(MembersCommand),
    /// Backs up the store of a data folder into a new file, while its server runs or not.
    #[command(after_help = BACKUP_HELP)]
    Backup {
        /// The server's data folder.
        #[arg(long)]
        data: PathBuf,
        /// The file to make; it must not exist. A running server writes it, as its own user.
        #[arg(long)]
        to: PathBuf,
    },
    /// Makes the store of a data folder from a backup; every value in it is checked.
    Restore {
        /// The backup.
        #[arg(long)]
        from: PathBuf,
        /// The data folder; it must hold no store. A backup has no keys: bring the configuration.
        #[arg(long)]
        data: PathBuf,
    },
}

const BACKUP_HELP: &str = "\
A backup is one moment of the store, whole or not there at all. It holds messages: keep it as
safe as the data folder. Once it is restored, clients with cursors from after that moment list
again.

Example:
  huihua-server backup --data huihua-dev --to backup-2026-11-24.redb
  huihua-server restore --from backup-2026-11-24.redb --data huihua-restored";

#[derive(Subcommand)]
pub(crate) enum MembersCommand {
    /// Loads the memberships of existing teams into a running server.
    #[command(after_help = IMPORT_HELP)]
    Import(ImportArguments),
}

const IMPORT_HELP: &str = "\
The file holds one JSON object a line, or, when its name ends in .csv, records with a header line:
  {\"sessionType\":\"team\",\"teamId\":\"2530\",\"accounts\":[\"alice\",\"bob\"],\"time\":1700000000000}
  sessionType,teamId,account,time
sessionType is team or super_team; time is since when the accounts are in, ms since 1970.
The whole file is checked before anything is sent. Repeating an import changes nothing: when it was
interrupted, start it again. It ends with 0 when every membership is on the server's disk.

Example:
  huihua-server members import --file members.jsonl --url http://127.0.0.1:8480 --data huihua-dev";

/// Which app, by a file with its keys.
#[derive(Args)]
pub(crate) struct Keys {
    /// Takes the keys from a data folder of `dev`.
    #[arg(long, required_unless_present = "config", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// Takes the keys from a configuration file.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The app's key; needed when the file has several apps.
    #[arg(long)]
    app: Option<AppKey>,
}

impl Keys {
    /// Reads the file.
    pub(crate) fn load(&self) -> Result<App, config::Error> {
        let data = self.data.as_ref().map(|data| data.join(dev::CONFIG_FILE));
        let path = data.as_ref().or(self.config.as_ref()).expect("clap requires one of the two");
        Config::load(path)?.app(self.app.as_ref()).cloned()
    }
}

#[derive(Args)]
pub(crate) struct TokenArguments {
    #[command(flatten)]
    pub(crate) keys: Keys,
    /// Whose token.
    #[arg(long)]
    pub(crate) account: Account,
    /// How long it holds, at most 90d.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Duration,
}

#[derive(Args)]
pub(crate) struct ImportArguments {
    /// The memberships, as JSON Lines or CSV.
    #[arg(long)]
    pub(crate) file: PathBuf,
    /// The running server.
    #[arg(long)]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) keys: Keys,
    /// How long to send again what the server does not serve.
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration)]
    pub(crate) retry_for: Duration,
}
