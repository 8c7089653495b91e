//! `runner compare`: is CURRENT worse than BASE?

use std::path::Path;

use crate::analysis::compare::{Change, Comparison, Run, compare};
use crate::report::comparison;
use crate::store::input::{Input, detect};
use crate::store::{StoreError, baseline};
use crate::tell;

use super::args::CompareArgs;
use super::exit::Exit;
use super::finish::{Analysed, analysed};

/// Runs the command.
pub fn command(args: &CompareArgs) -> Exit {
    match compared(args) {
        Ok(exit) => exit,
        Err((exit, why)) => {
            tell::people(why);
            exit
        }
    }
}

type Refused = (Exit, String);

fn of_store(error: StoreError) -> Refused {
    (Exit::from(&error), error.to_string())
}

fn compared(args: &CompareArgs) -> Result<Exit, Refused> {
    if !args.base.exists() {
        return first(args);
    }
    let base = opened(&args.base, &args.overrides)?;
    let current = opened(&args.current, &args.overrides)?;
    let run = |it: &'_ Analysed| -> Exit {
        it.damage.iter().for_each(|damage| tell::people(damage.to_string()));
        if it.damage.is_empty() { Exit::Clean } else { Exit::Aborted }
    };
    let damage = run(&base).and(run(&current));
    let settings = &current.analysis.settings;
    let found = compare(
        Run { data: &base.data, analysis: &base.analysis },
        Run { data: &current.data, analysis: &current.analysis },
        settings,
        args.force,
    )
    .map_err(|refusal| (Exit::Usage, refused(&refusal.to_string(), args)))?;
    say(&found, args)?;
    let exit = if found.verdict == Change::Worse { Exit::Findings } else { Exit::Clean };
    if args.save_baseline && exit == Exit::Clean {
        save(args)?;
    }
    Ok(exit.and(damage))
}

fn refused(why: &str, args: &CompareArgs) -> String {
    let remedy = if why.contains("not comparable") && !args.force {
        "\nremedy: run both with the same configuration (--agents N fixes the level), or compare \
         anyway with --force"
    } else {
        ""
    };
    format!("{why}{remedy}")
}

/// There is no base yet.
fn first(args: &CompareArgs) -> Result<Exit, Refused> {
    if !args.save_baseline {
        return Err((
            Exit::Usage,
            format!(
                "{}: there is no base; with --save-baseline the current run becomes the base",
                args.base.display()
            ),
        ));
    }
    let current = opened(&args.current, &args.overrides)?;
    if current.data.scenarios.iter().all(|s| s.time.is_empty()) {
        let path = args.current.display();
        return Err((Exit::Usage, format!("{path}: nothing was measured, it cannot be a base")));
    }
    save(args)?;
    Ok(Exit::Clean)
}

fn save(args: &CompareArgs) -> Result<(), Refused> {
    let input = detect(&args.current).map_err(of_store)?;
    baseline::save(&input, &args.base).map_err(of_store)?;
    tell::people(format!(
        "baseline  {} is kept in {}",
        args.current.display(),
        args.base.display()
    ));
    Ok(())
}

fn opened(path: &Path, overrides: &[String]) -> Result<Analysed, Refused> {
    let input = match detect(path).map_err(of_store)? {
        // A baseline that was made of one file.
        Input::Archive { mut members, .. } if members.len() == 1 => members.remove(0),
        Input::Archive { members, .. } => {
            let (path, count) = (path.display(), members.len());
            let why = format!("{path}: this is an archive of {count} runs; name one of them");
            return Err((Exit::Usage, why));
        }
        input => input,
    };
    analysed(&input, overrides).map_err(|error| (error.exit(), error.to_string()))
}

fn say(found: &Comparison, args: &CompareArgs) -> Result<(), Refused> {
    tell::people(comparison::text(found));
    if args.json {
        let line = serde_json::to_string(found).map_err(|e| (Exit::Aborted, e.to_string()))?;
        tell::machines(&line);
    }
    Ok(())
}
