//! The fuzzer: libFuzzer calls the target that the environment names with input after input. Only
//! `cargo xtask fuzz` builds it whole; in any other build it says so and ends.
#![cfg_attr(libfuzzer, no_main)]
#![cfg_attr(
    libfuzzer,
    allow(unsafe_code, reason = "fuzz_target! gives libFuzzer a function to call by name")
)]

/// The environment variable that names the target.
#[cfg(libfuzzer)]
const TARGET: &str = "HUIHUA_FUZZ_TARGET";

#[cfg(libfuzzer)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static CHECK: std::sync::LazyLock<huihua_fuzz::Check> = std::sync::LazyLock::new(|| {
        let name = std::env::var(TARGET).unwrap_or_default();
        let target = huihua_fuzz::TARGETS.iter().find(|target| target.name == name);
        target.unwrap_or_else(|| panic!("{TARGET} must name a target")).check
    });
    CHECK(input);
});

#[cfg(not(libfuzzer))]
fn main() -> std::process::ExitCode {
    eprintln!("huihua-fuzz: built without libFuzzer; run `cargo xtask fuzz`");
    std::process::ExitCode::FAILURE
}
