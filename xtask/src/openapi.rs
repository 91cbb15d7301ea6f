//! `openapi`, a step of `test`: schemathesis calls a running server by the OpenAPI documents that
//! it serves, with right credentials and with right and wrong data. No answer may be a fault of
//! the server or differ from what the document says.

use std::{
    fs,
    path::{self, Path, PathBuf},
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use machine::{process, programs};
use serde_json::json;
use sha1::{Digest, Sha1};

use crate::{
    server::{DevServer, Site, agent},
    tree,
};

const REQUIREMENTS: &str = "xtask/openapi/requirements.txt";
const CONFIG: &str = "xtask/openapi/schemathesis.toml";
/// Its own Python, with what the file above names.
const FOLDER: &str = "target/schemathesis";
/// The account whose list it reads: the samples fill it.
const ACCOUNT: &str = "lin";
/// Most requests of each call in a phase: all calls of both documents in about a minute.
const EXAMPLES_MAX: &str = "25";
/// The documents; tests of the server compare them with what it serves.
const OWN: &str = "api/openapi.json";
const NIM: &str = "api/openapi-nim.json";
/// What answers of NIM's calls are checked for. All others would want a status: each of these is
/// 200 whatever comes, and its code says what is wrong.
const CHECKS_OF_NIM: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                             response_headers_conformance,response_schema_conformance";

/// Calls the server by both documents.
///
/// # Errors
/// When an answer is not as its document says, or a document is no OpenAPI.
pub(crate) fn run() -> Result<()> {
    let Some(tools) = tools()? else {
        println!("openapi: NOT checked: schemathesis cannot be had from PyPI here");
        return Ok(());
    };
    for document in [OWN, NIM] {
        process::run(Command::new(tools.join("openapi-spec-validator")).arg(document))?;
    }
    tree::build()?;
    let server = DevServer::start()?;
    let checked = fill(&server).and_then(|()| check(&server, &tools));
    if checked.is_err() {
        server.print_log();
    }
    checked?;
    server.stop().map(drop)
}

/// The folder of the tools' programs; `None` where they cannot be had.
fn tools() -> Result<Option<PathBuf>> {
    let (folder, wanted) = (Path::new(FOLDER), fs::read_to_string(REQUIREMENTS)?);
    let (installed, programs_folder) = (folder.join("installed.txt"), folder.join("bin"));
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(Some(programs_folder));
    }
    println!("openapi: installing schemathesis (once)");
    let make = || process::run(Command::new("python3").args(["-m", "venv", "--clear", FOLDER]));
    if make().is_err() {
        programs::install(vec!["python3-venv"])?;
        make()?;
    }
    let mut pip = Command::new(programs_folder.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--requirement", REQUIREMENTS]);
    if process::run(&mut pip).is_err() {
        ensure!(!process::interrupted(), "interrupted");
        return Ok(None);
    }
    fs::write(&installed, wanted).context("note what is installed")?;
    Ok(Some(programs_folder))
}

/// Gives the account a full list, and the session that the document's examples name.
fn fill(server: &DevServer) -> Result<()> {
    let mut samples = server.command("samples");
    process::run(samples.args(["--to", &server.site.url]).stdout(Stdio::null()))?;
    let event = json!({
        "type": "message", "sessionType": "p2p", "from": "bob", "to": ACCOUNT,
        "time": 1_700_000_000_000_u64, "messageId": "1", "msgType": "text", "body": "hi",
    });
    let answer = agent()
        .post(format!("{}/v1/events", server.site.url))
        .header("Authorization", format!("Bearer {}", server.ingest_key()?))
        .header("Content-Type", "application/json")
        .send(json!({ "events": [event] }).to_string())
        .context("send an event")?;
    ensure!(answer.status() == 200, "an event was answered {}", answer.status());
    Ok(())
}

fn check(server: &DevServer, tools: &Path) -> Result<()> {
    let absolute = |path: &Path| path::absolute(path).context("find the work tree");
    let (program, config) = (absolute(&tools.join("schemathesis"))?, absolute(Path::new(CONFIG))?);
    let schemathesis = |document: &str| {
        // In a folder of its own, where it may leave what it likes.
        let mut command = Command::new(&program);
        command.current_dir(FOLDER).arg("--config-file").arg(&config);
        command.arg("run").arg(absolute(Path::new(document))?).args(["--url", &server.site.url]);
        command.args(["--max-examples", EXAMPLES_MAX, "--no-color", "--continue-on-failure"]);
        // The secrets go by environment, as arguments are there for every user of the machine.
        command.env("HUIHUA_TOKEN", server.token(ACCOUNT)?);
        command.env("HUIHUA_INGEST_KEY", server.ingest_key()?);
        command.env("NO_PROXY", "127.0.0.1");
        anyhow::Ok(command)
    };
    process::run(&mut schemathesis(OWN)?)?;
    let mut of_nim = schemathesis(NIM)?;
    of_nim.args(["--checks", CHECKS_OF_NIM]);
    for header in signature(&server.site)? {
        of_nim.arg("--header").arg(header);
    }
    process::run(&mut of_nim)
}

/// Signs calls of NIM's server API for the next five minutes. The sum tells nobody the secret.
fn signature(site: &Site) -> Result<[String; 4]> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?.as_secs();
    let sum = hex::encode(Sha1::digest(format!("{}nonce{now}", site.app_secret)));
    let headers = [("AppKey", site.app_key.clone()), ("Nonce", "nonce".to_owned())];
    let [app_key, nonce] = headers.map(|(name, value)| format!("{name}: {value}"));
    Ok([app_key, nonce, format!("CurTime: {now}"), format!("CheckSum: {sum}")])
}
