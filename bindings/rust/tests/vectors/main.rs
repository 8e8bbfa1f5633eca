//! Runs the vectors that all bindings share, tests/vectors/*.json at the top of the repository. What safe Rust cannot
//! express (a packet used after it was sent) goes through ixy-sys.

mod frames;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use world::World;

/// A step: its members by name.
pub struct Step<'a>(&'a Value);

impl<'a> Step<'a> {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    fn text(&self, name: &str) -> &'a str {
        self.0[name]
            .as_str()
            .unwrap_or_else(|| panic!("{}: {name} is no text", self.0))
    }

    fn number(&self, name: &str) -> i64 {
        self.0[name]
            .as_i64()
            .unwrap_or_else(|| panic!("{}: {name} is no number", self.0))
    }

    fn number_or(&self, name: &str, default: i64) -> i64 {
        if self.has(name) {
            self.number(name)
        } else {
            default
        }
    }

    fn size(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap()
    }

    /// A list of names; one name is a list of one.
    fn names(&self, name: &str) -> Vec<&'a str> {
        match &self.0[name] {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().map(|name| name.as_str().unwrap()).collect(),
            _ => panic!("{}: {name} is no list of names", self.0),
        }
    }

    fn hex(&self, name: &str) -> Vec<u8> {
        let text = self.text(name);
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    fn mac(&self, name: &str) -> [u8; 6] {
        let bytes: Vec<u8> = self
            .text(name)
            .split(':')
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect();
        bytes.try_into().unwrap()
    }

    /// Compares named members with what was got.
    fn compare(&self, got: impl Fn(&str) -> Option<Value>) {
        for (name, value) in self.0["equals"].as_object().expect("equals is an object") {
            assert_eq!(got(name).as_ref(), Some(value), "{name}");
        }
    }
}

#[test]
fn all_cases_of_all_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().map_or(false, |ext| ext == "json"));
    files.sort();
    let mut failed = Vec::new();
    let mut cases = 0;
    for file in &files {
        let content: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        for case in content["cases"].as_array().unwrap() {
            for (device, steps) in repeated(case) {
                cases += 1;
                let file = file.file_stem().unwrap().to_string_lossy();
                if std::panic::catch_unwind(|| run(&steps)).is_err() {
                    failed.push(format!("{file}: {} {device}", case["name"]));
                }
            }
        }
    }
    assert!(cases >= 100, "{cases} cases in {}", folder.display());
    assert!(
        failed.is_empty(),
        "{} of {cases} cases failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

/// A case's steps; one version for each of its devices, if it names some.
fn repeated(case: &Value) -> Vec<(String, Value)> {
    let steps = case["steps"].to_string();
    let on = |device: &Value| {
        let device = device.as_str().expect("a device is a text");
        let steps = serde_json::from_str(&steps.replace("{device}", device)).unwrap();
        (format!("on {device}"), steps)
    };
    match case.get("devices") {
        Some(devices) => devices.as_array().unwrap().iter().map(on).collect(),
        None => vec![(String::new(), case["steps"].clone())],
    }
}

fn run(steps: &Value) {
    let mut world = World::new();
    for step in steps.as_array().unwrap() {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.step(&Step(step))));
        let result = result.unwrap_or_else(|_| panic!("in the step {step}"));
        match (result, step.get("error")) {
            (Ok(()), None) => {}
            (Err(error), Some(name)) if error == name.as_str().unwrap() => {}
            (result, _) => panic!("the step gave {result:?}: {step}"),
        }
    }
}
