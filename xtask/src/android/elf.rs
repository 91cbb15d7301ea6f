//! What Android wants of a library, read from the built file: pages, relocations, what it needs and
//! what it shows; and that no folder of the builder's is in it.

use std::{collections::BTreeSet, env, fs, path::Path};

use anyhow::{Context, Result, bail};
use goblin::elf::{
    Elf, dynamic,
    header::{EM_386, EM_AARCH64, EM_ARM, EM_X86_64},
    program_header::PT_LOAD,
};
use memchr::memmem;

use machine::abi::{API, Abi, LIBRARY_NAME};

/// Android 15 has devices with pages of 16 KiB.
const PAGE_BYTES: u64 = 0x4000;
/// The libraries of Android that ours may need, as a linker knows them.
pub(super) const ALLOWED: [&str; 3] = ["c", "m", "dl"];
/// Newer than API 24, and asked for weakly: std looks whether it is there.
const WEAK_ALLOWED: [&str; 1] = ["getrandom"];
/// Anything else that it shows could take the place of another library's function.
const EXPORTED_STARTS: [&str; 3] = ["uniffi_", "ffi_", "UNIFFI_META_"];

/// Checks a built library; `in_android` are the names that Android has at our API level.
///
/// # Errors
/// With everything that is wrong, one line each.
pub(super) fn check(abi: Abi, path: &Path, in_android: &BTreeSet<String>) -> Result<()> {
    let shown = path.display();
    let bytes = fs::read(path).with_context(|| format!("read {shown}"))?;
    let elf = Elf::parse(&bytes).with_context(|| format!("read {shown} as ELF"))?;
    let mut problems = form(abi, &elf);
    problems.extend(symbols(&elf, in_android)?);
    problems.extend(folders(&bytes)?);
    if !problems.is_empty() {
        bail!("{shown}:\n  {}", problems.join("\n  "));
    }
    let undefined = elf.dynsyms.iter().filter(|it| it.is_import()).count();
    println!(
        "{}: {} bytes, {undefined} functions of bionic, all in Android 7.0; pages, relocations \
        and exports as they must be",
        abi.name(),
        bytes.len()
    );
    Ok(())
}

fn form(abi: Abi, elf: &Elf<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    let machine = match abi {
        Abi::Arm64 => EM_AARCH64,
        Abi::Armv7 => EM_ARM,
        Abi::X86_64 => EM_X86_64,
        Abi::X86 => EM_386,
    };
    if elf.header.e_machine != machine {
        problems.push(format!("for machine {}, not {machine}", elf.header.e_machine));
    }
    if abi.is_64_bit() {
        let loads = elf.program_headers.iter().filter(|header| header.p_type == PT_LOAD);
        for header in loads.filter(|header| header.p_align < PAGE_BYTES) {
            problems.push(format!(
                "LOAD at {:#x}: alignment {:#x}, where devices have pages of {PAGE_BYTES:#x}",
                header.p_vaddr, header.p_align
            ));
        }
    }
    if let Some(dynamic) = &elf.dynamic {
        let has_flag = dynamic.info.flags & dynamic::DF_TEXTREL != 0;
        if has_flag || dynamic.dyns.iter().any(|entry| entry.d_tag == dynamic::DT_TEXTREL) {
            problems.push("TEXTREL: Android loads none".to_owned());
        }
    }
    let allowed = ALLOWED.map(|name| format!("lib{name}.so"));
    for library in elf.libraries.iter().filter(|name| !allowed.iter().any(|it| it == *name)) {
        problems.push(format!("NEEDED {library}: the app would have to bring it"));
    }
    if elf.soname != Some(LIBRARY_NAME) {
        problems.push(format!("SONAME {:?}", elf.soname));
    }
    problems
}

fn symbols(elf: &Elf<'_>, in_android: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for symbol in elf.dynsyms.iter().filter(|symbol| symbol.st_name != 0) {
        let name = elf.dynstrtab.get_at(symbol.st_name).context("name of a dynamic symbol")?;
        let is_weak = symbol.st_bind() == goblin::elf::sym::STB_WEAK;
        if symbol.is_import() {
            let known = in_android.contains(name) || is_weak && WEAK_ALLOWED.contains(&name);
            if !known {
                problems.push(format!("undefined {name}: not in Android's libraries of API {API}"));
            }
        } else if !EXPORTED_STARTS.iter().any(|start| name.starts_with(start)) {
            problems.push(format!("shows {name}"));
        }
    }
    Ok(problems)
}

/// Two builders would get two files, and users the builder's name.
fn folders(bytes: &[u8]) -> Result<Vec<String>> {
    let top = env::current_dir().context("find the top of the tree")?;
    let folders = [Some(top), env::home_dir()];
    let folders = folders.iter().flatten().filter_map(|folder| folder.to_str());
    // A home of `/` would be found in every file.
    let is_in = |folder: &&str| memmem::find(bytes, folder.as_bytes()).is_some();
    let found = folders.filter(|folder| folder.len() > 4).filter(is_in);
    Ok(found.map(|folder| format!("has {folder} in it")).collect())
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use std::process::Command;

    use machine::process;

    use super::*;

    const GOOD: [&str; 2] = ["-Wl,-soname,libhuihua.so", "-Wl,-z,max-page-size=16384"];
    const SHOWN: &str = "int uniffi_f(void) { return 0; }";

    fn link(folder: &Path, name: &str, source: &str, flags: &[&str]) {
        let path = folder.join("source.c");
        fs::write(&path, source).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-nostdlib", "-fPIC", "-w", "-Wl,--no-as-needed"]).args(flags);
        cc.arg("-o").arg(folder.join(name)).arg(path).arg("-L").arg(folder);
        process::run(&mut cc).unwrap();
    }

    /// What is wrong with a library of this machine's compiler.
    fn problem(abi: Abi, source: &str, flags: &[&str]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        link(folder.path(), "libstrange.so", SHOWN, &["-Wl,-soname,liblog.so"]);
        link(folder.path(), "libhuihua.so", source, flags);
        let in_android = ["malloc".to_owned()].into();
        let error = check(abi, &folder.path().join("libhuihua.so"), &in_android).err()?;
        Some(error.to_string())
    }

    #[test]
    fn a_library_that_android_would_not_take_is_refused_with_the_reason() {
        let calls = "int malloc(void); int uniffi_f(void) { return malloc(); }";
        let asks = "__attribute__((weak)) int getrandom(void); int uniffi_f(void) \
            { return getrandom ? getrandom() : 0; }";
        for source in [SHOWN, calls, asks] {
            assert_eq!(problem(Abi::X86_64, source, &GOOD), None, "{source}");
        }
        let home = env::home_dir().unwrap();
        let newer = "int memfd_create(void); int uniffi_f(void) { return memfd_create(); }";
        let weakly = asks.replace("getrandom", "memfd_create");
        let folder = format!("const char *uniffi_f = \"{}/x.rs\";", home.display());
        let in_code = "__asm__(\".text\\n.globl uniffi_f\\nuniffi_f: .quad uniffi_f\");";
        for (source, flag, reason) in [
            (SHOWN, "-Wl,-z,max-page-size=4096", "alignment 0x1000"),
            (SHOWN, "-Wl,-soname,libother.so", "SONAME Some(\"libother.so\")"),
            (SHOWN, "-lstrange", "NEEDED liblog.so"),
            (newer, "-Wl,-z,undefs", "undefined memfd_create"),
            (&weakly, "-Wl,-z,undefs", "undefined memfd_create"),
            ("int open(void) { return 0; }", "-g0", "shows open"),
            (in_code, "-Wl,-z,notext", "TEXTREL"),
            (&folder, "-g0", home.to_str().unwrap()),
        ] {
            let found = problem(Abi::X86_64, source, &[GOOD.as_slice(), &[flag]].concat());
            assert!(found.as_ref().is_some_and(|it| it.contains(reason)), "{reason}: {found:?}");
        }
        let found = problem(Abi::Arm64, SHOWN, &GOOD).unwrap();
        assert!(found.contains("machine 62, not 183"), "{found}");
    }
}
