//! The config as text. What is offered and not chosen stands behind "#: ", as in the reference: taken
//! together with the rest it is a config too.

use std::fmt::Write as _;

use super::driven::driven;
use super::place::{Files, Place};
use super::profiles::Choice;
use crate::stack::compose::{ProjectFile, Service};

/// Columns of the file.
const WIDTH: usize = 100;

/// What a config is made of.
pub struct Starting<'a> {
    /// Which stack.
    pub place: &'a Place,
    /// How it was found.
    pub remarks: &'a [String],
    /// Its profiles.
    pub profiles: &'a Choice,
    /// What its files say.
    pub file: &'a ProjectFile,
}

/// Writes it.
pub fn write(starting: &Starting<'_>) -> String {
    let mut out = String::new();
    remark(
        &mut out,
        "How `runner` tests this stack. Every key with its default: config/reference.toml. A line \
         that begins with \"#: \" is an offer: take the sign away to accept it.",
    );
    out.push('\n');
    if let Some(project) = &starting.place.project {
        let _ = writeln!(out, "project = {}\n", quoted(project));
    }
    stack(&mut out, starting);
    let enabled: Vec<&Service> = starting.file.enabled(starting.profiles.written()).collect();
    load(&mut out, &enabled);
    // Also of what is not enabled yet: its owner may choose it.
    let all: Vec<&Service> = starting.file.services.iter().collect();
    services(&mut out, &all);
    out
}

fn stack(out: &mut String, starting: &Starting<'_>) {
    out.push_str("[stack]\nkind = \"compose\"\n");
    starting.remarks.iter().for_each(|line| remark(out, &sentence(line)));
    match &starting.place.files {
        Files::Found => {}
        Files::One(file) => {
            let _ = writeln!(out, "file = {}", quoted(file));
        }
        Files::These(files) => {
            let _ = writeln!(out, "files = {}", list(files));
        }
    }
    profiles(out, starting.profiles);
    if starting.file.services.is_empty() {
        remark(
            out,
            "There is no service in it: it may be a part that goes with others, all of which are \
             named in files = [...].",
        );
    }
    out.push_str(
        "# Consent to resets: \"never\", \"containers\" (remade), \"volumes\" (remade, DATA IS LOST).\n\
         reset = \"never\"\n\n",
    );
}

fn profiles(out: &mut String, choice: &Choice) {
    choice.reasons.iter().for_each(|reason| remark(out, &sentence(reason)));
    if choice.off.is_empty() {
        if !choice.on.is_empty() || choice.settled {
            let _ = writeln!(out, "profiles = {}", list(&choice.on));
        }
        return;
    }
    let (on, offer) = if choice.on.is_empty() { ("#: ", "") } else { ("", "add ") };
    let left: Vec<String> = choice.off.iter().map(|profile| quoted(profile)).collect();
    remark(out, &format!("To choose: {offer}one of {}.", left.join(", ")));
    let _ = writeln!(out, "{on}profiles = {}", list(choice.written()));
}

fn load(out: &mut String, enabled: &[&Service]) {
    remark(
        out,
        "What puts work on it. Without a [load] only scenarios without load run (-s baseline).",
    );
    let found = driven(enabled);
    let (address, path) = match &found {
        Some(driven) => (driven.address.as_str(), driven.path.as_str()),
        None => {
            remark(
                out,
                "No service is seen to speak HTTP on a published port: write the address of one, as \
                 service:port or a URL.",
            );
            ("http://localhost:8080", "/")
        }
    };
    remark(
        out,
        "kind = \"http\" sends requests at a fixed rate: write those that matter. kind = \"agents\" \
         drives a simulation through its control API, see the reference. Credentials come from the \
         environment: headers = { X-API-Key = \"${API_KEY}\" }.",
    );
    let _ = writeln!(out, "#: [load]\n#: kind = \"http\"\n#: address = {}", quoted(address));
    let call = quoted(&format!("GET {path}"));
    let _ = writeln!(out, "#: [[load.task]]\n#: name = \"first\"\n#: call = {call}\n");
}

fn services(out: &mut String, all: &[&Service]) {
    let keys = |of: fn(&Service) -> bool| -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for service in all.iter().filter(|s| of(s)) {
            // Services that exclude each other may have one name.
            if !names.contains(&service.key()) {
                names.push(service.key());
            }
        }
        names
    };
    for (what, names) in [
        ("No memory limit, so memory is judged by growth only", keys(|s| !s.limited)),
        ("No health check, so running is ready", keys(|s| !s.has_health_check() && !s.one_shot)),
        ("Done when it ended with 0, others wait for that", keys(|s| s.one_shot)),
    ] {
        if !names.is_empty() {
            remark(out, &format!("{what}: {}.", names.join(", ")));
        }
    }
    let gpu = keys(|s| s.gpu);
    if !gpu.is_empty() {
        let _ = writeln!(out);
        remark(
            out,
            &format!(
                "GPUs: {}. A program that takes all of a GPU's memory when it starts would stop \
                 stress at once; this leaves GPU memory unjudged there.",
                gpu.join(", ")
            ),
        );
        out.push_str("#: [stress.limits]\n#: gpu_memory_percent = false\n");
    }
    let wide: Vec<(&str, f64)> =
        all.iter().filter_map(|s| Some((s.key(), s.cpus.filter(|cpus| *cpus > 1.0)?))).collect();
    let mut written: Vec<&str> = Vec::new();
    for (key, cpus) in wide {
        if written.contains(&key) {
            continue;
        }
        if written.is_empty() {
            let _ = writeln!(out);
            remark(out, "More than one core: where one thread does the work, it is full at 1.0.");
        }
        written.push(key);
        let _ = writeln!(out, "# {} may use {cpus} cores.", one_line(key));
        let _ = writeln!(out, "#: [containers.{}]\n#: effective_cores = 1.0", quoted(key));
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    // A basic string on one line, whatever is in it.
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| self::quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// The text without line breaks and control characters, which would end a comment or be refused in one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// With a capital letter and a full stop, where it begins with a word and not with a name.
fn sentence(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    let stop = if text.ends_with(['.', ']']) { "" } else { "." };
    if word.contains(|c: char| !c.is_ascii_lowercase()) {
        return format!("{text}{stop}");
    }
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}{stop}", chars.as_str())
}

/// A comment, broken between words.
fn remark(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty())
    {
        if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}
