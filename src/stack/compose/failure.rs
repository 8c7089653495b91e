//! Why the compose tool failed, for people: the last lines of its standard error, and what to do.

use std::fmt;

use super::newer::Feature;
use crate::session::ports::StackError;

/// A failed call: what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened, with the tool's own words.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.what, self.remedy)
    }
}

impl From<Failure> for StackError {
    fn from(failure: Failure) -> StackError {
        StackError::environment(failure.to_string())
    }
}

const CORRECT: &str = "correct the compose file";
const BY_HAND: &str = "run it by hand to see more";

impl Failure {
    /// The same where the files have what `tool` is too old for: then they are right, unless the tool
    /// complained about something else than its files.
    #[must_use]
    pub fn of_older(self, tool: &str, newer: &[Feature]) -> Failure {
        let Some(needed) = newer.iter().map(|feature| feature.since).max() else { return self };
        if ![CORRECT, BY_HAND].contains(&self.remedy.as_str()) {
            return self;
        }
        let names: Vec<&str> = newer.iter().map(|feature| feature.what.as_str()).collect();
        let names = names.join("`, `");
        Failure {
            what: format!(
                "{tool} is older than the compose file: it does not know `{names}`\n{}",
                self.what
            ),
            remedy: format!(
                "the file is right for Compose {needed} and later: install the plugin, which goes \
                 before the old tool (`apt-get install docker-compose-plugin`, or \
                 docs.docker.com/compose/install)"
            ),
        }
    }
}

/// What the tools say, and the remedy. The first that matches is given.
const REMEDIES: [(&[&str], &str); 16] = [
    (
        &["address already in use", "port is already allocated", "ports are not available"],
        "a host port is taken: stop what listens there (`ss -ltnp`) or publish another port",
    ),
    (
        &[
            "pull access denied",
            "no such image",
            "manifest unknown",
            "failed to resolve reference",
            "repository does not exist",
        ],
        "an image is missing: build it (`docker build`) or pull it first (`docker pull IMAGE`)",
    ),
    (
        &["/v2/", "tls handshake timeout", "temporary failure in name resolution", "no such host"],
        "an image is missing and its registry could not be reached: build or load the image first",
    ),
    (
        &[
            "cannot connect to the docker daemon",
            "failed to connect to the docker api",
            "error while fetching server api version",
        ],
        "start the Docker Engine (`sudo systemctl start docker`) or correct DOCKER_HOST",
    ),
    (
        &["permission denied while trying to connect"],
        "add this user to the group `docker` or use sudo",
    ),
    (
        &["is already in use by container"],
        "another container has this name: remove it (`docker rm`) or change `container_name`",
    ),
    (
        &["is already in use by service"],
        "two services want one container name: enable the profile of one of them, or change \
         `container_name`",
    ),
    (
        &["has active endpoints", "resource is still in use"],
        "a container outside the compose file uses the network: stop it, or disconnect it \
         (`docker network disconnect`)",
    ),
    (
        &["declared as external", "external volume", "response from daemon: network "],
        "make the external network or volume first (`docker network create`, `docker volume \
         create`)",
    ),
    (
        &[
            "is unhealthy",
            "dependency failed to start",
            "didn't complete successfully",
            "exited with code",
            "has no healthcheck configured",
        ],
        "look at the service named: its log (`docker logs`) or its health check",
    ),
    (
        &["using mount program", "error creating overlay mount", "failed to mount overlay"],
        "the engine cannot make a container's file system: look at its storage driver (`docker \
         info`) and its log (`journalctl -u docker`)",
    ),
    (
        &["oci runtime", "failed to create shim", "runc create failed"],
        "the container could not be started: look at the service's command, entrypoint, mounts \
         and devices",
    ),
    (&["no service selected"], "name the profiles of the services in `stack.profiles`"),
    (
        &["is missing a value", "missing mandatory value", "env file"],
        "set the variable in the environment, in .env or in `stack.env`",
    ),
    (
        &["unknown flag", "unknown shorthand flag"],
        "update the compose tool: it does not know an option of ours",
    ),
    (
        &[
            "yaml",
            "validating ",
            "unsupported config option",
            "is invalid",
            "invalid compose",
            "undefined network",
            "undefined volume",
            "undefined service",
            "circular dependency",
            "dependency cycle",
            "neither an image nor a build",
            "empty compose file",
            "top level object",
            "no such file or directory",
            "filenotfounderror",
            "can't find a suitable",
            "no configuration file provided",
            "minimum memory limit",
            "interpolation format",
            "must be a mapping",
            "must be a quoted string",
            "invalid type",
        ],
        CORRECT,
    ),
];

/// The reason and the remedy of a failed call, from its standard error. `command` is what was
/// called, so that it can be repeated by hand.
#[must_use]
pub fn explain(command: &str, stderr: &str) -> Failure {
    let said = last_lines(stderr, 6);
    let low = stderr.to_lowercase();
    let remedy = REMEDIES
        .iter()
        .find(|(signs, _)| signs.iter().any(|s| low.contains(s)))
        .map_or(BY_HAND, |(_, remedy)| remedy);
    let said = if said.is_empty() { "(it said nothing)".to_owned() } else { said };
    Failure { what: format!("`{command}` failed: {said}"), remedy: remedy.to_owned() }
}

/// The last lines of a tool's standard error without its progress, colours and repetitions.
#[must_use]
pub fn last_lines(stderr: &str, n: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in stderr.split(['\n', '\r']) {
        let line = plain(line);
        let line = line.trim();
        if line.is_empty() || is_progress(line) || lines.last().is_some_and(|l| l == line) {
            continue;
        }
        lines.push(line.chars().take(400).collect());
    }
    let skip = lines.len().saturating_sub(n);
    lines.split_off(skip).join("\n")
}

/// ` Container demo-web-1  Created`, `Creating demo_web_1 ... done`.
fn is_progress(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (first, last) = (words.next().unwrap_or(""), words.last().unwrap_or(""));
    let object = matches!(first, "Container" | "Network" | "Volume" | "Image");
    let verb = first.ends_with("ing") && first.starts_with(|c: char| c.is_ascii_uppercase());
    (object && (last.ends_with("ing") || last.ends_with("ed") || last == "Healthy"))
        || (verb && (line.contains(" ... ") || line.ends_with(" ...")) && last != "error")
        || line.starts_with("Creating network ")
        || line.starts_with("Creating volume ")
        || line.starts_with("Removing network ")
        || line.starts_with("Removing volume ")
}

/// The line without escape sequences and control characters.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // A control sequence ends with a letter.
            for c in chars.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        } else if !c.is_control() || c == '\t' {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::newer::Version;
    use super::*;
    use crate::stack::compose::fixtures::{VERSIONS, call};

    /// What each failed call must say, whatever tool it was.
    const PROMISED: [(&str, &str, &str); 14] = [
        ("bad-port-taken-up", "18099: bind: address already in use", "port is taken"),
        ("bad-missing-image-pull-up", "127.0.0.1:5999", "image is missing"),
        ("bad-name-conflict-up", "fx-occupied", "another container has this name"),
        ("never-healthy-up", "is unhealthy", "health check"),
        ("job-fails-up", "5", "look at the service named"),
        ("bad-external-network-absent-up", "fx-no-such-net", "docker network create"),
        ("bad-required-variable-config", "set NEEDED first", "set the variable"),
        ("bad-env-file-absent-config", "absent.env", "set the variable"),
        ("bad-invalid-yaml-config", "expected", "correct the compose file"),
        ("bad-unknown-service-key-config", "imagee", "correct the compose file"),
        ("bad-circular-config", "a", "correct the compose file"),
        ("bad-empty-config", "empty", "correct the compose file"),
        ("bad-mem-too-small-up", "Minimum memory limit", "correct the compose file"),
        ("engine-absent-socket-up", "", "start the Docker Engine"),
    ];

    #[test]
    fn every_tool_s_failure_gives_its_reason_and_a_remedy() {
        for (case, reason, remedy) in PROMISED {
            for version in VERSIONS {
                let call = call(version, case);
                if call.exit == 0 {
                    // 2.24.7 lets some files pass `config`.
                    continue;
                }
                let text = explain("compose up -d", &call.stderr).to_string();
                assert!(text.contains(reason), "{version} {case}: {text}");
                assert!(text.contains(remedy), "{version} {case}: {text}");
            }
        }
    }

    #[test]
    fn a_missing_file_of_the_engine_or_an_image_is_not_put_down_to_the_compose_file() {
        for (said, remedy) in [
            (
                "ERROR: for api  Cannot create container for service api: using mount program \
                 fuse-overlayfs: fuse: device not found\nfuse-overlayfs: cannot mount: No such file \
                 or directory\n: exit status 1",
                "storage driver",
            ),
            (
                "Error response from daemon: failed to create shim task: OCI runtime create failed: \
                 runc create failed: unable to start container process: exec: \"serve\": stat serve: \
                 no such file or directory: unknown",
                "look at the service's command",
            ),
            (
                "ERROR: .FileNotFoundError: [Errno 2] No such file or directory: './absent.yml'",
                "correct the compose file",
            ),
        ] {
            let text = explain("compose up -d", said).to_string();
            assert!(text.contains(remedy), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_newer_than_the_tool_is_not_called_wrong() {
        let since = Version::parse("2.20.2").expect("a version");
        let newer = [Feature { what: "healthcheck.start_interval".into(), since }];
        for said in [
            "Unsupported config option for services.api.healthcheck: 'start_interval'",
            "Invalid interpolation format for \"environment\" option in service \"db\": \"${HOST:+x}\"",
            "yaml.constructor.ConstructorError: could not determine a constructor for the tag '!override'",
            "In file './compose.yml', services 'include' must be a mapping not an array.",
            "something that nobody has seen yet",
        ] {
            let plain = explain("docker-compose config", said);
            let older = plain.clone().of_older("docker-compose 1.29.2", &newer);
            assert!(older.what.starts_with("docker-compose 1.29.2 is older"), "{older}");
            assert!(older.what.contains("`healthcheck.start_interval`"), "{older}");
            assert!(older.what.contains(said), "{older}");
            assert!(older.remedy.contains("install the plugin"), "{older}");
            assert!(!older.remedy.contains("correct"), "{older}");
            assert_eq!(plain.clone().of_older("docker-compose 1.29.2", &[]), plain);
        }
        let taken = explain("docker-compose up -d", "port is already allocated");
        assert_eq!(taken.clone().of_older("docker-compose 1.29.2", &newer), taken);
    }

    #[test]
    fn progress_is_left_out_of_the_reason() {
        for version in VERSIONS {
            let said = last_lines(&call(version, "bad-port-taken-up").stderr, 20);
            assert!(!said.contains("Creating") || said.contains("error"), "{version}: {said}");
            assert!(!said.contains("Created"), "{version}: {said}");
            let said = last_lines(&call(version, "demo-01-up").stderr, 20);
            assert_eq!(said, "", "{version}");
        }
    }

    #[test]
    fn colours_and_repeated_or_endless_lines_are_cut() {
        let said = last_lines(&format!("\u{1b}[31mred\u{1b}[0m\r\nred\n{}\n", "x".repeat(999)), 5);
        assert_eq!(said, format!("red\n{}", "x".repeat(400)));
        assert!(explain("x", "").what.contains("it said nothing"));
    }
}
