//! Finds libixy: one that the system has, by pkg-config, or else the C sources that come with this package.
//!
//! - `LIBIXY_VENDOR=1` or the feature `vendored`: always the sources.
//! - `LIBIXY_NO_VENDOR=1`: only the system's.
//!
//! Crates that depend on ixy-sys directly get `DEP_IXY_INCLUDE` (headers), `DEP_IXY_VENDORED` (0 or 1) and, for a
//! system library outside the linker's usual places, `DEP_IXY_LIBDIR`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{exit, Command};

fn main() {
    for name in ["LIBIXY_VENDOR", "LIBIXY_NO_VENDOR"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    let vendor = switch("LIBIXY_VENDOR") || env::var_os("CARGO_FEATURE_VENDORED").is_some();
    let no_vendor = switch("LIBIXY_NO_VENDOR");
    if vendor && no_vendor {
        fail("LIBIXY_NO_VENDOR=1 contradicts LIBIXY_VENDOR=1 or the feature `vendored`; drop one");
    }
    if !vendor {
        match use_system_library() {
            Ok(()) => return,
            Err(reason) if no_vendor => fail(&format!(
                "LIBIXY_NO_VENDOR=1 and pkg-config has no libixy: {reason}\n\
                 install libixy, point PKG_CONFIG_PATH at its libixy.pc, or unset LIBIXY_NO_VENDOR"
            )),
            Err(_) => {}
        }
    }
    build_from_source();
}

/// Whether an environment variable switches something on; it takes 1 and 0.
fn switch(name: &str) -> bool {
    match env::var(name).as_deref() {
        Err(_) | Ok("") | Ok("0") => false,
        Ok("1") => true,
        Ok(other) => fail(&format!("{name} is \"{other}\"; it takes 1 or 0")),
    }
}

/// Takes the library that pkg-config finds, if it is of this crate's own minor version.
fn use_system_library() -> Result<(), pkg_config::Error> {
    let major: u32 = number("CARGO_PKG_VERSION_MAJOR");
    let minor: u32 = number("CARGO_PKG_VERSION_MINOR");
    let first = format!("{major}.{minor}.0");
    let beyond = if major == 0 {
        format!("0.{}.0", minor + 1)
    } else {
        format!("{}.0.0", major + 1)
    };
    let library = pkg_config::Config::new()
        .range_version(first.as_str()..beyond.as_str())
        .probe("libixy")?;
    println!("cargo:vendored=0");
    if let Some(path) = library.include_paths.first() {
        publish_include(path);
    }
    if let Some(path) = library.link_paths.first() {
        println!("cargo:libdir={}", path.display());
    }
    Ok(())
}

fn number(name: &str) -> u32 {
    env::var(name).unwrap().parse().unwrap()
}

/// Compiles the amalgamation into a static library.
fn build_from_source() {
    let sources = amalgamation();
    let source = sources.join("libixy.c");
    cc::Build::new()
        .file(&source)
        .include(&sources)
        .std("c11")
        .define("_GNU_SOURCE", None)
        .flag_if_supported("-fvisibility=hidden")
        // A driver is of no use unoptimised: the same code in debug builds, as a system library would be.
        .opt_level(3)
        .warnings(false)
        .compile("ixy");
    println!("cargo:rustc-link-lib=pthread");
    println!("cargo:vendored=1");
    publish_include(&sources);
}

/// Tells dependent crates, and this crate's tests, where the headers are.
fn publish_include(path: &Path) {
    println!("cargo:include={}", path.display());
    println!("cargo:rustc-env=IXY_SYS_INCLUDE={}", path.display());
}

/// The folder with libixy.c and its headers: the package's own, or made from the repository around this crate.
fn amalgamation() -> PathBuf {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let vendored = here.join("vendored");
    if vendored.join("libixy.c").is_file() {
        println!("cargo:rerun-if-changed=vendored");
        return vendored;
    }
    let root = here.join("../..");
    let tool = root.join("tools/amalgamate");
    if !tool.is_file() {
        fail("this package has neither vendored/libixy.c nor the repository around it; it was packaged wrongly");
    }
    for name in ["abi", "core", "emu", "tools/amalgamate", "VERSION"] {
        println!("cargo:rerun-if-changed={}", root.join(name).display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("amalgamation");
    fs::create_dir_all(&out).unwrap_or_else(|error| fail(&format!("{}: {error}", out.display())));
    match Command::new(&tool).arg(&out).status() {
        Ok(status) if status.success() => out,
        Ok(status) => fail(&format!("tools/amalgamate failed: {status}")),
        Err(error) => fail(&format!("tools/amalgamate could not be run: {error}")),
    }
}

fn fail(message: &str) -> ! {
    eprintln!("ixy-sys: {message}");
    exit(1);
}
