//! How the deployed program is linked. Lambda reads every byte of it before a cold start.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=link.ld");
    // Profiles that inherit from `release` abort on a panic; the others unwind.
    let is_release = var("PROFILE").is_ok_and(|profile| profile == "release");
    let is_glibc = var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux")
        && var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    if let (true, true, Ok(folder)) = (is_release, is_glibc, var("CARGO_MANIFEST_DIR")) {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/link.ld");
        // At a fixed address nothing is left to relocate at the start.
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
