//! Wrong calls and configs: exit 2 or 3, a message that names the place and the remedy.

use crate::harness::Site;

#[test]
fn an_unknown_option_is_a_usage_error() {
    let ran = Site::new().run(&["run", "--no-such-option"]).expect_code(2);
    assert!(ran.err.contains("--no-such-option"), "{}", ran.err);
}

#[test]
fn help_goes_to_stdout_and_names_the_exit_codes() {
    let ran = Site::new().run(&["--help"]).expect_code(0);
    assert!(ran.out.contains("130/143"), "{}", ran.out);
    assert!(!ran.out.contains("demo-service"), "a hidden command is shown");
}

#[test]
fn all_mistakes_of_a_config_are_told_at_once_with_line_and_key() {
    let site = Site::new();
    site.write(
        "runner.toml",
        "[stack]\nkind = \"compose\"\nfile = \"nowhere.yml\"\n[stress]\nbatch = 0\nbatsh = 3\n",
    );
    let ran = site.run(&["run"]).expect_code(2);
    for expected in ["runner.toml:3", "nowhere.yml", "runner.toml:5", "stress.batch", "batsh"] {
        assert!(ran.err.contains(expected), "no {expected} in:\n{}", ran.err);
    }
}

#[test]
fn an_unknown_scenario_names_those_there_are() {
    let site = Site::new();
    site.write("compose.yml", "services: {a: {image: x}}\n");
    site.write("runner.toml", "[stack]\nfile = \"compose.yml\"\n");
    let ran = site.run(&["run", "-s", "strss"]).expect_code(2);
    assert!(ran.err.contains("baseline, stress, duration, speed"), "{}", ran.err);
}

#[test]
fn duration_without_stress_says_which_flag_would_give_the_level() {
    let site = Site::new();
    site.write("compose.yml", "services: {a: {image: x}}\n");
    let config = "[stack]\nfile = \"compose.yml\"\n[load]\nkind = \"agents\"\naddress = \"a:1\"\n";
    site.write("runner.toml", config);
    let ran = site.run(&["run", "-s", "duration"]).expect_code(2);
    assert!(ran.err.contains("--agents") && ran.err.contains("-s stress"), "{}", ran.err);
}

#[test]
fn an_own_config_without_an_engine_is_exit_3_and_never_falls_back() {
    let site = Site::new();
    site.write("compose.yml", "services: {a: {image: x}}\n");
    site.write("runner.toml", "[stack]\nfile = \"compose.yml\"\n");
    let mut command = site.command(&["run", "-s", "baseline"]);
    command.env("DOCKER_HOST", "unix:///no/such/docker.sock");
    let ran = crate::harness::Ran::from(command.output().expect("starts")).expect_code(3);
    assert!(ran.err.contains("/no/such/docker.sock"), "{}", ran.err);
    assert!(site.runs().is_empty(), "a run folder of nothing was left");
}

#[test]
fn init_writes_a_config_that_is_read_without_a_problem_and_never_over_another() {
    let site = Site::new();
    site.write("docker-compose.yml", "services: {web: {image: x, ports: ['80']}}\n");
    site.run(&["init"]).expect_code(0);
    let ran = site.run(&["init"]).expect_code(2);
    assert!(ran.err.contains("--force"), "{}", ran.err);
    let mut command = site.command(&["run"]);
    command.env("DOCKER_HOST", "unix:///no/such/docker.sock");
    // The config is good: what is missing is the engine.
    crate::harness::Ran::from(command.output().expect("starts")).expect_code(3);
}
