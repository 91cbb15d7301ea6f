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

use super::{Abi, stubs};

/// Android 15 has devices with pages of 16 KiB.
const PAGE_BYTES: u64 = 0x4000;
/// What the library may need; all else would have to be in the app.
const NEEDED_ALLOWED: [&str; 3] = ["libc.so", "libm.so", "libdl.so"];
/// Newer than API 24, and asked for weakly: std looks whether it is there.
const WEAK_ALLOWED: [&str; 1] = ["getrandom"];
/// Anything else that it shows could take the place of another library's function.
const EXPORTED_STARTS: [&str; 3] = ["uniffi_", "ffi_", "UNIFFI_META_"];

/// Checks a built library.
///
/// # Errors
/// With everything that is wrong, one line each.
pub(super) fn check(abi: Abi, path: &Path) -> Result<()> {
    let shown = path.display();
    let bytes = fs::read(path).with_context(|| format!("read {shown}"))?;
    let elf = Elf::parse(&bytes).with_context(|| format!("read {shown} as ELF"))?;
    let mut problems = form(abi, &elf);
    problems.extend(symbols(abi, &elf)?);
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
            problems
                .push(format!("LOAD at {:#x}: alignment {:#x}", header.p_vaddr, header.p_align));
        }
    }
    if let Some(dynamic) = &elf.dynamic {
        let has_flag = dynamic.info.flags & dynamic::DF_TEXTREL != 0;
        if has_flag || dynamic.dyns.iter().any(|entry| entry.d_tag == dynamic::DT_TEXTREL) {
            problems.push("TEXTREL: Android loads none".to_owned());
        }
    }
    for library in elf.libraries.iter().filter(|name| !NEEDED_ALLOWED.contains(name)) {
        problems.push(format!("NEEDED {library}"));
    }
    if elf.soname != Some(super::LIBRARY_NAME) {
        problems.push(format!("SONAME {:?}", elf.soname));
    }
    problems
}

fn symbols(abi: Abi, elf: &Elf<'_>) -> Result<Vec<String>> {
    let in_android: BTreeSet<String> = stubs::names(&["c", "m", "dl"], abi)?;
    let mut problems = Vec::new();
    for symbol in elf.dynsyms.iter().filter(|symbol| symbol.st_name != 0) {
        let name = elf.dynstrtab.get_at(symbol.st_name).context("name of a dynamic symbol")?;
        let is_weak = symbol.st_bind() == goblin::elf::sym::STB_WEAK;
        if symbol.is_import() {
            let known = in_android.contains(name) || is_weak && WEAK_ALLOWED.contains(&name);
            if !known {
                problems.push(format!("undefined {name}: in no list of xtask/android/stubs"));
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
mod tests {
    use super::*;

    #[test]
    fn a_library_of_this_machine_is_refused_with_every_reason() {
        let this = env::current_exe().unwrap();
        let error = check(Abi::Arm64, &this).unwrap_err().to_string();
        for reason in ["SONAME None", "undefined ", "NEEDED libc.so.6"] {
            assert!(error.contains(reason), "no {reason} in {error}");
        }
    }
}
