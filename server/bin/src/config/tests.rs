//! What a configuration may be, and what is said of one that is wrong.

use huihua_core::AccountForm;

use super::*;

/// The shipped file, every key with its comment.
const DEFAULT_TOML: &str = include_str!("../../../config.default.toml");

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(Path::new("huihua.toml"), text, &Overrides::default())
}

/// What is said of a text, one line a fault.
fn faults(text: &str) -> Vec<String> {
    match parse(text) {
        Err(Error::Faults(faults)) => faults.0.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

const GOOD: &str = r#"
    data = "d"
    [[app]]
    key = "a"
    accounts = "nim"
    secret = "nim-secret-a"
    token_keys = ["token-key-a-0123456789abcdef0123456789"]
    ingest_key = "ingest-key-a-0123456789abcdef012345678"
    [[app]]
    key = "b"
    accounts = "exact"
    secret = "nim-secret-b"
    token_keys = ["token-key-b-0123456789abcdef0123456789", "token-key-c-0123456789abcdef0123456789"]
    ingest_key = "ingest-key-b-0123456789abcdef012345678"
"#;

/// The shipped file, its keys filled in.
fn shipped_with_keys() -> String {
    DEFAULT_TOML
        .replace("<app key>", "k")
        .replace("<app secret>", "s")
        .replace("<token key>", &"t".repeat(32))
        .replace("<ingest key>", &"i".repeat(32))
}

#[test]
fn a_good_file_is_read_and_shows_no_secret() {
    let config = parse(GOOD).unwrap();
    assert_eq!((config.listen.port(), config.data()), (8480, Some(Path::new("d"))));
    assert_eq!((config.apps.len(), config.connections_max), (2, CONNECTIONS_DEFAULT));
    let accounts = |key: &str| config.apps[&key.parse().unwrap()].accounts;
    assert_eq!(["a", "b"].map(accounts), [AccountForm::Nim, AccountForm::Exact]);
    let shown = format!("{config:?}");
    assert!(shown.contains("Secret(…)") && !shown.contains("nim-secret"), "{shown}");
    assert!(!shown.contains("token-key") && !shown.contains("ingest-key"), "{shown}");
}

#[test]
fn the_shipped_file_starts_as_soon_as_its_keys_are_filled_in() {
    let refused = parse(DEFAULT_TOML).unwrap_err().to_string();
    assert!(refused.contains("32 bytes"), "placeholders are no keys: {refused}");
    let filled = shipped_with_keys();
    assert_eq!(parse(&filled).unwrap().apps.len(), 1);
}

/// Asserts what is said of the good file with one text replaced, and that no secret is in it.
fn check_faults(cases: &[(&str, &str, &str)]) {
    for (from, to, expected) in cases {
        let error = parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} instead of {expected}");
        assert!(!error.contains("0123456789abcdef"), "{error} shows a secret");
    }
}

#[test]
fn wrong_listeners_and_ingest_keys_are_named_with_their_remedy() {
    check_faults(&[
        (
            "data = \"d\"",
            "data = \"d\"\nadmin_listen = \"0.0.0.0:1\"\ninsecure_listen = true",
            "admin_listen: other machines reach 0.0.0.0:1, and this listener has neither tokens nor",
        ),
        (
            "data = \"d\"",
            "data = \"d\"\nconsole_token_file = \"none\"",
            "console_token_file: cannot read",
        ),
        (
            "data = \"d\"",
            "data = \"d\"\nconsole_copies_kb = 65537",
            "console_copies_kb: must be a whole number, 0..=65536",
        ),
        (
            "data = \"d\"",
            "data = \"d\"\ntls_key = \"k\"",
            "tls_key: cannot be used alone: name the file of its certificate in tls_certificate too",
        ),
        (
            "data = \"d\"",
            "data = \"d\"\ntls_certificate = \"c\"",
            "tls_certificate: cannot be used alone: name the file of its private key in tls_key too",
        ),
        (
            "ingest_key = \"ingest-key-a-0123456789abcdef012345678\"",
            "ingest_keys = []",
            "app[0].ingest_keys: must hold one key, or two while you rotate them",
        ),
        (
            "ingest_key = \"ingest-key-a-",
            "ingest_keys = [\"ingest-key-b-0123456789abcdef012345678\"]\n    \
             ingest_key = \"ingest-key-a-",
            "app[0].ingest_key: cannot be combined with ingest_keys: keep one of the two",
        ),
        (
            "ingest_key = \"ingest-key-a-0123456789abcdef012345678\"",
            "ingest_keys = [\"ingest-key-b-0123456789abcdef012345678\"]",
            "app[1].ingest_key: equals app[0].ingest_keys[0]",
        ),
    ]);
}

#[test]
fn what_is_wrong_is_named_with_its_remedy_and_without_its_value() {
    let cases = [
        ("data = \"d\"", "", "data: is missing"),
        ("data = \"d\"", "data = 5", "data: must be a string"),
        ("data = \"d\"", "data = \"d\"\nlisten = \"here\"", "listen: must be an IP address"),
        ("data = \"d\"", "data = \"d\"\nlog = \"debug\"", "log: is unknown"),
        ("data = \"d\"", "data = \"d", "huihua.toml:2: "),
        ("data = \"d\"", "data = \"d\"\nlog_format = \"xml\"", "log_format: must be \"text\" or"),
        ("data = \"d\"", "data = \"d\"\naccess_log = 1", "access_log: must be true or false"),
        (
            "data = \"d\"",
            "data = \"d\"\nadmin_listen = \"8481\"",
            "admin_listen: must be an IP address and a port, like \"127.0.0.1:8481\", or \"off\"",
        ),
        ("key = \"b\"", "key = \"a\"", "app[1].key: another app has this key"),
        ("key = \"b\"", "key = \"b|c\"", "app[1].key: app key holds"),
        ("key = \"b\"", "key = \"b\"\nsecrets = \"x\"", "app[1].secrets: is unknown"),
        (
            "accounts = \"nim\"",
            "",
            "app[0].accounts: is missing. It says how app 'a' writes its account ids. Write \
             accounts = \"nim\" if",
        ),
        ("\"nim\"", "\"NIM\"", "app[0].accounts: must be \"nim\" or \"exact\". It says how"),
        ("\"exact\"", "5", "app[1].accounts: must be a string"),
        ("secret = \"nim-secret-a\"", "", "app[0].secret: is missing"),
        ("secret = \"nim-secret-a\"", "secret = \"\"", "app[0].secret: is empty"),
        ("nim-secret-b", "nim-secret-a", "app[1].secret: equals app[0].secret"),
        ("[\"token-key-a-0123456789abcdef0123456789\"]", "[]", "app[0].token_keys: must hold"),
        ("[\"token-key-a-0123456789abcdef0123456789\"]", "5", "app[0].token_keys: must be a list"),
        ("\"token-key-a-0123456789abcdef0123456789\"", "5", "token_keys[0]: must be a string"),
        ("token-key-a-0123456789abcdef0123456789", "short", "token_keys[0]: is shorter than 32"),
        ("ingest-key-b-0123456789abcdef012345678", "x", "app[1].ingest_key: is shorter than 32"),
        (
            "ingest-key-a-0123456789abcdef012345678",
            "token-key-a-0123456789abcdef0123456789",
            "app[0].ingest_key: equals app[0].token_keys[0]",
        ),
        (
            "nim-secret-b",
            "token-key-c-0123456789abcdef0123456789",
            "app[1].secret: equals app[1].token_keys[1]",
        ),
        (
            "token-key-c-0123456789abcdef0123456789",
            "token-key-b-0123456789abcdef0123456789",
            "app[1].token_keys[1]: equals app[1].token_keys[0]",
        ),
    ];
    check_faults(&cases);
    let three = "\"token-key-b-0123456789abcdef0123456789\", \
         \"token-key-d-0123456789abcdef0123456789\"";
    let text = GOOD.replace("\"token-key-b-0123456789abcdef0123456789\"", three);
    assert!(parse(&text).unwrap_err().to_string().contains("app[1].token_keys"));
    let no_apps = parse("data = \"d\"").unwrap_err().to_string();
    assert!(no_apps.starts_with("huihua.toml: app: is missing"), "{no_apps}");
}

/// One fault a start cost an operator one start a fault.
#[test]
fn all_faults_are_said_at_once_each_with_its_line() {
    let text = "listen = 5\ndata = \"d\"\nconnections_max = 0\n\n[[app]]\nkey = \"<app key>\"\n\
                accounts = \"nim\"\nsecret = \"<app secret>\"\ntoken_keys = [\n  \"short\",\n]\n\
                ingestkey = \"x\"\n\n[[app]]\nkey = \"b\"\nacounts = \"nim\"\n";
    let said = faults(text);
    let expected = [
        "huihua.toml:1: listen: must be a string",
        "huihua.toml:3: connections_max: must be a whole number, 1..=1000000",
        "huihua.toml:6: app[0].key: is the example's placeholder: take the App Key",
        "huihua.toml:8: app[0].secret: is the example's placeholder: take the App Secret",
        "huihua.toml:10: app[0].token_keys[0]: is shorter than 32 bytes: run `openssl rand -hex 32`",
        "huihua.toml:12: app[0].ingestkey: is unknown: did you mean ingest_key?",
        "huihua.toml:14: app[1].secret: is missing: write it here, or name its file in secret_file",
        "huihua.toml:14: app[1].token_keys: is missing",
        "huihua.toml:14: app[1].ingest_key: is missing",
        "huihua.toml:16: app[1].acounts: is unknown: did you mean accounts?",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said} instead of {expected}");
    }
    let whole = parse(text).unwrap_err().to_string();
    assert!(whole.starts_with("10 things are wrong in the configuration\n  huihua.toml:1: "));
}

#[test]
fn a_misspelt_key_is_unknown_and_not_missing() {
    for (right, wrong) in
        [("token_keys", "token_key"), ("ingest_key", "ingestKey"), ("data", "dta")]
    {
        let said = faults(&GOOD.replacen(right, wrong, 1));
        assert_eq!(said.len(), 1, "{said:#?}");
        let expected = format!("{wrong}: is unknown: did you mean {right}?");
        assert!(said[0].ends_with(&expected), "{said:#?}");
    }
    let said = faults(&GOOD.replacen("data", "colour = 1\ndata", 1));
    assert!(said[0].ends_with("colour: is unknown: config.default.toml lists every key"));
}

#[test]
fn text_that_is_no_toml_is_said_with_every_line_and_without_quoting_it() {
    let said = faults("data = \"d\"\nlisten = = PRIVATE\n\n[[app]\nkey = \"a\"\n");
    for line in ["huihua.toml:2: ", "huihua.toml:4: "] {
        assert!(said.iter().any(|said| said.starts_with(line)), "{said:?}");
    }
    assert!(said.iter().all(|said| !said.contains("PRIVATE")), "{said:?}");
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let text = format!("listen = \"127.0.0.1:1\"\nconnections_max = 1\n{}", GOOD.trim_start());
    let mut overrides = Overrides::default();
    let load = |overrides: &Overrides| Config::parse(Path::new("f"), &text, overrides);
    let ports = |config: Config| (config.listen.port(), config.connections_max);
    assert_eq!(ports(load(&overrides).unwrap()), (1, 1));
    for (name, value) in [("HUIHUA_LISTEN", "127.0.0.1:2"), ("HUIHUA_CONNECTIONS_MAX", "2")] {
        overrides.environment.insert(name.into(), value.into());
    }
    // As an orchestrator sets for a service of this name.
    overrides.environment.insert("HUIHUA_PORT".into(), "tcp://10.0.0.1:8480".into());
    assert_eq!(ports(load(&overrides).unwrap()), (2, 2));
    overrides.flags.insert("listen".into(), ("--listen".into(), "127.0.0.1:3".into()));
    let config = load(&overrides).unwrap();
    let printed = config.redacted();
    assert_eq!(ports(config), (3, 2));
    assert_eq!(
        printed,
        "listen = \"127.0.0.1:3\"  # --listen\nstore = \"redb\"  # default\n\
         data = \"d\"  # f:3\nmemory_mb = 256  # default\n\
         check_at_start_mb = 32  # default\n\
         queue_mb = 64  # default\nqueue_app_mb = 32  # default\n\
         connections_max = 2  # HUIHUA_CONNECTIONS_MAX\n\
         log_format = \"text\"  # default\naccess_log = false  # default\n\
         tls_handshake_wait_s = 10  # default\n\
         head_wait_s = 30  # default\nbody_wait_s = 30  # default\nanswer_wait_s = 30  # default\n\
         streams_per_connection = 100  # default\nbodies_mb = 64  # default\n\
         answers_mb = 64  # default\nwaits_per_account = 32  # default\n\
         rates_mb = 8  # default\nrefusal_delay_ms = 500  # default\n\
         account_requests_per_s = 1000  # default\n\
         app_requests_per_s = 20000  # default\nevents_requests_per_s = 10000  # default\n\
         copies_per_s = 10000  # default\nnim_calls_per_s = 5000  # default\n\
         wrong_credentials_per_s = 100  # default\ncompression = true  # default\n\
         api_docs = true  # default\n\
         insecure_listen = false  # default\n\
         hsts_max_age_s = 0  # default\nadmin_listen = \"127.0.0.1:8481\"  # default\n\
         insecure_admin_listen = false  # default\n\
         console = true  # default\nconsole_copies_kb = 512  # default\n\
         link = false  # default\nlink_origins = []  # default\n\
         link_cursors_mb = 8  # default\n\n\
         [[app]]\nkey = \"a\"\naccounts = \"nim\"\nsecret = \"(redacted)\"\n\
         token_keys = [\"(redacted)\"]\ningest_keys = [\"(redacted)\"]\n\n\
         [[app]]\nkey = \"b\"\naccounts = \"exact\"\nsecret = \"(redacted)\"\n\
         token_keys = [\"(redacted)\", \"(redacted)\"]\ningest_keys = [\"(redacted)\"]\n"
    );
    overrides.environment.insert("HUIHUA_CONNECTIONS_MAX".into(), "many".into());
    overrides.flags.insert("colour".into(), ("--set colour".into(), "red".into()));
    let said = load(&overrides).unwrap_err().to_string();
    assert!(said.contains("HUIHUA_CONNECTIONS_MAX: connections_max: must be a whole number"));
    assert!(said.contains("--set colour: colour: is unknown"), "{said}");
}

#[test]
fn secrets_are_read_from_their_files_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let key = |letter: &str| letter.repeat(40);
    write("secret", "nim-secret\n");
    write("new", &format!("{}\r\n", key("n")));
    write("old", &key("o"));
    write("ingest", &key("i"));
    write("long", &key("x").repeat(200));
    let text = "data = \"d\"\n[[app]]\nkey = \"a\"\naccounts = \"nim\"\n\
                secret_file = \"secret\"\ntoken_key_files = [\"new\", \"old\"]\n\
                ingest_key_file = \"ingest\"\n";
    let load =
        |text: &str| Config::parse(&folder.path().join("f.toml"), text, &Overrides::default());
    let config = load(text).unwrap();
    let app = config.app(None).unwrap();
    assert_eq!(app.secret.expose(), "nim-secret");
    assert_eq!(app.token_keys, [Secret::new(key("n")), Secret::new(key("o"))]);
    assert_eq!(app.ingest_key().expose(), key("i"));
    for (from, to, expected) in [
        ("\"old\"", "\"gone\"", "f.toml:6: app[0].token_key_files[1]: cannot read "),
        ("\"ingest\"", "\"long\"", "f.toml:7: app[0].ingest_key_file: cannot read "),
        ("\"ingest\"", "\"secret\"", "f.toml:7: app[0].ingest_key_file: is shorter than 32"),
        (
            "secret_file",
            "secret = \"s\"\nsecret_file",
            "secret: cannot be combined with secret_file",
        ),
        (
            "token_key_files",
            "token_keys = []\ntoken_key_files",
            "token_keys: cannot be combined with token_key_files",
        ),
    ] {
        let said = load(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(said.contains(expected), "{said} instead of {expected}");
        assert!(!said.contains("nnnn") && !said.contains("nim-secret"), "{said}");
    }
}

#[test]
fn the_shipped_file_names_every_limit_with_its_default_and_other_values_count() {
    let text = shipped_with_keys();
    let shown =
        |config: &Config| format!("memory_mb: {}, {:?}", redb(config).memory_mb, config.limits);
    let shipped = parse(&text).unwrap();
    // Both are parts of other limits, unless they are given.
    let given = text.replace("# connections_per", "connections_per");
    let given = parse(&given.replace("# bodies_per", "bodies_per")).unwrap();
    let parts = Limits {
        connections_per_address: Some(5_000),
        body_bytes_per_address: Some(32 << 20),
        ..Limits::default()
    };
    assert_eq!(shown(&shipped), format!("memory_mb: 256, {:?}", Limits::default()));
    assert_eq!(shown(&given), format!("memory_mb: 256, {parts:?}"));
    for (key, value, expected) in [
        ("memory_mb", 17, "memory_mb: 17"),
        ("connections_per_address", 7, "connections_per_address: Some(7)"),
        ("tls_handshake_wait_s", 7, "handshake_wait: 7s"),
        ("streams_per_connection", 7, "streams_per_connection: 7"),
        ("head_wait_s", 7, "head_wait: 7s"),
        ("body_wait_s", 7, "body_wait: 7s"),
        ("answer_wait_s", 7, "answer_wait: 7s"),
        ("bodies_mb", 7, "body_bytes_max: 7340032"),
        ("bodies_per_address_mb", 7, "body_bytes_per_address: Some(7340032)"),
        ("answers_mb", 7, "answer_bytes_max: 7340032"),
        ("waits_per_account", 7, "waits_per_account: 7"),
    ] {
        assert!(text.contains(&format!("{key} = ")), "{key} is not in the shipped file");
        let config = parse(&format!("{key} = {value}\n{GOOD}")).unwrap();
        assert!(shown(&config).contains(expected), "{key}: {:?}", config.limits);
        assert!(config.redacted().contains(&format!("{key} = {value}")), "{key} is not printed");
        assert_eq!(parse(GOOD).unwrap().restarts_for(&config), [key]);
        for wrong in ["0", "-1", "\"7\"", "1.5", "9999999999"] {
            let said = faults(&format!("{key} = {wrong}\n{GOOD}"));
            let expected = format!("{key}: must be a whole number");
            assert!(said.len() == 1 && said[0].contains(&expected), "{said:?}");
        }
    }
}

/// The settings of a store in a folder.
fn redb(config: &Config) -> &RedbConfig {
    match &config.store {
        StoreConfig::Redb(redb) => redb,
        StoreConfig::Cassandra(_) => panic!("{config:?}"),
    }
}

#[test]
fn one_app_may_not_wait_with_more_bytes_than_all_together() {
    let config = parse(GOOD).unwrap();
    assert_eq!(
        (redb(&config).queue_app_mb, redb(&config).queue_mb),
        (store::QUEUE_APP_MB_DEFAULT, store::QUEUE_MB_DEFAULT)
    );
    assert_eq!(redb(&parse(&format!("queue_mb = 8\n{GOOD}")).unwrap()).queue_app_mb, 8);
    let unchecked = parse(&format!("check_at_start_mb = 0\n{GOOD}")).unwrap();
    assert_eq!([&config, &unchecked].map(|of| redb(of).check_at_start_mb), [32, 0]);
    let said = faults(&format!("queue_mb = 8\nqueue_app_mb = 9\n{GOOD}"));
    assert!(said[0].contains("queue_app_mb: must be at most queue_mb"), "{said:?}");
}

/// A server on Cassandra, its apps from the good file.
fn with_cassandra(settings: &str) -> String {
    let apps = GOOD.split_once("[[app]]").unwrap().1;
    format!(
        "store = \"cassandra\"\ncassandra_nodes = [\"a\", \"b:9043\", \"[::1]\"]\n\
         cassandra_data_centre = \"dc1\"\n{settings}\n[[app]]{apps}"
    )
}

fn cassandra(config: &Config) -> &CassandraConfig {
    match &config.store {
        StoreConfig::Cassandra(cassandra) => cassandra,
        StoreConfig::Redb(_) => panic!("{config:?}"),
    }
}

#[test]
fn cassandra_is_read_from_file_environment_and_flags_and_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p"), "PASSWORD\n").unwrap();
    let text = with_cassandra(
        "cassandra_user = \"u\"\ncassandra_password_file = \"p\"\ncassandra_tls_roots = \"r\"",
    );
    let path = folder.path().join("f");
    let mut overrides = Overrides::default();
    let config = Config::parse(&path, &text, &overrides).unwrap();
    let of = cassandra(&config);
    assert_eq!(of.nodes, ["a:9042", "b:9043", "[::1]:9042"]);
    assert_eq!((of.data_centre.as_str(), of.keyspace.as_str()), ("dc1", "huihua"));
    assert_eq!(of.replication, [("dc1".to_owned(), 3)]);
    assert_eq!((of.wait.as_secs(), of.head_cache.as_millis()), (10, 0));
    assert_eq!(of.tls_roots, Some(folder.path().join("r")));
    let (name, password) = of.user.as_ref().unwrap();
    assert_eq!((name.as_str(), password.expose()), ("u", "PASSWORD"));
    assert!(config.data().is_none() && config.check_data_folder().is_ok());
    let shown = format!("{config:?}{}", config.redacted());
    assert!(!shown.contains("PASSWORD") && !shown.contains("memory_mb = "), "{shown}");
    let printed = [
        "store = \"cassandra\"",
        "cassandra_nodes = [\"a\", \"b:9043\", \"[::1]\"]",
        "cassandra_replication = [\"dc1:3\"]  # default",
        "cassandra_password_file = \"p\"",
        "cassandra_wait_s = 10  # default",
        "cassandra_head_cache_ms = 0  # default",
    ];
    assert!(printed.iter().all(|line| config.redacted().contains(line)), "{}", config.redacted());
    let set = [
        ("HUIHUA_CASSANDRA_NODES", "c, d:1,"),
        ("HUIHUA_CASSANDRA_REPLICATION", "dc1:1,dc2:2"),
        ("HUIHUA_CASSANDRA_KEYSPACE", "k"),
        ("HUIHUA_CASSANDRA_HEAD_CACHE_MS", "700"),
    ];
    overrides.environment.extend(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
    overrides.flags.insert("cassandra_keyspace".into(), ("--set".into(), "l".into()));
    let other = Config::parse(&path, &text, &overrides).unwrap();
    let of = cassandra(&other);
    assert_eq!(
        (of.nodes.as_slice(), of.keyspace.as_str()),
        (&["c:9042", "d:1"].map(String::from)[..], "l")
    );
    assert_eq!(of.replication, [("dc1".to_owned(), 1), ("dc2".to_owned(), 2)]);
    assert_eq!(of.head_cache.as_millis(), 700);
    let mut changed = config.restarts_for(&other);
    changed.sort_unstable();
    let expected = ["head_cache_ms", "keyspace", "nodes", "replication"];
    assert_eq!(changed, expected.map(|key| format!("cassandra_{key}")));
}

/// A setting that counts for nothing would be believed to count.
#[test]
fn what_has_no_place_beside_the_store_is_refused_by_name_at_once() {
    let in_folder = [
        ("data", "\"d\"", "nothing is kept on this machine"),
        ("memory_mb", "256", "no list is kept in this machine's memory"),
        ("check_at_start_mb", "0", "there is no file to check"),
        ("queue_mb", "64", "requests are limited by bodies_mb"),
        ("queue_app_mb", "32", "requests are limited by bodies_mb"),
    ];
    for (key, value, why) in in_folder {
        let said = faults(&with_cassandra(&format!("{key} = {value}")));
        let expected = format!("huihua.toml:4: {key}: cannot be used with store = \"cassandra\": ");
        assert!(said.len() == 1 && said[0].starts_with(&expected), "{said:?}");
        assert!(said[0].contains(why), "{said:?}");
    }
    for key in [
        "cassandra_nodes",
        "cassandra_data_centre",
        "cassandra_keyspace",
        "cassandra_replication",
        "cassandra_user",
        "cassandra_password_file",
        "cassandra_tls_roots",
        "cassandra_wait_s",
        "cassandra_head_cache_ms",
    ] {
        let said = faults(&format!("{key} = 7\n{GOOD}"));
        let expected = format!("{key}: counts only with store = \"cassandra\"");
        assert!(said.len() == 1 && said[0].contains(&expected), "{said:?}");
        assert!(DEFAULT_TOML.contains(&format!("# {key} = ")), "{key} is not in the shipped file");
    }
}

#[test]
fn what_is_wrong_of_cassandra_is_named_with_its_remedy() {
    let good = with_cassandra("");
    for (from, to, expected) in [
        ("\"cassandra\"", "\"Cassandra\"", "store: must be \"redb\" or \"cassandra\""),
        ("\"cassandra\"", "5", "store: must be a string"),
        ("[\"a\", \"b:9043\", \"[::1]\"]", "[]", "cassandra_nodes: is missing: name some nodes"),
        ("[\"a\", \"b:9043\", \"[::1]\"]", "\"a\"", "cassandra_nodes: must be a list of strings"),
        ("[\"a\", \"b:9043\", \"[::1]\"]", "[1]", "cassandra_nodes: must be a list of strings"),
        ("cassandra_data_centre = \"dc1\"", "", "cassandra_data_centre: is missing: name the data"),
        (
            "_centre = ",
            "_center = ",
            "cassandra_data_center: is unknown: did you mean cassandra_data",
        ),
    ] {
        let said = faults(&good.replacen(from, to, 1));
        assert!(said.len() == 1 && said[0].contains(expected), "{said:?} instead of {expected}");
    }
    for (setting, expected) in [
        ("cassandra_keyspace = \"Huihua\"", "cassandra_keyspace: must be 1 to 48 small letters"),
        ("cassandra_replication = [\"dc1\"]", "cassandra_replication: must be data centres with"),
        ("cassandra_replication = [\"dc1:0\"]", "cassandra_replication: must be data centres with"),
        ("cassandra_replication = [\"dc2:3\"]", "cassandra_replication: has no copies in dc1"),
        ("cassandra_user = \"u\"", "cassandra_user: cannot be used alone: name its password's"),
        ("cassandra_password_file = \"p\"", "cassandra_password_file: cannot be used alone"),
        (
            "cassandra_user = \"u\"\ncassandra_password_file = \"/nowhere/p\"",
            "cassandra_password_file: cannot read /nowhere/p",
        ),
        ("cassandra_wait_s = 0", "cassandra_wait_s: must be a whole number, 1..=3600"),
        ("cassandra_head_cache_ms = 1001", "head_cache_ms: must be a whole number, 0..=1000"),
    ] {
        let said = faults(&with_cassandra(setting));
        assert!(said.len() == 1 && said[0].contains(expected), "{said:?} instead of {expected}");
    }
}

/// Tokens and messages went over the network for everybody to read.
#[test]
fn an_address_that_others_reach_needs_tls_or_a_word_that_it_does_not() {
    for (settings, refused) in [
        ("listen = \"0.0.0.0:8480\"", true),
        ("listen = \"[::]:8480\"", true),
        ("listen = \"10.0.0.1:8480\"\ninsecure_listen = false", true),
        ("listen = \"10.0.0.1:8480\"\ninsecure_listen = true", false),
        ("listen = \"127.8.0.1:8480\"", false),
        ("listen = \"[::1]:8480\"", false),
        ("listen = \"[::ffff:127.0.0.1]:8480\"", false),
        ("listen = \"0.0.0.0:8480\"\ntls_certificate = \"c\"\ntls_key = \"k\"", false),
        ("admin_listen = \"0.0.0.0:8481\"", true),
        ("admin_listen = \"0.0.0.0:8481\"\ninsecure_listen = true", true),
        ("admin_listen = \"0.0.0.0:8481\"\ninsecure_admin_listen = true", false),
        ("admin_listen = \"off\"", false),
    ] {
        let text = format!("{settings}\n{GOOD}");
        if !refused {
            assert!(parse(&text).is_ok(), "{settings}: {:?}", faults(&text));
            continue;
        }
        let said = faults(&text);
        assert!(said.len() == 1 && said[0].starts_with("huihua.toml:1: "), "{said:?}");
        let remedy = if settings.starts_with("admin") {
            "write insecure_admin_listen = true"
        } else {
            "name a certificate in tls_certificate and its key in tls_key; or, if a proxy in front \
             of this server terminates TLS, write insecure_listen = true"
        };
        assert!(said[0].contains("other machines reach") && said[0].contains(remedy), "{said:?}");
    }
    let mut overrides = Overrides::default();
    overrides.flags.insert("listen".into(), ("--listen".into(), "0.0.0.0:1".into()));
    let load = |overrides: &Overrides| Config::parse(Path::new("f"), GOOD, overrides);
    let said = load(&overrides).unwrap_err().to_string();
    assert!(said.starts_with("--listen: listen: other machines reach 0.0.0.0:1"), "{said}");
    overrides.environment.insert("HUIHUA_INSECURE_LISTEN".into(), "true".into());
    assert!(load(&overrides).is_ok());
}

#[test]
fn a_certificate_is_named_beside_the_configuration_and_its_faults_by_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("tls_certificate = \"c.pem\"\ntls_key = \"k.pem\"\n{GOOD}");
    let load = || Config::parse(&folder.path().join("f"), &text, &Overrides::default()).unwrap();
    let config = load();
    let files = config.tls.clone().unwrap();
    assert_eq!(files.certificate, folder.path().join("c.pem"));
    assert!(config.redacted().contains("tls_key = \""), "{}", config.redacted());
    let said = |config: &Config| config.load_tls().map(drop).unwrap_err().to_string();
    assert!(said(&config).contains("f:1: tls_certificate: cannot read"), "{}", said(&config));
    std::fs::write(&files.certificate, "PRIVATE").unwrap();
    std::fs::write(&files.key, "PRIVATE").unwrap();
    assert!(said(&config).contains("c.pem holds no certificate in PEM"), "{}", said(&config));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pem = |label: &str, der: &[u8]| {
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    std::fs::write(&files.certificate, pem("CERTIFICATE", made.cert.der())).unwrap();
    assert!(said(&config).contains("f:2: tls_key: "), "{}", said(&config));
    let other = rcgen::KeyPair::generate().unwrap();
    std::fs::write(&files.key, pem("PRIVATE KEY", &other.serialize_der())).unwrap();
    assert!(said(&config).contains("f:2: tls_key: the key in "), "{}", said(&config));
    std::fs::write(&files.key, pem("PRIVATE KEY", &made.signing_key.serialize_der())).unwrap();
    assert!(config.load_tls().unwrap().is_some());
    for (mode, warned) in [(0o604, true), (0o640, false)] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&files.key, mode).unwrap();
        let warnings = load().warnings;
        let of_key = warnings.iter().any(|warning| warning.contains("k.pem holds secrets"));
        assert_eq!(of_key, warned, "{warnings:?}");
    }
}

#[test]
fn the_door_of_nims_web_sdks_is_closed_unless_it_is_configured() {
    use huihua_http::server::LinkDoor;
    assert_eq!(parse(&shipped_with_keys()).unwrap().link, None);
    assert_eq!(parse(&format!("link = true\n{GOOD}")).unwrap().link, Some(LinkDoor::default()));
    let text = format!(
        "link = true\nlink_origins = [\"https://app.example\", \"http://localhost:8000\"]\n\
         link_address = \"sessions.example.com:443\"\nlink_cursors_mb = 2\n{GOOD}"
    );
    let config = parse(&text).unwrap();
    let origins = ["https://app.example", "http://localhost:8000"].map(str::to_owned);
    let door = LinkDoor {
        origins: origins.to_vec(),
        address: Some("sessions.example.com:443".to_owned()),
        cursor_bytes_max: 2 << 20,
        ..LinkDoor::default()
    };
    assert_eq!(config.link, Some(door.clone()));
    let printed = config.redacted();
    for line in [
        "link = true  # huihua.toml:1\n",
        "link_origins = [\"https://app.example\", \"http://localhost:8000\"]  # huihua.toml:2\n",
        "link_address = \"sessions.example.com:443\"  # huihua.toml:3\n",
        "link_cursors_mb = 2  # huihua.toml:4\n",
    ] {
        assert!(printed.contains(line), "{line} is not in {printed}");
    }
    let mut names = parse(GOOD).unwrap().restarts_for(&config);
    names.sort_unstable();
    assert_eq!(names, ["link", "link_address", "link_cursors_mb", "link_origins"]);
    let mut overrides = Overrides::default();
    let origins = "https://app.example, http://localhost:8000";
    overrides.environment.insert("HUIHUA_LINK".into(), "true".into());
    overrides.environment.insert("HUIHUA_LINK_ORIGINS".into(), origins.into());
    let of_environment = Config::parse(Path::new("f"), GOOD, &overrides).unwrap();
    assert_eq!(of_environment.link.unwrap().origins, door.origins);
}

#[test]
fn origins_and_addresses_that_no_browser_would_write_are_refused() {
    for (setting, expected) in [
        ("link_origins = [\"https://app.example/\"]", "link_origins: must hold origins"),
        ("link_origins = [\"https://App.example\"]", "link_origins: must hold origins"),
        ("link_origins = [\"app.example\"]", "link_origins: must hold origins"),
        ("link_origins = [\"*\"]", "link_origins: must hold origins"),
        ("link_origins = [\"https://\"]", "link_origins: must hold origins"),
        ("link_origins = [\"https://app.example:443\"]", "link_origins: must hold origins"),
        ("link_origins = [5]", "link_origins: must be a list of strings"),
        ("link_origins = 5", "link_origins: must be a list of strings"),
        ("link_address = \"sessions.example.com\"", "link_address: must be the host and the port"),
        ("link_address = \"https://a.example:443\"", "link_address: must be the host and the"),
        ("link_address = \"a.example:0\"", "link_address: must be the host and the port"),
        ("link_cursors_mb = 0", "link_cursors_mb: must be a whole number, 1..=1024"),
        ("link = 1", "link: must be true or false"),
    ] {
        let said = faults(&format!("{setting}\n{GOOD}"));
        assert!(said.len() == 1 && said[0].contains(expected), "{setting}: {said:?}");
    }
    for origin in ["http://127.0.0.1:8000", "http://[::1]:8000", "chrome-extension://abcdef"] {
        assert!(parse(&format!("link_origins = [\"{origin}\"]\n{GOOD}")).is_ok(), "{origin}");
    }
}
