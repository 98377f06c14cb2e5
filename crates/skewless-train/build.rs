//! Names the code: a digest over the sources that decide what training gives, so that results of other code are not reused.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

fn main() {
    let mut hasher = DefaultHasher::new();
    // Beside this crate only in the project's own tree; a published crate has its version for them.
    for source in [
        "src",
        "../skewless-compile/src",
        "../skewless-core/src",
        "../skewless-table/src",
        "../../Cargo.lock",
    ] {
        add(Path::new(source), &mut hasher);
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rustc-env=SKEWLESS_CODE={:016x}", hasher.finish());
}

fn add(path: &Path, hasher: &mut DefaultHasher) {
    if let Ok(entries) = std::fs::read_dir(path) {
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().for_each(|path| add(path, hasher));
    } else if let Ok(bytes) = std::fs::read(path) {
        path.hash(hasher);
        bytes.hash(hasher);
    }
}
