//! `test`: everything that must pass before a change is handed in, in the order in which a breach
//! is cheapest to find.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, builder::PossibleValuesParser};

use machine::{abi::Abi, process, programs};
use offline_android::resources;

use crate::{
    android, bindgen,
    cassandra::{self, LeftOut},
    console, deny, kotlin, ktlint, openapi, proof, tidy,
    tree::{BUT_THE_GENERATOR, EVERYTHING, cargo},
    web_sdk,
};

/// Run everything that must pass before a change is handed in
///
/// Formatting, lints, tests of Rust and Kotlin, the packages for Android, documents, house rules.
/// Stops at the first failure with its name; says at the end how long each step took. From nothing
/// it takes tens of minutes on two cores, warm a few minutes.
#[derive(Args)]
pub(crate) struct TestArguments {
    /// Run this step alone
    #[arg(long, value_name = "STEP", value_parser = step_names())]
    only: Option<String>,
    /// Print the steps and what they need, run nothing
    #[arg(long)]
    list: bool,
}

fn step_names() -> PossibleValuesParser {
    PossibleValuesParser::new(STEPS.map(|step| step.name))
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: [Step; 22] = [
    Step {
        name: "machine",
        what: "JDK 17, Maven, aapt2, curl; installed when root on Debian or Ubuntu",
        run: programs::run,
    },
    Step { name: "tidy", what: "the rules of CONTRIBUTING.md", run: tidy::run },
    Step { name: "ktlint", what: "Kotlin's form, as .editorconfig says", run: ktlint::check },
    Step { name: "deny", what: "licences, sources, duplicates of the crates", run: deny::run },
    Step { name: "fmt", what: "Rust is formatted", run: fmt },
    Step {
        name: "clippy",
        what: "no lint of rustc or clippy, core's model alone too (first run: minutes)",
        run: clippy,
    },
    Step { name: "rust", what: "unit and integration tests of every crate", run: rust },
    Step {
        name: "cassandra",
        what: "the engine and the server on Cassandra, on a node started for it; needs Java 17",
        run: cassandra::on_one_node,
    },
    Step {
        name: "cassandra-ring",
        what: "the same on three nodes, of which two are killed and one is frozen",
        run: cassandra::on_a_ring,
    },
    Step {
        name: "web-sdk",
        what: "NIM's Web SDKs of npm, in Node and Chromium, on the real server",
        run: web_sdk::run,
    },
    Step { name: "rustdoc", what: "documents build, links in them hold", run: rustdoc },
    Step {
        name: "bindgen",
        what: "server and library as Kotlin's tests use them, and UniFFI's Kotlin",
        run: bindgen::run,
    },
    Step {
        name: "openapi",
        what: "a server answers as its OpenAPI documents say, to right and wrong data",
        run: openapi::run,
    },
    Step {
        name: "console",
        what: "every view of the console in a browser: keyboard, two languages, axe-core",
        run: console::run,
    },
    Step { name: "resources", what: "the sample app's, by aapt2", run: resources::run },
    Step {
        name: "kotlin",
        what: "facade, demo, sample app, on the real library and server; API as committed",
        run: kotlin::verify,
    },
    Step {
        name: "minified",
        what: "calls after R8 under the AAR's rules; none without any one of them",
        run: proof::minified::run,
    },
    Step {
        name: "android",
        what: "the library for arm64-v8a and x86_64: size, symbols, pages (first run: minutes)",
        run: android,
    },
    Step {
        name: "packages",
        what: "AAR, JAR and APK as build tools and devices read them",
        run: proof::consumer::run,
    },
    Step {
        name: "jvm",
        what: "docs/jvm.md's POM and programs, in a stranger's project, on a real server",
        run: proof::jvm::run,
    },
    Step {
        name: "glibc-shim",
        what: "the Android library of x86_64 really runs: calls, TLS, panics",
        run: proof::shim::run,
    },
    Step {
        name: "server-packages",
        what: "tarball, deb, wheel, image: from installed to removed; systemd; proxies (minutes)",
        run: proof::server_packages::run,
    },
];

/// What runs in a short form here, and its long form.
const LONG_FORMS: [(&str, &str); 7] = [
    (
        "200 random stories of each kind against the model of the list",
        "HUIHUA_STORIES=4000 cargo test -p huihua-store-redb stories",
    ),
    ("2,000 walks under fire", "HUIHUA_WALKS=100000 cargo test -p huihua-store-redb fire"),
    (
        "5 stories of each kind and 60 walks on Cassandra",
        "HUIHUA_STORIES=100 HUIHUA_WALKS=2000 cargo xtask test --only cassandra",
    ),
    ("10 rounds of kill -9", "HUIHUA_KILL_ROUNDS=200 cargo test -p huihua-server --test it crash"),
    (
        "a network that is lost for 3 s under a live list",
        "mvn -f bindings/kotlin/pom.xml -Dtop=$PWD -pl jvm -Dtest=LiveListTest \
         -Dhuihua.outage.s=60 test",
    ),
    (
        "the server's packages for x86_64 alone, by no engine for containers",
        "HUIHUA_PACKAGES=all cargo xtask test --only server-packages",
    ),
    ("a minute of each fuzz target, in .ci/run", "cargo xtask fuzz --seconds 3600"),
];

/// Runs the steps, and says at the end how long each took.
///
/// # Errors
/// At the first step that fails, with its name.
pub(crate) fn run(arguments: &TestArguments) -> Result<()> {
    if arguments.list {
        for step in &STEPS {
            println!("{:<15} {}", step.name, step.what);
        }
        return Ok(());
    }
    let mut times: Vec<(&str, Duration, &str)> = Vec::new();
    let wanted = |step: &&Step| arguments.only.as_ref().is_none_or(|only| only == step.name);
    for step in STEPS.iter().filter(wanted) {
        println!("\n== {}: {}", step.name, step.what);
        let start = Instant::now();
        let mut result = (step.run)();
        let mut end = if result.is_ok() { "ok" } else { "failed" };
        // Asked for alone, it is an error.
        if arguments.only.is_none()
            && let Err(error) = &result
            && let Some(why) = error.downcast_ref::<LeftOut>()
        {
            println!("LEFT OUT: {why}");
            (result, end) = (Ok(()), "LEFT OUT");
        }
        times.push((step.name, start.elapsed(), end));
        if result.is_err() {
            print_times(&times);
        }
        result.with_context(|| {
            format!("step {name} (alone: cargo xtask test --only {name})", name = step.name)
        })?;
    }
    print_times(&times);
    println!("\n== run here in a short form; the long one");
    for (what, command) in LONG_FORMS {
        println!("{what}: {command}");
    }
    Ok(())
}

fn print_times(times: &[(&str, Duration, &str)]) {
    println!("\n== steps");
    for (name, time, end) in times {
        println!("{name:<15} {:>6.1} s  {end}", time.as_secs_f64());
    }
}

fn android() -> Result<()> {
    android::build(&Abi::CHECKED).map(drop)
}

fn fmt() -> Result<()> {
    process::run(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let lints = ["--", "--deny", "warnings"];
    let mut all = cargo();
    all.arg("clippy").args(EVERYTHING).args(BUT_THE_GENERATOR).arg("--all-targets");
    process::run(all.args(lints))?;
    // Without the client it does no I/O: neither tokio nor reqwest is there to be named.
    process::run(cargo().args(["clippy", "--package", "huihua-core", "--lib"]).args(lints))
}

fn rust() -> Result<()> {
    process::run(cargo().arg("test").args(EVERYTHING))
}

fn rustdoc() -> Result<()> {
    let mut command = cargo();
    command.arg("doc").args(EVERYTHING).args(BUT_THE_GENERATOR).arg("--no-deps");
    process::run(command.env("RUSTDOCFLAGS", "--deny warnings"))
}
