//! Notes the compiler for the report, and where a libixy outside the loader's usual places is.

use std::env;
use std::process::Command;

fn main() {
    let output = Command::new(env::var_os("RUSTC").unwrap()).arg("--version").output();
    let version = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap();
    println!(
        "cargo:rustc-env=TOOLCHAIN={}",
        version.split(" (").next().unwrap().trim()
    );
    if let Ok(folder) = env::var("DEP_IXY_LIBDIR") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
