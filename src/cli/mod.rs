//! The command line: what was typed becomes what is done. The only place that names concrete
//! adapters.

use std::process::ExitCode;

use clap::Parser;

use crate::tell::{self, Said, Tone};

mod analyze;
mod args;
mod check;
mod compare;
mod confirm;
mod dry_run;
mod exit;
mod finish;
mod gpus;
mod init;
mod prometheus;
#[cfg(test)]
mod promised;
mod report;
mod resolve;
mod run;
mod signals;
mod terminal;
mod wire;

pub use args::{Cli, Command};
pub use exit::Exit;

use crate::stack::process::{GUARD_COMMAND, guard_command};

/// Runs the command that was typed.
#[must_use]
pub fn main() -> ExitCode {
    // The demo's health check is started every two seconds: it must not pay for a command line.
    let mut words = std::env::args_os().skip(1).map_while(|word| word.into_string().ok());
    match words.next().as_deref() {
        Some("demo-health") => return crate::demo::health_command(words),
        Some(GUARD_COMMAND) => {
            guard_command(words);
            return Exit::Clean.into();
        }
        _ => {}
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() {
                tell::people(usage(&error.render().to_string()));
                return Exit::Usage.into();
            }
            let _ = error.print();
            return Exit::Clean.into();
        }
    };
    let exit = match cli.command {
        Command::Run(args) => run::command(&args),
        Command::Check(args) => check::command(&args),
        Command::Analyze(args) => analyze::command(&args),
        Command::Compare(args) => compare::command(&args),
        Command::Init(args) => init::command(&args),
        Command::DemoService(args) => match crate::demo::serve(args) {
            Ok(()) => Exit::Clean,
            Err(error) => {
                tell::people(error.to_string());
                Exit::Usage
            }
        },
    };
    exit.into()
}

/// A usage error quotes what was typed, so it is told like anything from outside.
fn usage(text: &str) -> Said {
    let mut said = Said::default();
    match text.strip_prefix("error:") {
        Some(rest) => {
            said.push_in(Tone::Bad, "error:");
            said.push(rest);
        }
        None => said.push(text),
    }
    said
}
