//! That docs/jvm.md is true: its POM and its programs are written to files, the commands that it
//! tells the reader to type are run by Maven in a project that knows nothing of this tree, and the
//! programs talk to a real server.

use std::{
    env,
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use machine::{
    archive,
    process::{self, Process},
};

use super::{
    consumer::{settings_xml, stripped_library},
    scene::{EXPECTED, Scene},
};
use crate::{demo, jvm, kotlin};

const DOCUMENT: &str = "docs/jvm.md";
const PROJECT: &str = "target/proof/jvm/project";
/// Maven's local repository of this project, which no earlier build has filled with the SDK.
const REPOSITORY: &str = "target/proof/jvm/m2";
/// What a program of the document prints goes here.
const OUTPUT: &str = "target/proof/jvm/output.txt";
/// The command that the document gives the reader for each program.
const COMMAND: &str = "mvn --quiet compile exec:exec -Dprogram=";
/// How long a program may take to start under Maven and to show something.
const PATIENCE: Duration = Duration::from_secs(120);
/// A message newer than every one of the sample's.
const NEWS: &str = concat!(
    r#"{"eventType":"1","convType":"PERSON","to":"lin","fromAccount":"stranger","#,
    r#""fromNick":"S","msgTimestamp":"1793408401000","msgType":"TEXT","#,
    r#""msgidServer":"990001","msgidClient":"news","body":"news while you watch"}"#,
);

/// Installs the SDK as `cargo xtask jvm` does, and does what the document says.
///
/// # Errors
/// When something does not compile, or a program prints something else.
pub(crate) fn run() -> Result<()> {
    let maven = Maven::of_a_stranger()?;
    kotlin::package_jvm()?;
    jvm::install(&stripped_library()?, &maven.arguments)?;
    let text = fs::read_to_string(DOCUMENT).with_context(|| format!("read {DOCUMENT}"))?;
    archive::clear(Path::new(PROJECT))?;
    for (path, content) in files(&text)? {
        archive::write(&Path::new(PROJECT).join(path), content.as_bytes())?;
    }
    let scene = Scene::set()?;
    let wanted = sessions()?;
    let mut seen = Vec::new();
    for program in programs(&text) {
        println!("Maven: {COMMAND}{program}");
        match program {
            "dev.example.FirstList" => lists(&maven.start(program, &scene)?.read()?, &wanted)?,
            "dev.example.FirstListKt" => {
                lists(&maven.start(program, &scene)?.read()?, &wanted[..20])?;
            }
            "dev.example.Tokens" => signs_in(&maven, program, &scene)?,
            "dev.example.LiveListKt" => shows_news(&maven, program, &scene, &wanted[0])?,
            other => bail!("{DOCUMENT}: nobody knows what {other} should print"),
        }
        seen.push(program);
    }
    ensure!(seen.len() == 4, "{DOCUMENT} tells how to run {seen:?}, of 4 programs");
    Ok(())
}

/// The blocks of the document that are files, "```LANGUAGE file=PATH".
fn files(text: &str) -> Result<Vec<(&str, String)>> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((fence, path)) = line.split_once(" file=") else { continue };
        if !fence.starts_with("```") {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        ensure!(!path.contains(".."), "a file outside the project: {path}");
        found.push((path.trim(), block.join("\n") + "\n"));
    }
    Ok(found)
}

/// The main classes that the document tells the reader to run, in its order.
fn programs(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix(COMMAND)).collect()
}

/// The ids of the sample's list, in order.
fn sessions() -> Result<Vec<String>> {
    let text = fs::read_to_string(EXPECTED).with_context(|| format!("read {EXPECTED}"))?;
    let expected: Value = serde_json::from_str(&text).context("read the expected list")?;
    let rows = expected["sessions"].as_array().context("sessions in it")?;
    let ids = rows.iter().filter_map(|row| row["sessionId"].as_str().map(str::to_owned));
    Ok(ids.collect())
}

/// The program printed a row for each session, in order, and no other.
fn lists(output: &str, wanted: &[String]) -> Result<()> {
    let is_kind =
        |line: &str| ["p2p|", "team|", "super_team|"].iter().any(|it| line.starts_with(it));
    let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    let printed: Vec<String> = output.lines().filter(|line| is_kind(line)).map(first).collect();
    ensure!(printed == wanted, "printed {printed:?}, not {wanted:?}");
    Ok(())
}

/// The program fetches a token that has been revoked, and then a fresh one.
fn signs_in(maven: &Maven, program: &str, scene: &Scene) -> Result<()> {
    let (url, requests) = serve_tokens(&scene.token)?;
    let mut command = maven.command(program, scene);
    command.env("TOKEN_URL", url).env_remove("HUIHUA_TOKEN");
    let output = Running::start(command, Stdio::null())?.read()?;
    let wanted = format!("signed in as {}", scene.account);
    ensure!(output.lines().any(|line| line == wanted), "{program} printed {output}");
    let asked: Vec<String> = requests.try_iter().collect();
    ensure!(asked == ["/?fresh=false", "/?fresh=true"], "it asked for tokens by {asked:?}");
    Ok(())
}

/// The program shows the list, then a message that comes while it runs, and ends on Enter.
fn shows_news(maven: &Maven, program: &str, scene: &Scene, newest: &str) -> Result<()> {
    let (input, mut enter) = io::pipe().context("make a pipe")?;
    let running = Running::start(maven.command(program, scene), Stdio::from(input))?;
    running.wait_for(newest)?;
    demo::deliver(&scene.server, NEWS)?;
    running.wait_for("news while you watch")?;
    enter.write_all(b"\n").context("press Enter")?;
    running.read().map(drop)
}

/// A Maven that has nothing of this tree but the SDK that is installed for it.
struct Maven {
    arguments: Vec<String>,
}

impl Maven {
    fn of_a_stranger() -> Result<Self> {
        let settings = Path::new(PROJECT).with_file_name("settings.xml");
        archive::write(&settings, settings_xml(None)?.as_bytes())?;
        let top = env::current_dir().context("find the top of the tree")?;
        let arguments = vec![
            format!("--settings={}", top.join(settings).display()),
            format!("-Dmaven.repo.local={}", top.join(REPOSITORY).display()),
        ];
        Ok(Self { arguments })
    }

    fn command(&self, program: &str, scene: &Scene) -> Command {
        let line = format!("{COMMAND}{program}");
        let mut words = line.split(' ');
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(&self.arguments).current_dir(PROJECT);
        // Kotlin's daemon would stay, with 1.2 GB.
        command.args(["--batch-mode", "--no-transfer-progress", "-Dkotlin.compiler.daemon=false"]);
        command.env("HUIHUA_URL", &scene.server.site.url).env("HUIHUA_TOKEN", &scene.token);
        command
    }

    fn start(&self, program: &str, scene: &Scene) -> Result<Running> {
        Running::start(self.command(program, scene), Stdio::null())
    }
}

/// A program of the document under Maven; what both print goes into a file.
struct Running {
    process: Process,
}

impl Running {
    fn start(mut command: Command, input: Stdio) -> Result<Self> {
        let output = File::create(OUTPUT).with_context(|| format!("make {OUTPUT}"))?;
        let errors = output.try_clone().context("share the output")?;
        command.stdout(output).stderr(errors);
        Ok(Self { process: Process::start_from(&mut command, input)? })
    }

    fn wait_for(&self, text: &str) -> Result<()> {
        let printed = || fs::read_to_string(OUTPUT).unwrap_or_default();
        process::wait_for(text, PATIENCE, || Ok(printed().contains(text).then_some(())))
            .with_context(|| format!("it printed {}", printed()))
    }

    /// What it printed, once it has ended in good order by itself.
    fn read(self) -> Result<String> {
        let status = self.process.wait()?;
        let output = fs::read_to_string(OUTPUT).with_context(|| format!("read {OUTPUT}"))?;
        ensure!(status.success(), "it ended with {status}: {output}");
        // Maven resets the colours of a terminal, even where there is none.
        Ok(output.replace("\u{1b}[0m", ""))
    }
}

/// An app's own server of tokens: a bad one first, the given one when asked for a fresh one. The
/// receiver gets the path of each request.
fn serve_tokens(token: &str) -> Result<(String, Receiver<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listen for token requests")?;
    let url = format!("http://{}/", listener.local_addr().context("find the port")?);
    let (sender, requests) = channel();
    let token = token.to_owned();
    thread::spawn(move || {
        // The process ends before this thread does: nobody closes the listener.
        for connection in listener.incoming().flatten() {
            if let Ok(path) = answer(connection, &token)
                && sender.send(path).is_err()
            {
                return;
            }
        }
    });
    Ok((url, requests))
}

fn answer(mut connection: TcpStream, token: &str) -> Result<String> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let request = lines.next().context("a request")??;
    let path = request.split(' ').nth(1).context("a path")?.to_owned();
    // The rest of the request's head.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let body = if path.ends_with("true") { token } else { "revoked.long.ago" };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close", body.len());
    connection.write_all(format!("{head}\r\n\r\n{body}").as_bytes())?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_programs_are_found_in_a_document() {
        let text = "# A\n```xml file=pom.xml\n<a>\n</a>\n```\n```kotlin\nnot()\n```\n\
            ```sh\nmvn --quiet compile exec:exec -Dprogram=a.B\n```\n";
        assert_eq!(files(text).unwrap(), [("pom.xml", "<a>\n</a>\n".to_owned())]);
        assert_eq!(programs(text), ["a.B"]);
        files("```xml file=../pom.xml\n```\n").unwrap_err();
    }

    #[test]
    fn a_list_with_a_row_too_many_or_too_few_is_refused() {
        let wanted = ["p2p|a".to_owned(), "team|1".to_owned()];
        lists("note\np2p|a  hi\nteam|1  \n", &wanted).unwrap();
        for bad in ["p2p|a hi", "p2p|a\nteam|1\np2p|c", "team|1\np2p|a"] {
            lists(bad, &wanted).unwrap_err();
        }
    }
}
