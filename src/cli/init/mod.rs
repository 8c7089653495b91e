//! `runner init`: a starting config from compose files, with what they say filled in and what only
//! their owner knows marked.

use std::path::{Path, PathBuf};

mod driven;
mod place;
mod profiles;
mod read;
mod text;

use super::args::InitArgs;
use super::exit::Exit;
use crate::config::discover::Named;
use crate::stack::compose::Tool;
use crate::tell;
use place::Place;
use text::Starting;

/// Runs the command.
pub fn command(args: &InitArgs) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell::people(format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Environment;
        }
    };
    match runtime.block_on(write(args)) {
        Ok(written) => {
            tell::people(format!("wrote {}", written.out.display()));
            written.said.into_iter().for_each(tell::people);
            tell::people(format!(
                "next: read it, then `runner check -c {}`",
                written.out.display()
            ));
            Exit::Clean
        }
        Err(message) => {
            tell::people(message);
            Exit::Usage
        }
    }
}

struct Written {
    out: PathBuf,
    /// What a person should know beside it.
    said: Vec<String>,
}

async fn write(args: &InitArgs) -> Result<Written, String> {
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("runner.toml"));
    if out.exists() && !args.force {
        return Err(format!(
            "{} is there already; write elsewhere with --out FILE or over it with --force",
            out.display()
        ));
    }
    let environment = |name: &str| std::env::var(name).ok();
    let here = absolute(Path::new(""));
    let made = starting_config(named(args), &here, &out, &environment, &Tool::candidates()).await?;
    std::fs::write(&out, made.config).map_err(|e| format!("{}: {e}", out.display()))?;
    Ok(Written { out, said: made.said })
}

/// What was named, as compose takes it.
fn named(args: &InitArgs) -> Named {
    let files: Vec<PathBuf> = args.compose_files.iter().chain(&args.files).cloned().collect();
    match <[PathBuf; 1]>::try_from(files) {
        Ok([file]) => Named::File(absolute(&file)),
        Err(files) if files.is_empty() => Named::Nothing,
        Err(files) => Named::Files(files.iter().map(|file| absolute(file)).collect()),
    }
}

fn absolute(path: &Path) -> PathBuf {
    match path.as_os_str().is_empty() {
        true => std::env::current_dir().unwrap_or_default(),
        false => std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()),
    }
}

/// A config that was made, and what is to be said with it.
#[derive(Debug)]
struct Made {
    config: String,
    said: Vec<String>,
}

/// The config for what was named, called in the folder `here`, to be written to `out`.
async fn starting_config(
    named: Named,
    here: &Path,
    out: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
    tools: &[Vec<String>],
) -> Result<Made, String> {
    let found = read::read(named, here, environment, tools).await?;
    let folder = absolute(&here.join(out)).parent().map(Path::to_path_buf).unwrap_or_default();
    let place = Place::of(&found.discovered, &folder, environment)?;
    let profiles = profiles::choose(&found.file, &found.discovered);
    let remarks = found.remarks.iter().map(|line| within(line, &folder)).collect::<Vec<_>>();
    let config = text::write(&Starting {
        place: &place,
        remarks: &remarks,
        profiles: &profiles,
        file: &found.file,
    });
    Ok(Made { config, said: remarks })
}

/// The line with paths as they are seen from the config.
fn within(line: &str, folder: &Path) -> String {
    line.replace(&format!("{}/", folder.display()), "")
}

#[cfg(test)]
mod tests;
