//! Android's ABIs, by the names that an AAR, Rust and clang have for them.

use std::path::PathBuf;

use clap::ValueEnum;

/// The file of the library, which an app loads by this name.
pub const LIBRARY_NAME: &str = "libhuihua.so";
/// The oldest Android that the library runs on (7.0).
pub const API: u32 = 24;

/// A processor that Android runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Abi {
    /// Phones.
    #[value(name = "arm64-v8a")]
    Arm64,
    /// Old phones.
    #[value(name = "armeabi-v7a")]
    Armv7,
    /// Emulators.
    #[value(name = "x86_64")]
    X86_64,
    /// Old emulators.
    #[value(name = "x86")]
    X86,
}

impl Abi {
    /// Every ABI that an app may meet.
    pub const ALL: [Self; 4] = [Self::Arm64, Self::Armv7, Self::X86_64, Self::X86];
    /// Built in every run of CI: what phones have, and what the glibc shim can run.
    pub const CHECKED: [Self; 2] = [Self::Arm64, Self::X86_64];

    /// The folder below `jni/` of an AAR and `lib/` of an APK.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64-v8a",
            Self::Armv7 => "armeabi-v7a",
            Self::X86_64 => "x86_64",
            Self::X86 => "x86",
        }
    }

    /// Rust's target.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-linux-android",
            Self::Armv7 => "armv7-linux-androideabi",
            Self::X86_64 => "x86_64-linux-android",
            Self::X86 => "i686-linux-android",
        }
    }

    /// clang's target, which holds the API level.
    pub fn clang_target(self) -> String {
        match self {
            Self::Armv7 => format!("armv7a-linux-androideabi{API}"),
            Self::Arm64 | Self::X86_64 | Self::X86 => format!("{}{API}", self.triple()),
        }
    }

    /// The NDK's folder of libraries.
    pub fn sysroot_triple(self) -> &'static str {
        match self {
            Self::Armv7 => "arm-linux-androideabi",
            Self::Arm64 | Self::X86_64 | Self::X86 => self.triple(),
        }
    }

    /// The word that limits a line of the stub lists to this ABI, as in bionic's own maps.
    pub fn stub_word(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::Armv7 => "arm",
            Self::X86_64 => "x86_64",
            Self::X86 => "x86",
        }
    }

    /// Whether devices with pages of 16 KiB have it.
    pub fn is_64_bit(self) -> bool {
        match self {
            Self::Arm64 | Self::X86_64 => true,
            Self::Armv7 | Self::X86 => false,
        }
    }

    /// What clang hands to the linker for such pages.
    pub fn page_flag(self) -> Option<&'static str> {
        self.is_64_bit().then_some("-Wl,-z,max-page-size=16384")
    }
}

/// A built library.
#[derive(Debug, Clone)]
pub struct Library {
    /// What it runs on.
    pub abi: Abi,
    /// Where it lies.
    pub path: PathBuf,
}
