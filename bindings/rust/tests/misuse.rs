//! Misuse does not compile. Each program in tests/misuse is compiled twice: as it is, which must fail with the errors that its
//! lines announce (`//~ E0382`) and no others, on those lines; and without these lines, which must succeed, so that
//! nothing but the misuse is what the compiler refuses.
//!
//! A program with a line `// safety: COLUMN` is a mark of the safety table, told once the compiler has refused it;
//! with `// safety raw: COLUMN`, one of the raw row.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const MARK: &str = "//~ ";
const COLUMNS: [(&str, &str); 2] = [("safe", "// safety: "), ("raw", "// safety raw: ")];

#[test]
fn misuse_does_not_compile() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/misuse");
    let mut programs: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().map_or(false, |ext| ext == "rs"))
        .collect();
    programs.sort();
    assert!(programs.len() >= 30, "programs are missing in {}", folder.display());
    let out = env::temp_dir().join(format!("libixy-misuse-{}", std::process::id()));
    fs::create_dir_all(&out).unwrap();
    let failures: Vec<String> = programs
        .iter()
        .filter_map(|program| judge(program, &out).err())
        .collect();
    fs::remove_dir_all(&out).unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Compiles a program both ways.
fn judge(program: &Path, out: &Path) -> Result<(), String> {
    let name = program.file_name().unwrap().to_str().unwrap();
    let source = fs::read_to_string(program).unwrap();
    let expected: BTreeSet<(usize, String)> = source
        .lines()
        .zip(1..)
        .filter_map(|(line, number)| Some((number, line.split_once(MARK)?.1.trim().to_owned())))
        .collect();
    if expected.is_empty() {
        return Err(format!("{name}: no line is marked"));
    }
    let (errors, text) = compile(&source, out);
    if errors != expected {
        return Err(format!(
            "{name}: expected {expected:?}, the compiler says {errors:?}\n{text}"
        ));
    }
    let right: String = source
        .lines()
        .map(|line| {
            if line.contains(MARK) {
                "\n".to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let (errors, text) = compile(&right, out);
    if !errors.is_empty() {
        return Err(format!("{name}: does not compile without its misuse\n{text}"));
    }
    let codes: BTreeSet<&str> = expected.iter().map(|(_, code)| code.as_str()).collect();
    let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
    for (row, prefix) in COLUMNS {
        for column in source.lines().filter_map(|line| line.strip_prefix(prefix)) {
            let mut out = std::io::stdout(); // not println!, whose lines a test that passes keeps to itself
            writeln!(
                out,
                "safety: Rust/{row} | {column} | compile time | {codes} (misuse/{name})"
            )
            .unwrap();
        }
    }
    Ok(())
}

/// A crate as cargo built it for this test, TARGET/PROFILE/deps/misuse-HASH. Hashes differ by features and profile; the
/// newest is the one that was just built.
fn newest_library(deps: &Path, name: &str) -> PathBuf {
    let begin = format!("lib{name}-");
    fs::read_dir(deps)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(&begin) && name.ends_with(".rlib")
        })
        .max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap())
        .expect("cargo has built this crate before its test")
}

/// Compiles a source against this crate. Returns the errors' lines and codes, and all that the compiler said.
fn compile(source: &str, out: &Path) -> (BTreeSet<(usize, String)>, String) {
    let file = out.join("program.rs");
    fs::write(&file, source).unwrap();
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args([
            "--edition=2021",
            "--crate-type=bin",
            "--emit=metadata",
            "--error-format=short",
            "-Awarnings",
        ])
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        .args(["libixy", "ixy_sys"].iter().flat_map(|name| {
            let library = newest_library(&deps, name);
            ["--extern".to_owned(), format!("{name}={}", library.display())]
        }))
        .arg("--out-dir")
        .arg(out)
        .arg(&file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    // FILE:LINE:COLUMN: error[E0382]: ...
    let errors: BTreeSet<(usize, String)> = text
        .lines()
        .filter_map(|line| {
            let (place, rest) = line.split_once(": error[")?;
            let number = place.rsplit(':').nth(1)?.parse().ok()?;
            Some((number, rest.split_once(']')?.0.to_owned()))
        })
        .collect();
    if !output.status.success() && errors.is_empty() {
        panic!("the compiler failed in another way:\n{text}");
    }
    (errors, text)
}
