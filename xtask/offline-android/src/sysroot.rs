//! What an Android library is linked against where there is no NDK, one folder an ABI: stubs of
//! libc, libm, libdl and liblog that have names and no code, libunwind built from LLVM's source,
//! and a linker driver that rustc calls.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use machine::{abi::Abi, archive, process};

use crate::{llvm, stubs};

const FOLDER: &str = "target/android/sysroot";
/// LLVM's own headers are for other C libraries; these hold what libunwind and ring name.
pub(crate) const HEADERS: &str = "xtask/offline-android/stubs/include";
const UNWIND_C: [&str; 3] = ["UnwindLevel1.c", "UnwindLevel1-gcc-ext.c", "Unwind-sjlj.c"];
const UNWIND_ASSEMBLER: [&str; 2] = ["UnwindRegistersRestore.S", "UnwindRegistersSave.S"];
const UNWIND_CPP: [&str; 2] = ["libunwind.cpp", "Unwind-EHABI.cpp"];

/// The sysroot of one ABI in a folder, made anew when its recipe changes.
pub(crate) struct Sysroot {
    abi: Abi,
    folder: PathBuf,
}

impl Sysroot {
    /// Makes it when it is not there.
    ///
    /// # Errors
    /// When the compiler fails.
    pub(crate) fn ready(abi: Abi, unwind_source: &Path) -> Result<Self> {
        let top = env::current_dir().context("find the top of the tree")?;
        let sysroot = Self { abi, folder: top.join(FOLDER).join(abi.triple()) };
        let stamp = sysroot.folder.join("recipe.sha256");
        let recipe = recipe(abi, unwind_source)?;
        if fs::read_to_string(&stamp).is_ok_and(|made| made == recipe) {
            return Ok(sysroot);
        }
        println!("sysroot: stubs and libunwind for {}", abi.name());
        archive::clear(&sysroot.folder)?;
        fs::create_dir_all(sysroot.objects()).context("make the sysroot")?;
        for library in stubs::LIBRARIES {
            sysroot.stub(library)?;
        }
        sysroot.unwind(unwind_source)?;
        sysroot.write_driver()?;
        fs::write(&stamp, recipe).context("write the sysroot's stamp")?;
        Ok(sysroot)
    }

    /// The driver. rustc guesses from the end of its name, `-clang`, how to speak to it.
    pub(crate) fn driver(&self) -> PathBuf {
        self.folder.join(format!("{}-clang", self.abi.triple()))
    }

    fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }

    fn clang(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg(format!("--target={}", self.abi.clang_target()));
        command
    }

    fn stub(&self, library: &str) -> Result<()> {
        let source = self.objects().join(format!("lib{library}.s"));
        let text = stub_source(&stubs::read(library, self.abi)?);
        fs::write(&source, text).with_context(|| format!("write {}", source.display()))?;
        let mut link = self.clang(llvm::CLANG);
        link.args(["-shared", "-nostdlib"]).arg(format!("--ld-path={}", llvm::LINKER));
        link.args(self.abi.page_flag()).arg(format!("-Wl,-soname,lib{library}.so"));
        process::run(link.arg(&source).arg("-o").arg(self.folder.join(format!("lib{library}.so"))))
    }

    /// LLVM's libunwind: what a panic climbs the stack with. Hidden, for each library has its own.
    fn unwind(&self, source: &Path) -> Result<()> {
        let mut objects = Vec::new();
        let flags: [(&[&str], &str, &[&str]); 3] = [
            (&UNWIND_C, llvm::CLANG, &["-std=c11", "-fexceptions"]),
            (&UNWIND_ASSEMBLER, llvm::CLANG, &[]),
            (
                &UNWIND_CPP,
                llvm::CLANG_CPP,
                &["-std=c++17", "-nostdinc++", "-fno-exceptions", "-fno-rtti"],
            ),
        ];
        for (files, compiler, language) in flags {
            for file in files {
                let object = self.objects().join(file).with_extension("o");
                let mut compile = self.clang(compiler);
                compile.args(unwind_flags(self.abi)).args(language);
                compile.arg(format!("-I{}", source.join("include").display()));
                compile.arg(format!("-I{}", source.join("src").display()));
                compile.arg("-c").arg(source.join("src").join(file)).arg("-o").arg(&object);
                process::run(&mut compile)?;
                objects.push(object);
            }
        }
        let archive = self.folder.join("libunwind.a");
        process::run(Command::new(llvm::AR).arg("rcD").arg(archive).args(objects))
    }

    /// No start object is needed: a Rust cdylib names nothing of it, or `-z defs` would report it.
    fn write_driver(&self) -> Result<()> {
        let text = format!(
            "#!/bin/sh\nexec {clang} --target={} -nostdlib --ld-path={linker} -L{} {} \
            -Wl,-z,defs -Wl,--fatal-warnings -Wl,--gc-sections -Wl,--exclude-libs,libunwind.a \
            \"$@\"\n",
            self.abi.clang_target(),
            self.folder.display(),
            self.abi.page_flag().unwrap_or_default(),
            clang = llvm::CLANG,
            linker = llvm::LINKER,
        );
        let path = self.driver();
        fs::write(&path, text).context("write the linker driver")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).context("let it be run")
    }
}

fn unwind_flags(abi: Abi) -> Vec<String> {
    let mut flags: Vec<String> = [
        "-Oz",
        "-fPIC",
        "-ffreestanding",
        "-nostdlibinc",
        "-isystem",
        HEADERS,
        "-fvisibility=hidden",
        "-ffunction-sections",
        "-fdata-sections",
        "-funwind-tables",
        "-fstrict-aliasing",
        "-w",
        "-DNDEBUG",
        "-D__BIONIC__",
        "-D_LIBUNWIND_HIDE_SYMBOLS",
        "-D_LIBUNWIND_IS_NATIVE_ONLY",
    ]
    .map(str::to_owned)
    .into();
    if abi == Abi::Arm64 {
        flags.push("-D_LIBUNWIND_HAVE_GETAUXVAL=1".to_owned());
    }
    flags
}

/// Names with four bytes each behind them: the linker wants names, kinds and sizes, no code.
fn stub_source(symbols: &[stubs::Symbol]) -> String {
    let mut text = String::from(".data\n");
    for stubs::Symbol { name, is_data } in symbols {
        let kind = if *is_data { "object" } else { "function" };
        text.push_str(&format!(
            ".globl {name}\n.type {name},%{kind}\n{name}: .long 0\n.size {name},4\n"
        ));
    }
    text
}

/// A hash over all that decides what comes out; this file's own text is the rest of the recipe.
fn recipe(abi: Abi, unwind_source: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let path = env::current_dir().context("find the top of the tree")?;
    let words = [include_str!("sysroot.rs"), llvm::CLANG, &abi.clang_target()];
    for word in words {
        hash.update(word);
    }
    hash.update(path.as_os_str().as_encoded_bytes());
    hash.update(unwind_source.as_os_str().as_encoded_bytes());
    for library in stubs::LIBRARIES {
        hash.update(stub_source(&stubs::read(library, abi)?));
    }
    let mut git = Command::new("git");
    let headers = process::read(git.args(["ls-files", "--cached", "--others", "--", HEADERS]))?;
    for header in headers.lines() {
        hash.update(fs::read(header).with_context(|| format!("read {header}"))?);
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_has_names_kinds_and_sizes() {
        let symbols = [
            stubs::Symbol { name: "write".to_owned(), is_data: false },
            stubs::Symbol { name: "environ".to_owned(), is_data: true },
        ];
        let text = stub_source(&symbols);
        assert!(text.contains(".type write,%function\nwrite: .long 0\n.size write,4\n"), "{text}");
        assert!(text.contains(".globl environ\n.type environ,%object\n"), "{text}");
    }
}
