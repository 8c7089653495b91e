//! The services as they are now, against what the stack needs.

use super::row::Row;
use crate::config::{Config, Reset, StackKind};
use crate::model::{Container, Health, RunState};

const NAME: &str = "services";

/// The row about them. `expected` is how many containers there should be, where that is known.
pub fn row(config: &Config, containers: &[Container], expected: Option<usize>) -> Row {
    let attached = matches!(config.stack.kind, StackKind::Attach { .. });
    if containers.is_empty() {
        return match attached {
            true => Row::failed(
                NAME,
                "there is no container to attach to",
                "start the stack, or correct stack.project or stack.containers in the config",
            ),
            false => Row::not_up(NAME, "no container is there"),
        };
    }
    let wanted = expected.unwrap_or(containers.len()).max(containers.len());
    let ready = containers.iter().filter(|c| trouble(c).is_none()).count();
    let mut text = format!("{ready} of {wanted} ready");
    let troubles: Vec<String> = containers.iter().filter_map(trouble).collect();
    if !troubles.is_empty() {
        text = format!("{text}: {}", troubles.join(", "));
    }
    if ready == wanted {
        return Row::ok(NAME, text);
    }
    if !attached && config.stack.reset != Reset::Never {
        return Row::not_up(NAME, &text);
    }
    if attached && ready > 0 {
        return Row::note(NAME, text).with_remedy("what does not run is not measured");
    }
    Row::failed(NAME, text, "start it, or consent to a reset with stack.reset in the config")
}

/// Whether any of them runs.
#[must_use]
pub fn any_runs(containers: &[Container]) -> bool {
    containers.iter().any(|c| c.state == RunState::Running)
}

/// Why a container is not ready, if it is not.
fn trouble(container: &Container) -> Option<String> {
    let why = match (container.state, container.health) {
        (RunState::Running, Health::Healthy | Health::None) => return None,
        (RunState::Running, Health::Starting) => "its health check did not answer yet".to_string(),
        (RunState::Running, Health::Unhealthy) => "unhealthy".to_string(),
        (RunState::Exited, _) if container.one_shot && container.exit_code == Some(0) => {
            return None;
        }
        (RunState::Exited, _) => match container.exit_code {
            Some(code) => format!("exited with {code}"),
            None => "exited".to_string(),
        },
        (state, _) => format!("{state:?}").to_lowercase(),
    };
    Some(format!("{} ({why})", container.name))
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    fn container(name: &str) -> Container {
        Container { health: Health::Healthy, ..Container::named(name) }
    }

    fn config(reset: Reset) -> Config {
        let mut config = Config::minimal("x");
        config.stack.kind = StackKind::Compose(crate::config::Compose::default());
        config.stack.reset = reset;
        config
    }

    #[test]
    fn a_stack_that_is_down_is_not_up_and_no_failure_unless_it_is_attached_to() {
        assert_eq!(row(&config(Reset::Volumes), &[], Some(2)).status, Status::NotUp);
        assert_eq!(row(&config(Reset::Never), &[], Some(2)).status, Status::NotUp);
        assert_eq!(row(&Config::minimal("x"), &[], None).status, Status::Failed);
    }

    #[test]
    fn half_a_stack_fails_only_where_nothing_may_be_reset() {
        let mut down = container("b");
        (down.state, down.exit_code) = (RunState::Exited, Some(3));
        let all = [container("a"), down];
        let row_of = |reset| row(&config(reset), &all, Some(2));
        assert_eq!(row_of(Reset::Volumes).status, Status::NotUp);
        assert_eq!(row_of(Reset::Never).status, Status::Failed);
        assert!(row_of(Reset::Never).detail.contains("1 of 2 ready: b (exited with 3)"));
    }

    #[test]
    fn a_one_shot_that_ended_well_is_ready() {
        let mut migration = container("migrate");
        migration.one_shot = true;
        (migration.state, migration.exit_code) = (RunState::Exited, Some(0));
        assert_eq!(row(&config(Reset::Never), &[migration], Some(1)).status, Status::Ok);
    }
}
