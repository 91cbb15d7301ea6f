//! The command line.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand};
use huihua_core::{Account, AppKey};
use huihua_http::app::App;

use crate::{
    config::{self, Config, Overrides, RedbConfig, StoreConfig},
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
    #[command(flatten)]
    Server(ServerCommand),
    #[command(flatten)]
    Tool(ToolCommand),
}

/// The commands that serve until they are stopped.
#[derive(Subcommand)]
pub(crate) enum ServerCommand {
    /// Serves the apps of a configuration file. SIGHUP reads the apps and their keys anew.
    #[command(after_help = SERVE_HELP)]
    Serve(SettingArguments),
    /// Serves a test app: creates keys, prints addresses, a token and curl commands to try.
    Dev {
        /// Folder for keys and sessions, kept for the next start.
        #[arg(long, default_value = "huihua-dev")]
        data: PathBuf,
        /// IP address and port to listen on; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:8480")]
        listen: SocketAddr,
        /// Listens without TLS also where other machines can read along.
        #[arg(long)]
        insecure_listen: bool,
    },
}

/// The commands that come to their end.
#[derive(Subcommand)]
pub(crate) enum ToolCommand {
    /// Checks or prints a configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prints a token for an account.
    Token(TokenArguments),
    /// Delivers the sample message copies to a running server, as NIM does.
    #[command(after_help = SAMPLES_HELP)]
    Samples(SamplesArguments),
    /// Moves a running NIM app in: memberships, last messages, exts.
    #[command(after_help = IMPORT_NIM_HELP)]
    ImportNim(ImportNimArguments),
    /// Manages the members of teams.
    #[command(subcommand)]
    Members(MembersCommand),
    /// Backs up the store of a data folder, while its server runs or is stopped.
    #[command(after_help = BACKUP_HELP)]
    Backup {
        #[command(flatten)]
        of: StoreArguments,
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
    /// Makes the file of a stopped server's store as small as its content.
    #[command(after_help = COMPACT_HELP)]
    Compact {
        #[command(flatten)]
        of: StoreArguments,
    },
    /// Gives or erases everything that is stored of one account.
    #[command(subcommand)]
    Accounts(AccountsCommand),
    /// Checks a whole store, while its server runs or is stopped.
    #[command(after_help = VERIFY_HELP)]
    Verify {
        #[command(flatten)]
        of: StoreArguments,
    },
    /// Makes the keyspace of Cassandra that a configuration names, with its tables.
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Copies a whole store into an empty one: from a folder to Cassandra, or back.
    #[command(after_help = COPY_HELP)]
    Copy(CopyArguments),
}

const COPY_HELP: &str = "\
A store is redb:DIR, the data folder of a server that is stopped, or cassandra:FILE, the
configuration that names its keyspace. Stop every server of both first; nothing is changed in the
first store. When all is copied, every list of both is read and compared; it ends with 1 and names
what differs, if anything does. If it is interrupted, by Ctrl-C too, start the same command again:
--state keeps what is done. Sync cursors and first results of the last 10 minutes are not copied:
clients list again.

Example:
  huihua-server copy --from redb:huihua-data --to cassandra:huihua.toml";

/// What is copied where.
#[derive(Args)]
pub(crate) struct CopyArguments {
    /// The store that is copied.
    #[arg(long)]
    pub(crate) from: StoreName,
    /// The store that it is copied into; it must be empty.
    #[arg(long)]
    pub(crate) to: StoreName,
    /// File that keeps what is done until all is; created if it does not exist.
    #[arg(long, default_value = "huihua-copy.state")]
    pub(crate) state: PathBuf,
}

/// A store on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreName {
    /// A data folder.
    Redb(PathBuf),
    /// A configuration that names a keyspace.
    Cassandra(PathBuf),
}

impl FromStr for StoreName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("redb", path)) if !path.is_empty() => Ok(Self::Redb(path.into())),
            Some(("cassandra", path)) if !path.is_empty() => Ok(Self::Cassandra(path.into())),
            _ => Err("must be redb:DIR or cassandra:FILE"),
        }
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, path) = match self {
            Self::Redb(path) => ("redb", path),
            Self::Cassandra(path) => ("cassandra", path),
        };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        write!(f, "{kind}:{}", path.display())
    }
}

impl StoreName {
    /// Reads where it is.
    ///
    /// # Errors
    /// [`config::Error`] names everything that must change in the file.
    pub(crate) fn config(&self) -> Result<StoreConfig, Box<dyn std::error::Error>> {
        match self {
            Self::Redb(data) => Ok(StoreConfig::Redb(RedbConfig::of_folder(data))),
            Self::Cassandra(file) => {
                let config = Config::load(file, &Overrides::of_environment())?;
                if config.data().is_some() {
                    let file = file.display();
                    return Err(format!("{file} does not say store = \"cassandra\"").into());
                }
                Ok(config.store)
            }
        }
    }
}

/// The store, by its folder or by the configuration that names it.
#[derive(Args)]
pub(crate) struct StoreArguments {
    /// Data folder of the server.
    #[arg(long, required_unless_present = "config", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// Configuration file that names the store.
    #[arg(long)]
    config: Option<PathBuf>,
}

impl StoreArguments {
    /// Reads which store it is.
    ///
    /// # Errors
    /// [`config::Error`] names everything that must change in the file.
    pub(crate) fn load(&self) -> Result<StoreConfig, config::Error> {
        if let Some(data) = &self.data {
            return Ok(StoreConfig::Redb(RedbConfig::of_folder(data)));
        }
        let path = self.config.as_ref().expect("clap requires one of the two");
        Ok(Config::load(path, &Overrides::of_environment())?.store)
    }
}

const APPLY_HELP: &str = "\
Makes the keyspace (cassandra_keyspace) with its copies (cassandra_replication), then its tables.
What is there stays as it is: repeating it changes nothing, and so does an interruption. It never
changes the copies of a keyspace that is there: do that with ALTER KEYSPACE and a repair. A server
does not start before the keyspace has the schema of its own version. The user needs CREATE on all
keyspaces, or on this one if it is there; a server's user needs SELECT and MODIFY.

Example:
  huihua-server schema apply --config huihua.toml";

/// What may be done with a schema.
#[derive(Subcommand)]
pub(crate) enum SchemaCommand {
    /// Makes the keyspace and its tables, as far as they are missing.
    #[command(after_help = APPLY_HELP)]
    Apply(SettingArguments),
}

const SERVE_HELP: &str = "\
A flag wins over the environment, and that over the file: HUIHUA_LISTEN is the variable of the
setting listen. Apps and their keys are in the file alone.

Example:
  huihua-server serve --config huihua.toml --set connections_max=50000";

/// The settings of a server: a file, and what wins over it.
#[derive(Args)]
pub(crate) struct SettingArguments {
    /// Configuration file; config.default.toml explains every key.
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// IP address and port to listen on, instead of the file's.
    #[arg(long)]
    listen: Option<String>,
    /// Data folder, instead of the file's.
    #[arg(long)]
    data: Option<String>,
    /// Another setting, instead of the file's.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
}

fn key_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("must be a setting, =, and its value")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl SettingArguments {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// [`config::Error`] names everything that must change.
    pub(crate) fn load(&self) -> Result<Config, config::Error> {
        let mut overrides = Overrides::of_environment();
        let set = self.set.iter().map(|(key, value)| (key, format!("--set {key}"), value));
        overrides.flags.extend(set.map(|(key, flag, value)| (key.clone(), (flag, value.clone()))));
        for (key, value) in [("listen", &self.listen), ("data", &self.data)] {
            let flag = value.clone().map(|value| (format!("--{key}"), value));
            overrides.flags.extend(flag.map(|flag| (key.to_owned(), flag)));
        }
        Config::load(&self.config, &overrides)
    }
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says everything that is wrong in a configuration; ends with 1 if anything is.
    Check(SettingArguments),
    /// Prints every setting as it counts and where it comes from; no secret.
    Print(SettingArguments),
}

const BACKUP_HELP: &str = "\
A backup is one moment of the store; a failed backup leaves no file. It holds messages: protect it
like the data folder. After a restore, clients with cursors from after that moment list again.

Example:
  huihua-server backup --data huihua-dev --to backup-2026-11-24.redb
  huihua-server restore --from backup-2026-11-24.redb --data huihua-restored";

const COMPACT_HELP: &str = "\
Writes what the store holds into a new file beside it, every page and value checked, and then gives
it the store's name. Needs free space for what is stored; an interrupted run changes nothing and may
be started again. A running server reuses the free space of its file by itself: only a store that
has become much smaller is worth a stop.

Example:
  huihua-server compact --data huihua-dev";

const EXPORT_HELP: &str = "\
Prints one JSON object a line; docs/operate.md explains them. The last one is of type end. Tokens
are not in it. The server may run or be stopped.

Example:
  huihua-server accounts export --config huihua.toml --account amy --to amy.jsonl";

const ERASE_HELP: &str = "\
Erases the account's sessions, texts, memberships, name and tokens for good, while the server runs
or is stopped. The lists of others and of teams keep its messages, and backups keep everything. Its
clients list again; the next message that concerns it begins a new list, and its app's own tokens
stay valid: end them first. If it is interrupted, start it again.

Example:
  huihua-server accounts erase --config huihua.toml --account amy";

/// What may be done with one account.
#[derive(Subcommand)]
pub(crate) enum AccountsCommand {
    /// Gives everything that is stored of an account, as JSON lines.
    #[command(after_help = EXPORT_HELP)]
    Export {
        #[command(flatten)]
        of: AccountArguments,
        /// File to create, for its owner alone; without it the records are printed.
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// Erases an account.
    #[command(after_help = ERASE_HELP)]
    Erase {
        #[command(flatten)]
        of: AccountArguments,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// An account of an app, and the data folder of its server.
#[derive(Args)]
pub(crate) struct AccountArguments {
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
    /// The account.
    #[arg(long)]
    pub(crate) account: String,
}

const VERIFY_HELP: &str = "\
Prints the number of values and ends with 0 when the store is intact. Ends with 1 and names the
damage otherwise: restore the store from a backup then. Ends with 2 when the command is wrong.
Of a stopped server's store it checks every page of the file, every value, and what the tables say
of each other; of a running one's all but the pages. Nothing is written.

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

const IMPORT_NIM_HELP: &str = "\
Reads NIM's server API and writes to a running Huihua server, for the accounts and teams of the
files; they hold one id a line. A team id may be written as team|ID or super_team|ID; a bare one is
looked for in both kinds. The teams of the accounts need not be listed.

Turn NIM's message copies on first. The import may run while copies come in, and again: repeats
change nothing. NIM's ext wins: import before the first app with this server's SDK is released.
Memberships come first, then last messages and exts, then sessions that NIM does not list are
deleted from the accounts' lists. After a kill, start the same command again: --state keeps what is
done. An edit, deletion or ext that is made at NIM after its account was read comes with the next
import, without a state or with a new one.

NIM's API does not say, so these are not carried: up to which message a session was deleted; the
updateTime of a session that has no message (here: the time of the import); the nick and device of
a sender, and what a recall says; when an account left a team (its row gets a bare notice at the
row's time). A last message over 16 KiB loses its attach and the end of its body.

Ends with 0 when everything was carried that can be; with 1 when accounts or teams failed, when
--compare finds differences, or when nothing can be done. A feature that NIM answers with 403
(func not enable) is no failure: the summary names it.

Example:
  huihua-server import-nim --config huihua.toml --accounts accounts.txt --state import.state
  huihua-server import-nim --config huihua.toml --accounts accounts.txt --compare --sample 500";

/// The app, by a file with its keys.
#[derive(Args)]
pub(crate) struct KeyArguments {
    /// Data folder of `dev` to take the keys from.
    #[arg(long, required_unless_present = "config", conflicts_with = "config")]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file to take the keys from.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// App key; required if the file has several apps.
    #[arg(long)]
    pub(crate) app: Option<AppKey>,
}

impl KeyArguments {
    /// Reads the app from the file.
    pub(crate) fn load(&self) -> Result<App, config::Error> {
        Ok(self.load_with_store()?.0)
    }

    /// Reads the app and the store from the file.
    pub(crate) fn load_with_store(&self) -> Result<(App, StoreConfig), config::Error> {
        let file = self.data.as_ref().map(|data| data.join(dev::CONFIG_FILE));
        let path = file.as_ref().or(self.config.as_ref()).expect("clap requires one of the two");
        let config = Config::load(path, &Overrides::of_environment())?;
        let app = config.app(self.app.as_ref())?.clone();
        // A folder of `dev` may have been moved.
        let moved = self.data.as_deref().map(|data| StoreConfig::Redb(RedbConfig::of_folder(data)));
        Ok((app, moved.unwrap_or(config.store)))
    }
}

const SAMPLES_HELP: &str = "\
The 350 copies tell two months of a company's conversations: texts, pictures, calls, teams, recalls.
Each is signed with the app's secret and goes to POST /nim/copy, over four connections at once. The
account whose list is the fullest is lin. Copies delivered again change nothing: if it is
interrupted, start it again. It ends with 0 when every copy is on the server's disk.

The server needs an app with that key and secret. Use one for trials: the samples stay in its lists.

Example:
  huihua-server samples --to http://127.0.0.1:8480 --data huihua-dev
  huihua-server samples --to https://sessions.example.com --app APP_KEY --secret-file secret.txt";

#[derive(Args)]
#[group(skip)]
pub(crate) struct SamplesArguments {
    /// Address of the running server, as `https://host:8480`, with its path prefix if it has one.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// Data folder of `dev` to take the app's key and secret from.
    #[arg(long, group = "place_of_keys")]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file to take the app's key and secret from.
    #[arg(long, group = "place_of_keys")]
    pub(crate) config: Option<PathBuf>,
    /// File with the app's secret alone, for a server whose configuration is elsewhere.
    #[arg(long, group = "place_of_keys", requires = "app")]
    pub(crate) secret_file: Option<PathBuf>,
    /// App key; required with --secret-file, and if the configuration has several apps.
    #[arg(long)]
    pub(crate) app: Option<AppKey>,
    /// How long to retry a copy while the server is unavailable.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) retry_for: Duration,
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

#[derive(Args)]
pub(crate) struct ImportNimArguments {
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
    /// File of accounts, one a line, UTF-8.
    #[arg(long, required_unless_present = "team_ids")]
    pub(crate) accounts: Option<PathBuf>,
    /// File of team ids, one a line, UTF-8.
    #[arg(long)]
    pub(crate) team_ids: Option<PathBuf>,
    /// Address of NIM's server API.
    #[arg(long, default_value = "https://api.yunxinapi.com/nimserver")]
    pub(crate) from: String,
    /// Address of the running Huihua server, with its path prefix if it has one.
    #[arg(long, default_value = "http://127.0.0.1:8480")]
    pub(crate) server: String,
    /// Most calls of NIM in a second, 1..=1000. NIM allows an app about 100, with its backend's.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) calls_per_second: u32,
    /// How long one call of NIM may take; it is tried ten times.
    #[arg(long, default_value = "15s", value_parser = humantime::parse_duration)]
    pub(crate) call_timeout: Duration,
    /// How long to retry a request while the Huihua server is unavailable.
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration)]
    pub(crate) retry_for: Duration,
    /// File that keeps what is done; created if it does not exist.
    #[arg(long)]
    pub(crate) state: Option<PathBuf>,
    /// Reads everything and says what would be written, but writes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Compares the accounts' lists at both ends and writes nothing.
    #[arg(long, requires = "accounts", conflicts_with_all = ["dry_run", "state", "team_ids"])]
    pub(crate) compare: bool,
    /// Compares so many of the accounts, chosen at random.
    #[arg(long, requires = "compare")]
    pub(crate) sample: Option<usize>,
}
