//! What `init` promises: whatever compose files it is given, the config that it writes is read without a
//! problem, as it is and with every offer accepted.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::config::{Config, ConfigText, LoadConfig, StackKind};

/// A folder with compose files.
struct Site {
    folder: tempfile::TempDir,
    tools: Vec<Vec<String>>,
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let site = Site { folder, tools: Vec::new() };
        for (name, text) in files {
            let path = site.path(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("a folder").join(name)
    }

    /// A tool that does this.
    fn tool(mut self, script: &str) -> Site {
        let path = self.path("tool");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("executable");
        self.tools = vec![vec![path.display().to_string()]];
        self
    }

    fn try_init(&self, named: Named, environment: &[(&str, &str)]) -> Result<Made, String> {
        let lookup = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
        let (here, out) = (self.path(""), PathBuf::from("runner.toml"));
        runtime.block_on(starting_config(named, &here, &out, &lookup, &self.tools))
    }

    fn init(&self, named: &[&str]) -> Made {
        let paths: Vec<PathBuf> = named.iter().map(|name| self.path(name)).collect();
        let named = match paths.as_slice() {
            [] => Named::Nothing,
            [one] => Named::File(one.clone()),
            all => Named::Files(all.to_vec()),
        };
        self.try_init(named, &[]).expect("a config")
    }

    fn read(&self, config: &str) -> Config {
        let read = crate::config::read(&ConfigText {
            text: config,
            origin: "runner.toml",
            base_dir: &self.path(""),
            set: &[],
            environment: &|_| None,
        });
        read.unwrap_or_else(|problems| panic!("{problems}\nin:\n{config}"))
    }
}

/// Every offer of a config accepted.
fn accepted(config: &str) -> String {
    let lines = config.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

fn compose(config: &Config) -> &crate::config::Compose {
    match &config.stack.kind {
        StackKind::Compose(compose) => compose,
        other => panic!("{other:?}"),
    }
}

/// Compose files of every shape that is met.
fn shapes() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let one = |text: &str| vec![("compose.yml", text.to_owned())];
    let many: String = (0..300)
        .map(|n| format!("  s{n}: {{image: x, cpus: 2, ports: ['{}:8080']}}\n", 20_000 + n))
        .collect();
    vec![
        ("databases only", one("services:\n  db: {image: postgres, ports: ['5432:5432'], healthcheck: {test: pg_isready}}\n  cache: {image: redis}\n")),
        ("an API with a check", one("services:\n  api: {image: x, ports: ['8000:8000'], healthcheck: {test: [CMD, curl, -f, 'http://localhost:8000/health?deep=1']}}\n")),
        ("GPUs, reserved", one("services:\n  llm: {image: vllm, ports: ['8000'], deploy: {resources: {reservations: {devices: [{driver: nvidia, count: all, capabilities: [gpu]}]}}}}\n")),
        ("GPUs, ROCm devices", one("services:\n  rocm: {image: x, devices: ['/dev/kfd', '/dev/dri']}\n")),
        ("external networks and volumes", one("services:\n  a: {image: x, networks: [proxy], volumes: ['d:/d']}\nnetworks: {proxy: {external: true}}\nvolumes: {d: {external: {name: y}}}\n")),
        ("one-shots", one("services:\n  migrate: {image: x, restart: 'on-failure'}\n  web: {image: x, depends_on: {migrate: {condition: service_completed_successfully}}}\n")),
        ("UDP only", one("services:\n  dns: {image: x, ports: ['53:53/udp', {target: 5353, protocol: udp, published: 5353}]}\n")),
        ("hundreds of services", one(&format!("services:\n{many}"))),
        ("include only", vec![("compose.yml", "include:\n  - path: shop/compose.yml\n".into()), ("shop/compose.yml", "services: {shop: {image: x}}\n".into())]),
        ("an include that is not there", one("include: [gone.yml]\n")),
        ("networks only", one("networks: {shared: {driver: bridge}}\n")),
        ("volumes only", one("volumes: {data: null}\n")),
        ("no service at all", one("services: {}\n")),
        ("profiles that exclude each other", one("services:\n  model-cpu: {image: x, profiles: [cpu], container_name: model, cpus: 2}\n  model-gpu: {image: x, profiles: [gpu], container_name: model, cpus: 4, gpus: all}\n")),
        ("a profile with names to quote", one("services:\n  a: {image: x, profiles: ['we\"ird', \"tab\\there\"], container_name: 'a.b-c', cpus: 8}\n")),
        ("extends", vec![("compose.yml", "services:\n  w: {extends: {file: base.yml, service: app}, ports: ['18080:${PORT:-8080}']}\n".into()), ("base.yml", "services: {app: {image: x, mem_limit: 64m, cpus: 1.5}}\n".into())]),
        ("tags and newer keys", one("name: shopfront\nservices:\n  api: {image: x, ports: !override ['80:80'], environment: {A: false}, healthcheck: !reset null, develop: {watch: []}}\n")),
        ("anchors and merges", one("x-base: &base {mem_limit: 64m, cpus: 2}\nservices:\n  web: {<<: *base, image: x, ports: ['127.0.0.1:8080:80/tcp']}\n")),
        ("port ranges and odd ports", one("services:\n  ftp: {image: x, ports: ['21000-21010:21000-21010', '3000-3005', 9090, {target: 80}]}\n")),
        ("variables everywhere", one("services:\n  v: {image: '${IMAGE:?set it}', cpus: '${CPUS:-2}', ports: ['${A:-80}:${B:-80}'], deploy: {replicas: '${N:-2}'}}\n")),
        ("host network", one("services:\n  h: {image: x, network_mode: host, ports: ['80:80']}\n")),
        ("names beyond ASCII", one("services:\n  dienst_1.x-y: {image: x, container_name: dienst, cpus: 3, ports: ['8080:8080']}\n  2048: {image: x, cpus: 2}\n")),
        ("an override beside it", vec![("docker-compose.yml", "services: {web: {image: x}}\n".into()), ("docker-compose.override.yml", "services: {web: {mem_limit: 64m, cpus: 2}}\n".into())]),
        ("COMPOSE_FILE in .env", vec![("a.yml", "services: {web: {image: x}}\n".into()), ("b.yml", "services: {db: {image: x}}\n".into()), (".env", "COMPOSE_FILE=a.yml:b.yml\nCOMPOSE_PROJECT_NAME=other\n".into())]),
    ]
}

#[test]
fn what_init_writes_is_read_without_a_problem_whatever_the_compose_files_are() {
    for (shape, files) in shapes() {
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
        let site = Site::new(&files);
        let made = site.init(&[]);
        let config = site.read(&made.config);
        assert_eq!(config.load, None, "{shape}: nothing is driven without consent");
        let all = site.read(&accepted(&made.config));
        assert!(matches!(all.load, Some(LoadConfig::Http(_))), "{shape}");
        assert!(made.config.lines().all(|l| l.chars().count() <= 120), "{shape}:\n{}", made.config);
    }
}

#[test]
fn the_stack_is_the_one_that_compose_makes_there() {
    let override_beside = Site::new(&[
        ("docker-compose.yml", "services: {web: {image: x}}\n"),
        ("docker-compose.override.yml", "services: {web: {mem_limit: 64m, cpus: 2}}\n"),
    ]);
    for named in [&["docker-compose.yml"][..], &[]] {
        let made = override_beside.init(named);
        assert!(made.config.contains("docker-compose.override.yml"), "{}", made.config);
        assert!(!made.config.contains("No memory limit"), "{}", made.config);
        assert!(made.config.contains("#: [containers.\"web\"]"), "{}", made.config);
        assert_eq!(compose(&override_beside.read(&made.config)).files.len(), 2);
    }
    let by_variable = Site::new(&[
        ("a.yml", "services: {web: {image: x}}\n"),
        ("b.yml", "services: {db: {image: x}}\n"),
        (".env", "COMPOSE_FILE=a.yml:b.yml\nCOMPOSE_PROJECT_NAME=other\n"),
    ]);
    let made = by_variable.init(&[]);
    let config = by_variable.read(&made.config);
    let files = [by_variable.path("a.yml"), by_variable.path("b.yml")];
    assert_eq!((compose(&config).files.as_slice(), config.project.as_str()), (&files[..], "other"));
    assert!(made.config.contains("by growth only: web, db."), "{}", made.config);
}

#[test]
fn what_only_this_shell_says_is_written_down() {
    let site = Site::new(&[
        ("a.yml", "services: {web: {image: x, profiles: [core]}}\n"),
        ("b.yml", "services: {db: {image: x, profiles: [extra]}}\n"),
    ]);
    let environment = [
        ("COMPOSE_FILE", "a.yml:b.yml"),
        ("COMPOSE_PROJECT_NAME", "shop"),
        ("COMPOSE_PROFILES", "core"),
    ];
    let made = site.try_init(Named::Nothing, &environment).expect("a config");
    let config = site.read(&made.config);
    assert_eq!(compose(&config).files, [site.path("a.yml"), site.path("b.yml")]);
    assert_eq!(
        (config.project.as_str(), compose(&config).profiles.as_slice()),
        ("shop", &["core".to_owned()][..])
    );
}

#[test]
fn several_files_are_taken_in_their_order_and_nothing_beside_them() {
    let site = Site::new(&[
        ("docker-compose.yml", "services: {web: {image: x, cpus: 2}}\n"),
        ("docker-compose.override.yml", "services: {gone: {image: x}}\n"),
        ("prod.yml", "services: {web: {cpus: 4}}\n"),
    ]);
    let made = site.init(&["docker-compose.yml", "prod.yml"]);
    assert!(
        made.config.contains("files = [\"docker-compose.yml\", \"prod.yml\"]"),
        "{}",
        made.config
    );
    assert!(made.config.contains("web may use 4 cores"), "{}", made.config);
    assert!(!made.config.contains("gone"), "{}", made.config);
}

const EXCLUSIVE: &str = "services:
  model-cpu: {profiles: [cpu], container_name: model, image: x, ports: ['11434:11434']}
  model-gpu: {profiles: [gpu], container_name: model, image: x, ports: ['11434:11434']}
  web: {profiles: [core], image: x}
";

#[test]
fn profiles_that_exclude_each_other_are_left_to_the_owner_and_the_clash_is_named() {
    let only_two = EXCLUSIVE.replace("  web: {profiles: [core], image: x}\n", "");
    let site = Site::new(&[("compose.yml", &only_two)]);
    let made = site.init(&[]);
    let reason = "# Profiles cpu and gpu exclude each other: both want container_name model, host \
                  port 11434.";
    assert!(made.config.contains(reason), "{}", made.config);
    assert!(made.config.contains("\n#: profiles = [\"cpu\"]\n"), "{}", made.config);
    assert_eq!(compose(&site.read(&made.config)).profiles, [""; 0]);

    let made = Site::new(&[("compose.yml", EXCLUSIVE)]).init(&[]);
    assert!(made.config.contains("\nprofiles = [\"core\"]\n"), "{}", made.config);
    assert!(made.config.contains("add one of \"cpu\", \"gpu\"."), "{}", made.config);

    let made =
        Site::new(&[("compose.yml", EXCLUSIVE), (".env", "COMPOSE_PROFILES=gpu\n")]).init(&[]);
    assert!(made.config.contains("\nprofiles = [\"gpu\"]\n"), "{}", made.config);
    assert!(made.config.contains("COMPOSE_PROFILES in"), "{}", made.config);
}

#[test]
fn a_profile_that_clashes_with_what_always_runs_stays_off() {
    let site = Site::new(&[(
        "compose.yml",
        "services:\n  web: {image: x, ports: ['80:80']}\n  alt: {image: x, profiles: [alt], ports: \
         ['80:80']}\n",
    )]);
    let made = site.init(&[]);
    assert!(
        made.config.contains("Profile alt cannot be enabled as it is: host port 80"),
        "{}",
        made.config
    );
    assert!(made.config.contains("#: profiles = [\"alt\"]"), "{}", made.config);
}

/// Answers as a plugin: refuses all profiles at once, and leaves services of others out.
const PLUGIN: &str = r#"case "$*" in
  *version*) echo 2.40.3; exit 0;;
  *"--profile *"*) echo 'services.model-gpu: container name "model" is already in use by service model-cpu: invalid compose project' >&2; exit 1;;
  *"--profile cpu"*) echo 'services: {model-cpu: {container_name: model, profiles: [cpu], mem_limit: "1"}}';;
  *"--profile gpu"*) echo 'services: {model-gpu: {container_name: model, profiles: [gpu], cpus: 3}}';;
  *) echo 'services: {}';;
esac"#;

#[test]
fn a_plugin_that_refuses_all_profiles_together_is_asked_for_each() {
    let files = "services:\n  model-cpu: {profiles: [cpu], container_name: model, image: x}\n  \
                 model-gpu: {profiles: [gpu], container_name: model, image: x}\n";
    let site = Site::new(&[("compose.yml", files)]).tool(PLUGIN);
    let made = site.init(&[]);
    assert!(made.config.contains("cpu and gpu exclude each other"), "{}", made.config);
    // What only the tool's words say.
    assert!(made.config.contains("model may use 3 cores"), "{}", made.config);
    assert_eq!(made.said, [""; 0]);
}

#[test]
fn a_tool_that_is_too_old_is_named_and_the_files_are_read_as_they_are() {
    let newer = include_str!("../../../tests/fixtures/compose/newer/compose.yml");
    let site = Site::new(&[("compose.yml", newer)]).tool(
        "case \"$*\" in *version*) echo 1.29.2; exit 0;; esac\n\
         echo \"'name' does not match any of the regexes: '^x-'\" >&2; exit 1",
    );
    let made = site.init(&[]);
    let said = made.said.join("\n");
    assert!(said.contains("is older than the compose file: it does not know `name`"), "{said}");
    assert!(said.contains("install the plugin"), "{said}");
    assert!(made.config.contains("`healthcheck.start_interval`"), "{}", made.config);
    assert!(made.config.contains("No health check, so running is ready: db."), "{}", made.config);
    let without = Site::new(&[("compose.yml", newer)]).init(&[]);
    assert!(without.said.iter().any(|l| l == "read without a compose tool: there is none"));
}

#[test]
fn what_is_no_compose_file_is_said_so() {
    for (text, why) in [
        ("a: [", "is no YAML"),
        ("version: '3'\n", "is it a compose file?"),
        ("name: CI\non: push\njobs: {}\n", "is it a compose file?"),
    ] {
        let site = Site::new(&[("compose.yml", text)]);
        let error = site.try_init(Named::Nothing, &[]).expect_err(text);
        assert!(error.contains("compose.yml") && error.contains(why), "{error}");
    }
    let error = Site::new(&[]).try_init(Named::Nothing, &[]).expect_err("no file");
    assert!(error.contains("there is no compose file here"), "{error}");
    let site = Site::new(&[]);
    let error = site.try_init(Named::File(site.path("x.yml")), &[]).expect_err("no file");
    assert!(error.contains("x.yml: cannot be read"), "{error}");
}
