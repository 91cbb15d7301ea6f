//! The toolchain where there is an NDK: cargo-ndk with rustup's standard libraries. It runs in no
//! CI of ours, so whatever is missing is looked for first, and named with the command that helps.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use goblin::elf::Elf;

use machine::{
    abi::{API, Abi, LIBRARY_NAME},
    process,
};

use super::elf;
use crate::tree::cargo;

const VARIABLE: &str = "ANDROID_NDK_HOME";
/// Every NDK has it at its top, and cargo-ndk reads the version there.
const MARK: &str = "source.properties";
/// An NDK holds its tools for one kind of machine, in a folder of that name below this one.
const PREBUILT: &str = "toolchains/llvm/prebuilt";

/// An installed NDK.
pub(super) struct Ndk {
    folder: PathBuf,
}

impl Ndk {
    /// The one that `ANDROID_NDK_HOME` names; `None` when it is unset or empty.
    ///
    /// # Errors
    /// When there is no NDK.
    pub(super) fn from_environment() -> Result<Option<Self>> {
        match env::var_os(VARIABLE) {
            Some(folder) if !folder.is_empty() => Self::at(folder.into()).map(Some),
            _ => Ok(None),
        }
    }

    fn at(folder: PathBuf) -> Result<Self> {
        ensure!(
            folder.join(MARK).is_file(),
            "{VARIABLE} is {shown}, where no NDK is (no {MARK}). It names one version's folder, as \
            in {VARIABLE}=$ANDROID_HOME/ndk/28.2.13676358; unset, Debian's packages build",
            shown = folder.display()
        );
        Ok(Self { folder })
    }

    /// Makes sure that what builds beside the NDK is there too.
    ///
    /// # Errors
    /// With the command that installs what is missing.
    pub(super) fn check(&self, abis: &[Abi]) -> Result<()> {
        let mut version = cargo();
        let output = version.args(["ndk", "--version"]).output().context("start cargo")?;
        ensure!(
            output.status.success(),
            "{VARIABLE} is set, but cargo-ndk is not there: cargo install cargo-ndk --locked; \
            with {VARIABLE} unset, Debian's packages build"
        );
        let mut missing = Vec::new();
        for abi in abis {
            let mut rustc = Command::new("rustc");
            rustc.args(["--print", "target-libdir", "--target", abi.triple()]);
            if !Path::new(process::read(&mut rustc)?.trim()).exists() {
                missing.push(abi.triple());
            }
        }
        if !missing.is_empty() {
            bail!("no standard library of Rust's: rustup target add {}", missing.join(" "));
        }
        Ok(())
    }

    /// Cargo as it builds for an ABI. By `cargo ndk`: cargo-ndk is its own linker, and finds itself
    /// only when it was called by its whole path, as cargo does.
    pub(super) fn cargo(&self, abi: Abi, build: &[&str], c_flags: &str) -> Result<Command> {
        let mut command = cargo();
        command.args(["ndk", "--target", abi.name(), "--platform", &API.to_string()]);
        // cargo-ndk puts clang's target before them.
        let variable = format!("CFLAGS_{}", abi.triple().replace('-', "_"));
        command.args(build).env(variable, c_flags);
        Ok(command)
    }

    /// Returns the link flags: cargo-ndk before 4 leaves an NDK before r28 at pages of 4 KiB,
    /// and rustc before 1.96 leaves a cdylib without a name.
    pub(super) fn link_flags(abi: Abi) -> Vec<String> {
        let soname = format!("-Wl,-soname,{LIBRARY_NAME}");
        let flags = ["-Wl,-z,defs", &soname].into_iter().chain(abi.page_flag());
        flags.map(|flag| format!("-Clink-arg={flag}")).collect()
    }

    /// What Android has at our API level by the NDK's own word, which is longer than our lists: the
    /// NDK's libunwind and start object call more than Rust does.
    ///
    /// # Errors
    /// When the NDK has no such library.
    pub(super) fn names(&self, abi: Abi) -> Result<BTreeSet<String>> {
        let prebuilt = self.folder.join(PREBUILT);
        let host = fs::read_dir(&prebuilt)
            .with_context(|| format!("look into {}", prebuilt.display()))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.join("sysroot").exists())
            .with_context(|| format!("no sysroot in {}", prebuilt.display()))?;
        let folder = host.join("sysroot/usr/lib").join(abi.sysroot_triple()).join(API.to_string());
        let mut names = BTreeSet::new();
        for library in elf::ALLOWED {
            let path = folder.join(format!("lib{library}.so"));
            let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            let elf = Elf::parse(&bytes).with_context(|| format!("read {}", path.display()))?;
            for symbol in elf.dynsyms.iter().filter(|symbol| !symbol.is_import()) {
                let name = elf.dynstrtab.get_at(symbol.st_name).context("name of a symbol")?;
                names.insert(name.to_owned());
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_an_ndk_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = Ndk::at(folder.path().into()).err().unwrap().to_string();
        let shown = folder.path().to_str().unwrap();
        assert!(error.contains(shown) && error.contains(VARIABLE), "{error}");
        fs::write(folder.path().join(MARK), "Pkg.Revision = 28.2.13676358\n").unwrap();
        Ndk::at(folder.path().into()).unwrap();
    }

    #[test]
    fn pages_of_16_kib_are_asked_for_where_devices_have_them() {
        let pages = |abi| Ndk::link_flags(abi).iter().any(|it| it.contains("max-page-size=16384"));
        assert_eq!(Abi::ALL.map(pages), [true, false, true, false]);
    }
}
