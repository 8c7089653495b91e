//! `runner run --dry-run`: what a run would do, and what it could find, without doing any of it.

use std::fmt::Write as _;
use std::time::Duration;

use crate::config::{Action, Config, HookAct, Level, Reset, StackKind, When, masked_words};
use crate::scenario::extent::{Extent, ticks};
use crate::scenario::{Kind, Plan, Planned, builtin};

mod power;

/// The plan as text. Reads earlier results where there are any; starts and stops nothing.
#[must_use]
pub fn text(config: &Config, plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "plan      {}", config.origin);
    let _ = writeln!(out, "stack     {}; {}", stack(config), consent(config));
    let _ = writeln!(out, "sources   {}", sources(config));
    let _ = writeln!(out, "results   {}", config.results_dir().display());
    let mut total = Extent::NONE;
    for (index, planned) in plan.scenarios.iter().enumerate() {
        total = total.then(scenario(&mut out, config, planned, index == 0));
    }
    let on_top = if is_reset(config, plan) { "; resets come on top" } else { "" };
    let _ = writeln!(out, "\ntotal     {}{on_top}", between(total));
    power::lines(&mut out, config, plan);
    out
}

fn scenario(out: &mut String, config: &Config, planned: &Planned, first: bool) -> Extent {
    let mut extent = Extent::of_scenario(&planned.spec);
    let reset = match planned.reset {
        _ if is_attached(config) => "watches what runs",
        None if first => "brings the stack up, or takes it as it is",
        None => "takes the stack as it is",
        Some(Reset::Never) => "takes the stack as it is, and brings up what is down",
        Some(Reset::Containers) => "reset: containers are remade, volumes stay",
        Some(Reset::Volumes) => "reset: containers and volumes are remade (their data is lost)",
    };
    let _ = writeln!(out, "\n{}: {}; {reset}", planned.spec.name, between(extent));
    hooks(out, config, planned, None, When::Before);
    for phase in &planned.spec.phases {
        hooks(out, config, planned, Some(&phase.name), When::Before);
        let own = Extent::of(phase);
        let longest = own.most.map_or("?".to_string(), |most| {
            let ticks = ticks(most, phase.interval);
            if own.least < most { format!("<= {ticks}") } else { ticks.to_string() }
        });
        let what: Vec<String> = phase.actions.iter().map(action).collect();
        let line = format!(
            "  {:<22} {:<22} every {:<7} {longest:>7} ticks{}  {}",
            phase.name,
            between(own),
            short(phase.interval),
            if phase.sampled { "" } else { ", no result" },
            what.join(", ")
        );
        let _ = writeln!(out, "{}", line.trim_end());
        hooks(out, config, planned, Some(&phase.name), When::After);
    }
    hooks(out, config, planned, None, When::After);
    if planned.kind == Kind::Duration && config.leak.confirm {
        let more = builtin::confirmation(&config.duration);
        let most = more.iter().map(Extent::of).fold(Extent::NONE, Extent::then).most;
        let below = config.leak.confirm_below_mb_per_min;
        let _ = writeln!(
            out,
            "  one more cycle where a leak below {below} MB/min is to be confirmed: up to {}",
            most.map_or("any time".to_string(), short)
        );
        extent.most = extent.most.zip(most).map(|(a, b)| a + b);
    }
    for hook in config.hooks.iter().filter(|hook| runs_in(planned, hook)) {
        extent.most = extent.most.map(|most| most + hook.timeout);
    }
    extent
}

fn runs_in(planned: &Planned, hook: &crate::config::HookConfig) -> bool {
    let phases = planned.spec.phases.iter().map(|phase| Some(phase.name.as_str()));
    phases.chain([None]).any(|phase| hook.is_at(&planned.spec.name, phase, hook.when))
}

fn hooks(out: &mut String, config: &Config, planned: &Planned, phase: Option<&str>, when: When) {
    let here = config.hooks.iter().filter(|hook| hook.is_at(&planned.spec.name, phase, when));
    for hook in here {
        let what = match &hook.act {
            HookAct::Exec { container, command } => {
                format!("in {container}: {}", masked_words(command).join(" "))
            }
            HookAct::Command { command } => masked_words(command).join(" "),
            HookAct::Http { address, call } => {
                let place = format!("{address}{}", call.path);
                format!("{} {}", call.method, crate::config::mask::masked(&place))
            }
        };
        let _ = writeln!(out, "  hook {:<17} up to {:<16} {what}", hook.name, short(hook.timeout));
    }
}

fn action(action: &Action) -> String {
    match action {
        Action::Start => "start".to_string(),
        Action::Reach(Level::Fixed(level)) => format!("level {level}"),
        Action::Reach(Level::Reference { of, divisor }) if *divisor == 1.0 => {
            format!("level {of}")
        }
        Action::Reach(Level::Reference { of, divisor }) => format!("level {of} / {divisor}"),
        Action::Ramp { batch, every } => format!("+{batch} every {}", short(*every)),
        Action::Pause => "pause".to_string(),
        Action::Resume => "resume".to_string(),
        Action::Speed(speed) => format!("speed {speed}"),
        Action::Reset => "load reset".to_string(),
        Action::Only(task) => format!("only {task}"),
    }
}

fn stack(config: &Config) -> String {
    match &config.stack.kind {
        StackKind::Compose(compose) => {
            let files: Vec<String> =
                compose.files.iter().map(|file| file.display().to_string()).collect();
            format!("project {} of {}", config.project, files.join(", "))
        }
        StackKind::Process { services } => format!("{} local processes", services.len()),
        StackKind::Attach { project: Some(project), .. } => format!("what runs of {project}"),
        StackKind::Attach { containers, .. } => format!("what runs: {}", containers.join(", ")),
    }
}

fn is_attached(config: &Config) -> bool {
    matches!(config.stack.kind, StackKind::Attach { .. })
}

/// Whether anything may be remade on the way.
fn is_reset(config: &Config, plan: &Plan) -> bool {
    let planned = plan.scenarios.iter().filter_map(|planned| planned.reset);
    let remakes = |reset| reset != Reset::Never;
    !is_attached(config) && (remakes(config.stack.reset) || planned.into_iter().any(remakes))
}

fn consent(config: &Config) -> &'static str {
    match config.stack.reset {
        _ if is_attached(config) => "nothing of it is started or stopped",
        Reset::Never => "never reset",
        Reset::Containers => "resets may remake containers",
        Reset::Volumes => "resets may remake containers and volumes",
    }
}

fn sources(config: &Config) -> String {
    let mut text = match config.sources.only.as_slice() {
        [] => "every one that answers, the cheapest first".to_string(),
        only => {
            let names: Vec<&str> = only.iter().map(|source| source.name()).collect();
            names.join(", ")
        }
    };
    if let Some(address) = &config.sources.cadvisor {
        let _ = write!(text, "; cAdvisor at {}", crate::config::mask::masked(address));
    }
    text
}

fn between(extent: Extent) -> String {
    match extent.most {
        None => format!("at least {}", short(extent.least)),
        Some(most) if most == extent.least => short(most),
        Some(most) if extent.least.is_zero() => format!("up to {}", short(most)),
        Some(most) => format!("{} to {}", short(extent.least), short(most)),
    }
}

fn short(time: Duration) -> String {
    if time < Duration::from_secs(60) {
        return format!("{} s", time.as_secs_f64());
    }
    let whole = time.as_secs_f64().round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HookConfig, LoadConfig};

    fn config() -> Config {
        let folder = std::env::temp_dir().join("no-such-folder-for-a-dry-run");
        let mut config = Config { base_dir: folder, ..Config::minimal("web") };
        config.load = Some(LoadConfig::Agents(Default::default()));
        config.stack.kind = StackKind::Compose(Default::default());
        config
    }

    fn planned(config: &Config, names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
        text(config, &Plan::new(config, &names).expect("a plan"))
    }

    #[test]
    fn the_plan_of_an_attached_stack_does_not_speak_of_resets() {
        let mut config = config();
        config.stack.kind = StackKind::Attach { project: Some("web".into()), containers: vec![] };
        let text = planned(&config, &["baseline"]);
        assert!(text.contains("what runs of web; nothing of it is started or stopped"), "{text}");
        assert!(text.contains("baseline: 40 s; watches what runs"), "{text}");
        for word in ["reset", "brings"] {
            assert!(!text.contains(word), "{text}");
        }
    }

    #[test]
    fn the_plan_says_phases_lengths_ticks_and_resets() {
        let mut config = config();
        config.stack.kind = StackKind::Compose(crate::config::Compose::default());
        config.duration.level = Level::Fixed(5);
        let text = planned(&config, &["baseline", "stress", "duration"]);
        for words in [
            "never reset",
            "baseline: 40 s",
            "15 ticks",
            "+10 every 3 s",
            "<= 900 ticks",
            "level 5",
            "total     16 min 25 s to 58 min 25 s\n",
        ] {
            assert!(text.contains(words), "{words}:\n{text}");
        }
        config.stack.reset = Reset::Containers;
        let text = planned(&config, &["baseline", "stress", "duration"]);
        assert!(text.contains("58 min 25 s; resets come on top\n"), "{text}");
    }

    #[test]
    fn hooks_and_a_possible_second_look_are_in_it_and_secrets_are_not() {
        let mut config = config();
        config.duration.level = Level::Fixed(5);
        config.leak.confirm = true;
        let command = ["dump", "--token=abc"].map(str::to_string).to_vec();
        config.hooks = vec![HookConfig {
            name: "heap".into(),
            scenario: None,
            phase: Some("active".into()),
            when: When::After,
            act: HookAct::Exec { container: "web".into(), command },
            timeout: Duration::from_secs(30),
            required: false,
        }];
        let text = planned(&config, &["duration"]);
        assert!(text.contains("hook heap") && text.contains("in web: dump --token=***"), "{text}");
        assert!(text.contains("one more cycle where a leak below 5 MB/min"), "{text}");
        assert!(!text.contains("abc"));
    }

    #[test]
    fn what_can_be_found_rests_on_typical_noise_where_nothing_was_measured() {
        let mut config = config();
        config.duration.level = Level::Fixed(5);
        let text = planned(&config, &["duration"]);
        assert!(text.contains("80 %") && text.contains("typical noise"), "{text}");
        assert!(!planned(&config, &["baseline"]).contains("80 %"));
    }
}
