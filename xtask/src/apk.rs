//! `apk`: the sample app on top of the AAR, as the crate `offline-android` builds it.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use machine::abi::Abi;
use offline_android::apk;

use crate::{
    aar::{self, AarArguments},
    android,
};

/// Build the sample app into a signed APK in target/apk, without Gradle
///
/// Packs the AAR first, as `aar` does, then the app on top of it: shrunk by R8 under the rules of
/// the AAR, libraries stored at 16 KiB, signed with a debug key made once for this machine. Install
/// it with `adb install`. The first time it takes about 4 minutes an ABI on two cores.
#[derive(Args)]
pub(crate) struct ApkArguments {
    /// Only this ABI; may be given several times [default: all]
    #[arg(long, value_name = "ABI")]
    abi: Vec<Abi>,
}

/// Builds the APK, and looks at it.
///
/// # Errors
/// When something does not build, or the APK is not as a device wants it.
pub(crate) fn run(arguments: &ApkArguments) -> Result<()> {
    let abis = AarArguments { abi: arguments.abi.clone() }.abis();
    aar::build_kotlin()?;
    let libraries = android::build(&abis)?;
    let aar = aar::pack(&libraries, Path::new(aar::REPOSITORY))?;
    let apk = apk::build(&aar, &abis)?;
    apk::check(&apk, &abis)?;
    if abis.len() == Abi::ALL.len() {
        android::compare(&[("apk", &apk)])?;
    }
    Ok(())
}
