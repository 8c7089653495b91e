//! Folders as users have them, and what compose takes there.

use super::*;

struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Site {
        let dir = tempfile::Builder::new().prefix("My-Shop").tempdir().expect("a folder");
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        Site { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn ask(&self, files: Named, env: &[(&str, &str)]) -> Discovered {
        let environment = |name: &str| {
            env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        discover(&Call {
            folder: self.dir.path(),
            files,
            directory: None,
            project: None,
            profiles: None,
            environment: &environment,
        })
    }

    fn names(&self, found: &Discovered) -> Vec<String> {
        let short = |f: &PathBuf| f.strip_prefix(self.dir.path()).expect("in it").to_path_buf();
        found.files.iter().map(|f| short(f).display().to_string()).collect()
    }
}

const PLAIN: &str = "services: {}\n";

#[test]
fn the_project_name_of_the_env_file_is_the_project() {
    let site = Site::new(&[("compose.yml", PLAIN), (".env", "COMPOSE_PROJECT_NAME=shopfront\n")]);
    let found = site.ask(Named::File(site.path("compose.yml")), &[]);
    assert_eq!(found.project, "shopfront");
    assert_eq!(found.project_by, Origin::DotEnv("COMPOSE_PROJECT_NAME", site.path(".env")));
    assert!(found.remarks[0].starts_with("project shopfront: COMPOSE_PROJECT_NAME in "));
}

#[test]
fn the_project_is_named_by_the_caller_the_environment_the_env_file_the_name_key_the_folder() {
    let file = "name: ${WHO:-Named}-x\nservices: {}\n";
    let site = Site::new(&[("compose.yml", file), (".env", "COMPOSE_PROJECT_NAME=dot")]);
    let asked = |env: &[(&str, &str)]| site.ask(Named::Nothing, env).project;
    assert_eq!(asked(&[("COMPOSE_PROJECT_NAME", "Of The Shell")]), "oftheshell");
    assert_eq!(asked(&[]), "dot");
    // An empty variable hides the file's.
    assert_eq!(asked(&[("COMPOSE_PROJECT_NAME", "")]), "named-x");
    std::fs::write(site.path(".env"), "WHO=me\n").expect("a file");
    assert_eq!(asked(&[]), "me-x");
    std::fs::write(site.path("compose.yml"), PLAIN).expect("a file");
    assert!(asked(&[]).starts_with("my-shop"), "{}", asked(&[]));
    let call = Call {
        folder: site.dir.path(),
        files: Named::Nothing,
        directory: None,
        project: Some("mine".into()),
        profiles: None,
        environment: &|_| Some("theirs".into()),
    };
    assert_eq!(
        (discover(&call).project, discover(&call).project_by),
        ("mine".into(), Origin::Caller)
    );
}

#[test]
fn the_last_file_that_has_a_name_names_the_project() {
    let site =
        Site::new(&[("a.yml", "name: first\n"), ("b.yml", "name: last\n"), ("c.yml", PLAIN)]);
    let files = ["a.yml", "b.yml", "c.yml"].map(|name| site.path(name)).to_vec();
    let found = site.ask(Named::Files(files), &[]);
    assert_eq!(found.project, "last");
    assert_eq!(found.project_by, Origin::NameOf(site.path("b.yml")));
}

#[test]
fn an_override_file_counts_where_the_default_file_is_meant_and_is_said() {
    let both = [("docker-compose.yml", PLAIN), ("docker-compose.override.yml", PLAIN)];
    let site = Site::new(&both);
    let expected = ["docker-compose.yml", "docker-compose.override.yml"];
    for named in [Named::Nothing, Named::File(site.path("docker-compose.yml"))] {
        let found = site.ask(named, &[]);
        assert_eq!(site.names(&found), expected);
        assert_eq!(
            found.remarks,
            [
                "docker-compose.override.yml is used too, as compose does; to leave it out write files \
              = [\"docker-compose.yml\"]"
            ]
        );
    }
    let exact = site.ask(Named::Files(vec![site.path("docker-compose.yml")]), &[]);
    assert_eq!(site.names(&exact), ["docker-compose.yml"]);
    assert_eq!(exact.remarks, Vec::<String>::new());
    // Beside a file of another name compose would not look for it.
    std::fs::write(site.path("prod.yml"), PLAIN).expect("a file");
    let other = site.ask(Named::File(site.path("prod.yml")), &[]);
    assert_eq!(site.names(&other), ["prod.yml"]);
}

#[test]
fn of_two_override_files_the_one_of_the_same_family_is_used() {
    let site = Site::new(&[
        ("docker-compose.yml", PLAIN),
        ("compose.override.yaml", PLAIN),
        ("docker-compose.override.yaml", PLAIN),
    ]);
    let found = site.ask(Named::Nothing, &[]);
    assert_eq!(site.names(&found), ["docker-compose.yml", "docker-compose.override.yaml"]);
    std::fs::write(site.path("compose.yaml"), PLAIN).expect("a file");
    let found = site.ask(Named::Nothing, &[]);
    assert_eq!(site.names(&found), ["compose.yaml", "compose.override.yaml"]);
    assert!(found.remarks[0].contains("docker-compose.yml, which is there too"), "{found:?}");
}

#[test]
fn compose_file_names_the_files_with_its_separator() {
    let site = Site::new(&[
        ("a.yml", PLAIN),
        ("sub/b.yml", PLAIN),
        ("docker-compose.yml", PLAIN),
        (".env", "COMPOSE_PATH_SEPARATOR=;\nCOMPOSE_FILE=a.yml;sub/b.yml\n"),
    ]);
    for named in [Named::Nothing, Named::File(site.path("a.yml"))] {
        let found = site.ask(named, &[]);
        assert_eq!(site.names(&found), ["a.yml", "sub/b.yml"]);
        assert!(found.remarks[0].starts_with("files a.yml, b.yml: COMPOSE_FILE in "), "{found:?}");
    }
    // A file that it does not name was meant by itself.
    let found = site.ask(Named::File(site.path("docker-compose.yml")), &[]);
    assert_eq!(site.names(&found), ["docker-compose.yml"]);
    assert!(found.remarks[0].contains("is used alone: COMPOSE_FILE in "), "{found:?}");
    let shell = [("COMPOSE_FILE", "docker-compose.yml"), ("COMPOSE_PATH_SEPARATOR", ":")];
    assert_eq!(site.names(&site.ask(Named::Nothing, &shell)), ["docker-compose.yml"]);
}

#[test]
fn variables_beside_the_call_reach_a_project_in_another_folder() {
    let env = "COMPOSE_FILE=sub/b.yml\nTAG=kept-dark\nSHELL_KNOWS=no\n";
    let site = Site::new(&[("sub/b.yml", PLAIN), (".env", env)]);
    let found = site.ask(Named::Nothing, &[("SHELL_KNOWS", "yes")]);
    assert_eq!(found.directory, site.path("sub"));
    assert_eq!(found.project, "sub");
    assert_eq!(found.env.get("TAG").map(String::as_str), Some("kept-dark"));
    assert_eq!(found.env.get("SHELL_KNOWS"), None);
    assert!(!found.remarks.iter().any(|remark| remark.contains("kept-dark")), "{found:?}");
}

#[test]
fn profiles_come_from_the_environment_or_the_env_file_unless_the_caller_says_some_or_none() {
    let site = Site::new(&[("compose.yml", PLAIN), (".env", "COMPOSE_PROFILES=core, gpu,\n")]);
    let found = site.ask(Named::Nothing, &[]);
    assert_eq!(found.profiles, ["core", "gpu"]);
    assert!(found.remarks[0].starts_with("profiles core, gpu: COMPOSE_PROFILES in "), "{found:?}");
    assert_eq!(site.ask(Named::Nothing, &[("COMPOSE_PROFILES", "x")]).profiles, ["x"]);
    let call = Call {
        folder: site.dir.path(),
        files: Named::Nothing,
        directory: None,
        project: None,
        profiles: Some(Vec::new()),
        environment: &|_| None,
    };
    let none = discover(&call);
    assert_eq!((none.profiles, none.profiles_by), (Vec::new(), Origin::Caller));
}

#[test]
fn the_folder_of_a_file_reached_through_its_parent_has_its_own_name() {
    let site = Site::new(&[("Load Tests/x", ""), ("Stack_1/compose.yml", PLAIN)]);
    let file = site.path("Load Tests/../Stack_1/compose.yml");
    let found = site.ask(Named::File(file), &[]);
    assert_eq!((found.project.as_str(), found.directory), ("stack_1", site.path("Stack_1")));
}

#[test]
fn nothing_there_is_no_file_and_the_folder_s_name() {
    let site = Site::new(&[]);
    let found = site.ask(Named::Nothing, &[]);
    assert!(found.files.is_empty() && found.project.starts_with("my-shop"), "{found:?}");
    assert_eq!(normalised("--_"), None);
    assert_eq!(normalised("_Ride Share.20"), Some("rideshare20".to_owned()));
}

#[cfg(feature = "app")]
#[test]
fn what_is_no_plain_file_is_not_waited_for() {
    let site = Site::new(&[("compose.yml", PLAIN)]);
    nix::unistd::mkfifo(&site.path(".env"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    assert!(site.ask(Named::Nothing, &[]).project.starts_with("my-shop"));
}
