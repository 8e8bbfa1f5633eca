//! The matrix's forwarder in Rust, over the default packet type. Reads requests on stdin, one a line, and answers each
//! with a line of JSON: see benchmarks/forwarders.

mod calls;
mod forward;

use std::io::{self, BufRead, Write};

use forward::{Run, Sample};

fn main() -> io::Result<()> {
    reply(&format!(
        "{{\"ready\":true,\"language\":\"rust\",\"variants\":[\"safe\"],\"toolchain\":{}}}",
        quoted(env!("TOOLCHAIN"))
    ))?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["quit"] => break,
            [] => {}
            words => match request(words) {
                Ok(figures) => reply(&figures)?,
                Err(text) => reply(&format!("{{\"error\":{}}}", quoted(&text)))?,
            },
        }
    }
    Ok(())
}

const REQUEST: &str = "a request is: run safe BATCH inline|threaded FRAMES [DEVICE] (2 frames or more), \
                       or: call safe CALLS, or: quit";

fn request(words: &[&str]) -> Result<String, String> {
    if let ["call", "safe", count] = words {
        let count = count.parse().ok().filter(|&count: &u64| count >= 1).ok_or(REQUEST)?;
        return calls::run(count).map_err(|error| error.to_string());
    }
    let run = parse(words).ok_or(REQUEST)?;
    forward::run(&run)
        .map(|sample| json(&sample))
        .map_err(|error| error.to_string())
}

fn parse(words: &[&str]) -> Option<Run> {
    let (batch, timing, frames, device) = match words {
        ["run", "safe", batch, timing, frames] => (batch, timing, frames, "emu:82599"),
        ["run", "safe", batch, timing, frames, device] => (batch, timing, frames, *device),
        _ => return None,
    };
    let timing = ["inline", "threaded"].into_iter().find(|known| known == timing)?;
    let frames = frames.parse().ok().filter(|&frames: &u64| frames >= 2)?;
    Some(Run {
        batch: batch.parse().ok()?,
        timing,
        device: device.into(),
        frames,
    })
}

fn reply(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn json(s: &Sample) -> String {
    let members = [
        ("frames", s.frames),
        ("cycles", s.cycles),
        ("nanoseconds", s.nanoseconds),
        ("model_cycles", s.model_cycles),
        ("steps", s.steps),
        ("idle_steps", s.idle_steps),
        ("bracket_cycles", s.bracket_cycles),
        ("polls", s.polls),
        ("empty_polls", s.empty_polls),
        ("freed", s.freed),
        ("generated", s.generated),
        ("verified", s.verified),
        ("damaged", s.damaged),
        ("repeated", s.repeated),
        ("foreign", s.foreign),
        ("rx_missed", s.rx_missed),
        ("violations", s.violations),
    ];
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
