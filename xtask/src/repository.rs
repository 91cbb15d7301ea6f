//! Maven repositories as folders: what Maven and Gradle want to find beside an artifact (POM,
//! Gradle's module metadata, checksums, the list of versions), made from one list of dependencies.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::{archive, maven};

pub(crate) const GROUP: &str = "dev.huihua";
/// Of everything that is published: the workspace's.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a user of the artifact gets along.
pub(crate) struct Dependency {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    /// The property of the reactor's POM that holds its version.
    pub(crate) version_property: &'static str,
    /// Whether our public API names its types.
    pub(crate) is_api: bool,
    /// Whether its AAR is wanted, not its JAR.
    pub(crate) is_aar: bool,
}

/// An artifact with all that stands beside it.
pub(crate) struct Publication {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    /// `aar` or `jar`.
    pub(crate) packaging: &'static str,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) main: Vec<u8>,
    pub(crate) sources: Vec<u8>,
    pub(crate) javadoc: Vec<u8>,
}

impl Publication {
    /// Puts it into a repository, and gives the path of its main file.
    ///
    /// # Errors
    /// When a version is missing in the reactor's POM, or a file cannot be written.
    pub(crate) fn put_into(self, repository: &Path) -> Result<PathBuf> {
        let module = repository.join(GROUP.replace('.', "/")).join(self.name);
        let folder = module.join(VERSION);
        let main = format!("{}-{VERSION}.{}", self.name, self.packaging);
        put(&folder.join(format!("{}-{VERSION}.pom", self.name)), self.pom()?.as_bytes())?;
        put(&folder.join(format!("{}-{VERSION}.module", self.name)), self.module()?.as_bytes())?;
        put(&folder.join(format!("{}-{VERSION}-sources.jar", self.name)), &self.sources)?;
        put(&folder.join(format!("{}-{VERSION}-javadoc.jar", self.name)), &self.javadoc)?;
        put(&folder.join(&main), &self.main)?;
        put(&module.join("maven-metadata.xml"), self.versions().as_bytes())?;
        Ok(folder.join(main))
    }

    fn pom(&self) -> Result<String> {
        let mut dependencies = String::new();
        for dependency in &self.dependencies {
            let Dependency { group, name, version_property, is_api, is_aar } = dependency;
            let version = maven::version(version_property)?;
            let scope = if *is_api { "compile" } else { "runtime" };
            let kind = if *is_aar { "\n      <type>aar</type>" } else { "" };
            write!(
                dependencies,
                "    <dependency>\n      <groupId>{group}</groupId>\n      \
                <artifactId>{name}</artifactId>\n      <version>{version}</version>{kind}\n      \
                <scope>{scope}</scope>\n    </dependency>\n"
            )
            .expect("a String takes all");
        }
        let Self { name, description, packaging, .. } = self;
        // Gradle looks for module metadata only where a POM has the mark.
        Ok(format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://maven.apache.org/POM/4.0.0
      http://maven.apache.org/xsd/maven-4.0.0.xsd">
  <!-- do_not_remove: published-with-gradle-metadata -->
  <modelVersion>4.0.0</modelVersion>
  <groupId>{GROUP}</groupId>
  <artifactId>{name}</artifactId>
  <version>{VERSION}</version>
  <packaging>{packaging}</packaging>
  <name>{name}</name>
  <description>{description}</description>
  <licenses>
    <license>
      <name>Apache-2.0</name>
      <url>https://www.apache.org/licenses/LICENSE-2.0.txt</url>
    </license>
  </licenses>
  <dependencies>
{dependencies}  </dependencies>
</project>
"#
        ))
    }

    /// Gradle's module metadata, format 1.1: what a compilation sees, what an app carries, and
    /// where an IDE finds sources and documents.
    fn module(&self) -> Result<String> {
        let library = |usage: &str, dependencies: Vec<Value>| {
            json!({
                "name": usage,
                "attributes": {
                    "org.gradle.category": "library",
                    "org.gradle.dependency.bundling": "external",
                    "org.gradle.libraryelements": self.packaging,
                    "org.gradle.usage": usage,
                },
                "dependencies": dependencies,
                "files": [file(&format!("{}-{VERSION}.{}", self.name, self.packaging), &self.main)],
            })
        };
        let documentation = |kind: &str, bytes: &[u8]| {
            json!({
                "name": kind,
                "attributes": {
                    "org.gradle.category": "documentation",
                    "org.gradle.dependency.bundling": "external",
                    "org.gradle.docstype": kind,
                    "org.gradle.usage": "java-runtime",
                },
                "files": [file(&format!("{}-{VERSION}-{kind}.jar", self.name), bytes)],
            })
        };
        let api = self.dependencies.iter().filter(|dependency| dependency.is_api);
        let module = json!({
            "formatVersion": "1.1",
            "component": {
                "group": GROUP,
                "module": self.name,
                "version": VERSION,
                "attributes": { "org.gradle.status": "release" },
            },
            "variants": [
                library("java-api", api.map(Dependency::to_json).collect::<Result<_>>()?),
                library(
                    "java-runtime",
                    self.dependencies.iter().map(Dependency::to_json).collect::<Result<_>>()?,
                ),
                documentation("sources", &self.sources),
                documentation("javadoc", &self.javadoc),
            ],
        });
        let mut text = serde_json::to_string_pretty(&module).context("write module metadata")?;
        text.push('\n');
        Ok(text)
    }

    /// Without the time of the last update: it would be another one in each build.
    fn versions(&self) -> String {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata>
  <groupId>{GROUP}</groupId>
  <artifactId>{name}</artifactId>
  <versioning>
    <latest>{VERSION}</latest>
    <release>{VERSION}</release>
    <versions>
      <version>{VERSION}</version>
    </versions>
  </versioning>
</metadata>
"#,
            name = self.name
        )
    }
}

impl Dependency {
    fn to_json(&self) -> Result<Value> {
        let mut json = json!({
            "group": self.group,
            "module": self.name,
            "version": { "requires": maven::version(self.version_property)? },
        });
        if self.is_aar {
            // It publishes no variants to choose from: its AAR is asked for by name.
            json["thirdPartyCompatibility"] = json!({
                "artifactSelector": { "name": self.name, "type": "aar", "extension": "aar" },
            });
        }
        Ok(json)
    }
}

fn file(name: &str, bytes: &[u8]) -> Value {
    json!({
        "name": name,
        "url": name,
        "size": bytes.len(),
        "sha512": hex::encode(Sha512::digest(bytes)),
        "sha256": hex::encode(Sha256::digest(bytes)),
        "sha1": hex::encode(Sha1::digest(bytes)),
        "md5": hex::encode(Md5::digest(bytes)),
    })
}

/// Writes a file and its checksums.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    archive::write(path, bytes)?;
    let sums = [
        ("md5", hex::encode(Md5::digest(bytes))),
        ("sha1", hex::encode(Sha1::digest(bytes))),
        ("sha256", hex::encode(Sha256::digest(bytes))),
        ("sha512", hex::encode(Sha512::digest(bytes))),
    ];
    let name = path.file_name().context("an artifact has a name")?.to_string_lossy();
    for (end, sum) in sums {
        archive::write(&path.with_file_name(format!("{name}.{end}")), sum.as_bytes())?;
    }
    Ok(())
}
