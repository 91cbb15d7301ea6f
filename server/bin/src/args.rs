//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use huihua_core::{Account, AppKey};
use huihua_http::app::App;

use crate::{
    config::{self, Config},
    dev,
};

/// The server of the cloud session list.
#[derive(Parser)]
#[command(version, after_help = "HUIHUA_LOG=error|warn|info|debug sets what is logged to stderr.")]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves the apps of a configuration file.
    Serve {
        /// Configuration file; config.default.toml explains every key.
        #[arg(long)]
        config: PathBuf,
    },
    /// Serves a test app: creates keys, prints a token and curl commands to try.
    Dev {
        /// Folder for keys and sessions, kept for the next start.
        #[arg(long, default_value = "huihua-dev")]
        data: PathBuf,
        /// IP address and port to listen on; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:8480")]
        listen: SocketAddr,
    },
    /// Prints a token for an account.
    Token(TokenArguments),
    /// Manages the members of teams.
    #[command(subcommand)]
    Members(MembersCommand),
    /// Backs up the store of a data folder, while its server runs or is stopped.
    #[command(after_help = BACKUP_HELP)]
    Backup {
        /// Data folder of the server.
        #[arg(long)]
        data: PathBuf,
        /// File to create; it must not exist. A running server writes it, as its own user.
        #[arg(long)]
        to: PathBuf,
    },
    /// Restores the store of a data folder from a backup and checks every value in it.
    Restore {
        /// Backup file.
        #[arg(long)]
        from: PathBuf,
        /// Data folder without a store. A backup holds no keys: copy the configuration too.
        #[arg(long)]
        data: PathBuf,
    },
    /// Checks every value in the store of a stopped server.
    #[command(after_help = VERIFY_HELP)]
    Verify {
        /// Data folder of the server.
        #[arg(long)]
        data: PathBuf,
    },
}

const BACKUP_HELP: &str = "\
A backup is one moment of the store; a failed backup leaves no file. It holds messages: protect it
like the data folder. After a restore, clients with cursors from after that moment list again.

Example:
  huihua-server backup --data huihua-dev --to backup-2026-11-24.redb
  huihua-server restore --from backup-2026-11-24.redb --data huihua-restored";

const VERIFY_HELP: &str = "\
Prints the number of values and ends with 0 when every value is intact. Ends with 1 and names the
damaged value otherwise: restore the store from a backup then.

Example:
  huihua-server verify --data huihua-dev";

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
sessionType is team or super_team; time is when the accounts joined, ms since 1970. In JSON an id
may be a number. Spaces around CSV's fields are no part of them. The file is UTF-8.
The whole file is checked before anything is sent. Repeating an import changes nothing: if it was
interrupted, start it again. It ends with 0 when every membership is on the server's disk.

Example:
  huihua-server members import --file members.jsonl --url http://127.0.0.1:8480 --data huihua-dev";

/// The app, by a file with its keys.
#[derive(Args)]
pub(crate) struct KeyArguments {
    /// Data folder of `dev` to take the keys from.
    #[arg(long, required_unless_present = "config", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// Configuration file to take the keys from.
    #[arg(long)]
    config: Option<PathBuf>,
    /// App key; required if the file has several apps.
    #[arg(long)]
    app: Option<AppKey>,
}

impl KeyArguments {
    /// Reads the app from the file.
    pub(crate) fn load(&self) -> Result<App, config::Error> {
        let data = self.data.as_ref().map(|data| data.join(dev::CONFIG_FILE));
        let path = data.as_ref().or(self.config.as_ref()).expect("clap requires one of the two");
        Config::load(path)?.app(self.app.as_ref()).cloned()
    }
}

#[derive(Args)]
pub(crate) struct TokenArguments {
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
    /// Account that the token is for.
    #[arg(long)]
    pub(crate) account: Account,
    /// Lifetime of the token, at most 90d.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Duration,
}

#[derive(Args)]
pub(crate) struct ImportArguments {
    /// File of memberships, JSON Lines or CSV.
    #[arg(long)]
    pub(crate) file: PathBuf,
    /// Address of the running server, as `https://host:8480`, with its path prefix if it has one.
    #[arg(long)]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
    /// How long to retry a request while the server is unavailable.
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration)]
    pub(crate) retry_for: Duration,
}
