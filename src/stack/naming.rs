//! The key of a container: the word that stands for it in every result, whatever tool made it.
//!
//! The explicit `container_name`, else the compose service (`service-2` for the second replica),
//! else the engine's name. The engine does not record whether a name was explicit, so it is told
//! by its shape: compose itself names containers `project-service-N` (2.x, 5.x) or
//! `project_service_N` (1.29).

use std::collections::BTreeMap;

/// Compose's label for the project.
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";
/// Compose's label for the service.
pub const COMPOSE_SERVICE: &str = "com.docker.compose.service";
/// Compose's label for the number of a replica, from 1.
pub const COMPOSE_NUMBER: &str = "com.docker.compose.container-number";
/// Compose's label for the project directory.
pub const COMPOSE_DIRECTORY: &str = "com.docker.compose.project.working_dir";
/// Compose's label for its files, separated by commas.
pub const COMPOSE_FILES: &str = "com.docker.compose.project.config_files";
/// Compose's label on volumes: the key in the file.
pub const COMPOSE_VOLUME: &str = "com.docker.compose.volume";

/// Labels of a container, network or volume.
pub type Labels = BTreeMap<String, String>;

/// The key of a container with this engine name (with or without the leading slash).
#[must_use]
pub fn key(engine_name: &str, labels: &Labels) -> String {
    let engine_name = engine_name.trim_start_matches('/');
    let (Some(project), Some(service)) = (labels.get(COMPOSE_PROJECT), labels.get(COMPOSE_SERVICE))
    else {
        return engine_name.to_owned();
    };
    match labels.get(COMPOSE_NUMBER).map(String::as_str) {
        Some(number) if made_by_compose(engine_name, project, service, number) => {
            if number == "1" {
                service.clone()
            } else {
                format!("{service}-{number}")
            }
        }
        _ => engine_name.to_owned(),
    }
}

/// Whether compose chose this name itself. While it replaces a container, the old one is called
/// `<12 hex digits>_<name>` for a moment.
fn made_by_compose(engine_name: &str, project: &str, service: &str, number: &str) -> bool {
    let chosen =
        |name: &str| ['-', '_'].iter().any(|s| name == format!("{project}{s}{service}{s}{number}"));
    if chosen(engine_name) {
        return true;
    }
    engine_name.split_once('_').is_some_and(|(id, rest)| {
        id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()) && chosen(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(project: &str, service: &str, number: &str) -> Labels {
        Labels::from([
            (COMPOSE_PROJECT.to_owned(), project.to_owned()),
            (COMPOSE_SERVICE.to_owned(), service.to_owned()),
            (COMPOSE_NUMBER.to_owned(), number.to_owned()),
        ])
    }

    #[test]
    fn the_same_service_has_the_same_key_whatever_tool_named_the_container() {
        let l = labels("demo", "web", "1");
        assert_eq!(key("demo_web_1", &l), "web");
        assert_eq!(key("demo-web-1", &l), "web");
        assert_eq!(key("/demo-web-1", &l), "web");
    }

    #[test]
    fn replicas_after_the_first_carry_their_number() {
        assert_eq!(key("demo_web_2", &labels("demo", "web", "2")), "web-2");
        assert_eq!(key("demo-web-10", &labels("demo", "web", "10")), "web-10");
    }

    #[test]
    fn an_explicit_container_name_is_the_key() {
        assert_eq!(key("demo-database", &labels("demo", "db", "1")), "demo-database");
        assert_eq!(key("web", &labels("demo", "db", "1")), "web");
        // Near misses of the pattern are explicit names too.
        assert_eq!(key("demo-web_1", &labels("demo", "web", "1")), "demo-web_1");
        assert_eq!(key("demo-web-2", &labels("demo", "web", "1")), "demo-web-2");
    }

    #[test]
    fn dashes_in_project_and_service_do_not_confuse_the_pattern() {
        let l = labels("my-app_x", "stream-processor", "1");
        assert_eq!(key("my-app_x-stream-processor-1", &l), "stream-processor");
        assert_eq!(key("my-app_x_stream-processor_1", &l), "stream-processor");
    }

    #[test]
    fn a_container_under_replacement_keeps_its_key() {
        let l = labels("demo", "web", "1");
        assert_eq!(key("0123456789ab_demo-web-1", &l), "web");
        assert_eq!(key("0123456789ab_demo_web_1", &l), "web");
        assert_eq!(key("not_an_id_demo_web_1", &l), "not_an_id_demo_web_1");
    }

    #[test]
    fn without_compose_labels_the_engine_name_is_the_key() {
        assert_eq!(key("/postgres", &Labels::new()), "postgres");
        let mut partial = labels("demo", "web", "1");
        partial.remove(COMPOSE_NUMBER);
        assert_eq!(key("demo-web-run-3f2a", &partial), "demo-web-run-3f2a");
    }
}
