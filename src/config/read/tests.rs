//! What the reader promises: all problems at once, each on its line, with its remedy.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::{Action, Level, LoadConfig, Reset, StackKind};

fn read_with(text: &str, set: &[&str], dir: &Path) -> Result<Config, Problems> {
    let set: Vec<String> = set.iter().map(ToString::to_string).collect();
    read(&ConfigText {
        text,
        origin: "runner.toml",
        base_dir: dir,
        set: &set,
        environment: &|name| (name == "API_KEY").then(|| "s3cret".to_string()),
    })
}

/// A folder with a compose file in it, named `Ride_Share 2.0`.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("Ride_Share 2.0");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("docker-compose.yml"), "services: {}\n").unwrap();
    (temp, dir)
}

fn lines(text: &str, set: &[&str]) -> Vec<String> {
    let (_temp, dir) = folder();
    let shown = dir.canonicalize().unwrap().display().to_string();
    match read_with(text, set, &dir) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            problems.0.iter().map(|problem| problem.to_string().replace(&shown, "DIR")).collect()
        }
    }
}

#[test]
fn ten_lines_are_a_whole_config() {
    let (_temp, dir) = folder();
    let text = r#"
[stack]
file = "docker-compose.yml"
reset = "volumes"

[load]
kind = "agents"
address = "simulation:8000"
headers = { X-API-Key = "${API_KEY}" }
"#;
    let config = read_with(text, &[], &dir).unwrap();
    assert_eq!(config.project, "ride_share20");
    assert_eq!(config.scenarios, ["baseline", "stress", "duration", "speed"]);
    assert_eq!(config.stack.reset, Reset::Volumes);
    let StackKind::Compose(compose) = &config.stack.kind else {
        panic!("not compose");
    };
    let dir = dir.canonicalize().unwrap();
    assert_eq!(compose.files, [dir.join("docker-compose.yml")]);
    assert_eq!(compose.directory, dir);
    let Some(LoadConfig::Agents(agents)) = &config.load else {
        panic!("no load");
    };
    assert_eq!(agents.headers["X-API-Key"], "s3cret");
}

#[test]
fn an_empty_config_finds_the_compose_file_and_measures_the_idle_stack() {
    let (_temp, dir) = folder();
    let config = read_with("", &[], &dir).unwrap();
    let StackKind::Compose(compose) = &config.stack.kind else {
        panic!("not compose");
    };
    assert!(compose.files[0].ends_with("docker-compose.yml"));
    assert_eq!(config.stack.reset, Reset::Never);
    assert_eq!(config.scenarios, ["baseline"]);
}

#[test]
fn the_stack_is_the_one_that_compose_makes_there() {
    let (_temp, dir) = folder();
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
    write("docker-compose.override.yml", "services: {}\n");
    write(".env", "COMPOSE_PROJECT_NAME=shopfront\nCOMPOSE_PROFILES=core\n");
    let read = |text: &str| {
        let config = read_with(text, &[], &dir).unwrap();
        let StackKind::Compose(compose) = config.stack.kind else { panic!("not compose") };
        (config.project, compose)
    };
    for text in ["", "[stack]\nfile = \"docker-compose.yml\"\n"] {
        let (project, compose) = read(text);
        assert_eq!(project, "shopfront");
        assert!(compose.files[1].ends_with("docker-compose.override.yml"), "{compose:?}");
        assert_eq!((compose.files.len(), compose.profiles.len()), (2, 1));
        assert!(!compose.project_named && compose.remarks.len() == 3, "{compose:?}");
    }
    let exact = "[stack]\nfiles = [\"docker-compose.yml\"]\nprofiles = []\nproject = \"mine\"\n";
    let (project, compose) = read(exact);
    assert_eq!(project, "mine");
    assert_eq!((compose.files.len(), compose.profiles.len()), (1, 0));
    assert!(compose.project_named && compose.remarks.is_empty(), "{compose:?}");
    assert_eq!(read(&format!("project = \"mine\"\n{exact}")).0, "mine");
}

#[test]
fn the_project_of_a_file_elsewhere_is_its_folder_s_as_compose_has_it() {
    let (_temp, dir) = folder();
    std::fs::create_dir(dir.join("load")).unwrap();
    let text = "[stack]\nfile = \"../docker-compose.yml\"\n";
    let config = read_with(text, &[], &dir.join("load")).unwrap();
    assert_eq!(config.project, "ride_share20");
}

#[test]
fn two_names_for_the_project_and_a_file_that_compose_file_lacks_are_told() {
    let text = "project = \"a\"\n[stack]\nfile = \"docker-compose.yml\"\nproject = \"b\"\n";
    let found = lines(text, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("project = \"a\"") && found[0].contains("write one"), "{found:?}");

    let (_temp, dir) = folder();
    std::fs::write(dir.join(".env"), "COMPOSE_FILE=absent.yml\n").unwrap();
    let error = read_with("", &[], &dir).unwrap_err().to_string();
    assert!(error.contains("absent.yml, which COMPOSE_FILE names"), "{error}");
}

#[test]
fn a_stack_project_alone_is_attached_and_with_a_reset_composed() {
    let (_temp, dir) = folder();
    let kind = |text: &str| read_with(text, &[], &dir).unwrap().stack.kind;
    assert!(matches!(kind("[stack]\nproject = \"x\"\n"), StackKind::Attach { .. }));
    let composed = "[stack]\nproject = \"x\"\nreset = \"containers\"\n";
    assert!(matches!(kind(composed), StackKind::Compose(_)));
}

#[test]
fn a_broken_config_is_told_all_its_mistakes_at_once() {
    let text = include_str!("../../../tests/fixtures/config/broken.toml");
    let wanted = include_str!("../../../tests/fixtures/config/broken.txt");
    let found = lines(text, &["stress.batch=ten", "nonsense", "load.headers.X-Key=[1]"]);
    assert_eq!(found.join("\n"), wanted.trim_end(), "found:\n{}", found.join("\n"));
}

#[test]
fn a_file_that_is_not_toml_is_told_its_lines_and_what_else_is_wrong() {
    let text = "project = demo\n[stress]\nbatch = 0\nevery = = 3\n[load\n";
    let found = lines(text, &[]);
    let starts: Vec<&str> =
        found.iter().map(|line| line.splitn(3, ": ").take(2).last().unwrap_or_default()).collect();
    assert_eq!(starts, ["not TOML", "stress.batch", "not TOML", "not TOML"], "{found:#?}");
}

#[test]
fn set_lays_values_over_the_file() {
    let (_temp, dir) = folder();
    let text = "[stress]\nbatch = 5\nevery = \"1s\"\n[load]\nkind = \"agents\"\n";
    let set = [
        "stress.batch=20",
        "duration.active=1m30s",
        "scenarios=baseline,stress",
        "containers.\"a.b\".effective_cores=1.5",
        "load.address=web:80",
        "stress.limits.load_below.real_time_ratio=0.8",
    ];
    let config = read_with(text, &set, &dir).unwrap();
    assert_eq!(config.stress.batch, 20);
    assert_eq!(config.stress.every, Duration::from_secs(1));
    assert_eq!(config.duration.active, Duration::from_secs(90));
    assert_eq!(config.scenarios, ["baseline", "stress"]);
    assert_eq!(config.containers["a.b"].effective_cores, Some(1.5));
    assert_eq!(config.stress.limits.load_below["real_time_ratio"], 0.8);
}

#[test]
fn a_value_of_set_cannot_bring_further_keys_with_it() {
    let (_temp, dir) = folder();
    let config = read_with("", &["project=a\nfail_on=[\"x\"]"], &dir);
    assert_eq!(config.unwrap_err().0.len(), 1);
}

#[test]
fn credentials_are_in_no_record_and_in_no_message() {
    let (_temp, dir) = folder();
    let text = r#"
[stack]
env = { TOKEN = "s3cret-1" }
[sources]
cadvisor = "http://user:s3cret-2@cadvisor:8080"
[load]
kind = "agents"
address = "http://user:s3cret-3@localhost:8000"
headers = { X-API-Key = "${API_KEY}-4", Authorization = "Bearer s3cret-5" }
status = "GET /status?api_key=s3cret-6"
"#;
    let config = read_with(text, &[], &dir).unwrap();
    let record = serde_json::to_string(&config).unwrap();
    assert!(!record.contains("s3cret"), "{record}");
    assert!(record.contains("http://***@localhost:8000"), "{record}");

    let broken = text.replace("\"http://", "\"ftp://").replace("5\" }", "5\\n\" }");
    let found = lines(&broken, &["load.headers.X-Other=[\"s3cret\"]"]);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(!found.join("").contains("s3cret"), "{found:#?}");
}

#[test]
fn a_scenario_of_ones_own_is_read_part_by_part() {
    let (_temp, dir) = folder();
    let text = r#"
scenarios = ["soak"]
[stack]
reset = "volumes"
[load]
kind = "agents"
[[scenario]]
name = "soak"
reset = "containers"
limits.memory_percent = 80
[[scenario.phase]]
name = "fill"
do = ["start", { speed = 4 }, { ramp = 5, every = "2s" }]
until = { threshold = true, after = "10m" }
[[scenario.phase]]
name = "hold"
do = [{ level = "stress.max_level / 2" }, { level = 7 }, "pause", "resume", "reset"]
until = "2h"
"#;
    let config = read_with(text, &[], &dir).unwrap();
    let soak = &config.custom[0];
    assert_eq!(soak.reset, Some(Reset::Containers));
    assert_eq!(soak.limits.memory_percent, 80.0);
    let ramp = Action::Ramp { batch: 5, every: Duration::from_secs(2) };
    assert_eq!(soak.phases[0].actions, [Action::Start, Action::Speed(4.0), ramp]);
    assert!(soak.phases[0].until.threshold);
    assert_eq!(soak.phases[0].until.after, Some(Duration::from_secs(600)));
    let half = Action::Reach(Level::reference("stress.max_level", 2.0));
    assert_eq!(soak.phases[1].actions[0], half);
    assert_eq!(soak.phases[1].actions[1], Action::Reach(Level::Fixed(7)));
    assert_eq!(soak.phases[1].until.after, Some(Duration::from_secs(7200)));
}

#[test]
fn services_as_processes_are_read_with_their_placeholders() {
    let (_temp, dir) = folder();
    let text = r#"
[[stack.service]]
name = "web"
command = ["web", "--port", "${port:8000}", "--cache", "${address:cache:6379}", "${dir}"]
env = { KEY = "${API_KEY}", DATA = "${dir}/data", WORKERS = 2 }
ports = [8000]
memory = "256m"
cpus = 0.5
restart = "on-failure"
health = { http = "/health", interval = "1s" }
[[stack.service]]
name = "cache"
command = ["cache"]
ports = [6379]
"#;
    let config = read_with(text, &[], &dir).unwrap();
    let StackKind::Process { services } = &config.stack.kind else {
        panic!("not processes");
    };
    assert_eq!(services[0].env["KEY"], "s3cret");
    assert_eq!(services[0].env["DATA"], "${dir}/data");
    assert_eq!(services[0].env["WORKERS"], "2");
    assert_eq!(services[0].memory_bytes, Some(256 << 20));
    let broken = text.replace("6379}", "6380}").replace("\"cache\"\n", "\"web\"\n");
    let found = lines(&broken, &[]);
    assert!(found.iter().any(|line| line.contains("leads nowhere")), "{found:#?}");
    assert!(found.iter().any(|line| line.contains("are named \"web\"")), "{found:#?}");
}

#[test]
fn the_reference_names_every_key_with_its_default() {
    let (_temp, dir) = folder();
    let reference = include_str!("../../../config/reference.toml");
    let read = read_with(reference, &[], &dir).unwrap();
    let least = "project = \"myproject\"\n[load]\nkind = \"agents\"\n";
    let wanted = read_with(least, &[], &dir).unwrap();
    assert_eq!(read, wanted);

    // A key without a sensible default stands in a comment; with the comment signs taken away it
    // must still be known.
    let open: String = reference
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let found = lines(&open, &[]);
    let unknown: Vec<_> = found.iter().filter(|line| line.contains("unknown")).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    let absent = keys_absent_from(&open, &dir);
    assert!(absent.is_empty(), "not in the reference: {absent:?}");
}

/// Keys that the reader asks for, with any kind of stack, and that the text does not have.
fn keys_absent_from(text: &str, dir: &Path) -> Vec<String> {
    let log = Log::new("reference.toml");
    let input = ConfigText {
        text,
        origin: "reference.toml",
        base_dir: dir,
        set: &[],
        environment: &|_| None,
    };
    let tree = tree::parse(text, &log);
    for kind in ["compose", "process", "attach", "demo"] {
        let mut tree = tree.clone();
        tree::set(&mut tree, &format!("stack.kind={kind}"), &log);
        for load in ["agents", "http"] {
            tree::set(&mut tree, &format!("load.kind={load}"), &log);
            Section::root(&tree, &log).finished(|root| config(root, &input, dir.to_path_buf()));
        }
    }
    log.absent_keys()
}

#[test]
fn the_examples_are_read() {
    for name in ["rideshare", "soak", "isolate"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("config/{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        let (_temp, dir) = folder();
        let compose = dir.join("infrastructure/docker");
        std::fs::create_dir_all(&compose).unwrap();
        std::fs::write(compose.join("compose.yml"), "services: {}\n").unwrap();
        if let Err(problems) = read_with(&text, &[], &dir) {
            panic!("{name}: {problems}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_one_problem_with_a_remedy() {
    let problems = read_file(Path::new("/nonexistent/runner.toml"), &[]).unwrap_err();
    let line = problems.to_string();
    assert!(line.starts_with("/nonexistent/runner.toml: cannot be read"), "{line}");
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Lines of the reference, mixed with broken ones: close enough to a config to get deep.
    fn pieces() -> impl Strategy<Value = String> {
        let reference: Vec<String> = include_str!("../../../config/reference.toml")
            .lines()
            .map(|line| line.trim_start_matches("#: ").to_string())
            .collect();
        let value = prop_oneof![
            Just("-1"),
            Just("0"),
            Just("1e999"),
            Just("nan"),
            Just("\"\""),
            Just("[]"),
            Just("[[]]"),
            Just("{}"),
            Just("99999999999999999999"),
            Just("0xffffffffffffffffff"),
            Just("\"${\""),
            Just("true"),
            Just("1979-05-27"),
            Just("[{}, 1, \"é\"]"),
        ];
        let line = prop::sample::select(reference);
        let broken = (line.clone(), value).prop_map(|(line, value)| {
            let key = line.split('=').next().unwrap_or_default().to_string();
            format!("{key}= {value}")
        });
        let one = prop_oneof![3 => line, 2 => broken, 1 => any::<String>()];
        prop::collection::vec(one, 0..40).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), set in any::<String>()) {
            let _ = read_with(&text, &[&set], Path::new("."));
        }

        #[test]
        fn no_mixture_of_lines_makes_the_reader_panic(text in pieces(), set in pieces()) {
            if let Err(problems) = read_with(&text, &[&set], Path::new(".")) {
                prop_assert!(!problems.0.is_empty());
                for problem in &problems.0 {
                    prop_assert!(!problem.remedy.is_empty());
                }
            }
        }
    }
}

#[test]
fn how_much_may_fail_can_be_moved_and_switched_off() {
    let (_temp, dir) = folder();
    let failed = |set: &[&str]| {
        let text = "[stack]\nfile = \"docker-compose.yml\"\n";
        read_with(text, set, &dir).unwrap().stress.limits.failed_percent
    };
    assert_eq!(failed(&[]), Some(5.0));
    assert_eq!(failed(&["stress.limits.failed_percent=1.5"]), Some(1.5));
    assert_eq!(failed(&["stress.limits.failed_percent=false"]), None);
    let wrong =
        lines("[stack]\nfile = \"docker-compose.yml\"\n", &["stress.limits.failed_percent=true"]);
    assert!(wrong[0].contains("failed_percent"), "{wrong:?}");
}
