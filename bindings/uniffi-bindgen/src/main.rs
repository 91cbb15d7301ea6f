//! Generates the Kotlin bindings from the host's debug library; called by `cargo xtask bindgen`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
