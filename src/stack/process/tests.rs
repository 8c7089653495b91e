//! Real processes of a shell: started, checked, restarted, stopped.

use std::os::unix::process::ExitStatusExt;

use super::*;
use crate::config::{HealthProbe, Probe, RestartPolicy, StackConfig, StackKind};
use crate::model::{RunState, StackEventKind};

fn shell(name: &str, script: &str, restart: RestartPolicy) -> ProcessService {
    ProcessService {
        name: name.to_string(),
        command: ["sh", "-c", script].iter().map(|w| (*w).to_string()).collect(),
        env: BTreeMap::new(),
        ports: vec![],
        health: None,
        memory_bytes: None,
        cpus: None,
        restart,
    }
}

fn checked(script: &str, interval_ms: u64) -> Option<HealthProbe> {
    Some(HealthProbe {
        probe: Probe::Command(["sh", "-c", script].map(String::from).to_vec()),
        interval: Duration::from_millis(interval_ms),
        timeout: Duration::from_secs(1),
        retries: 2,
    })
}

/// A stack in a folder of its own. `project` must be the test's own: its mark tells its processes.
struct Bench {
    stack: ProcessStack,
    folder: tempfile::TempDir,
    config: Config,
}

impl std::ops::Deref for Bench {
    type Target = ProcessStack;
    fn deref(&self) -> &ProcessStack {
        &self.stack
    }
}

impl std::ops::DerefMut for Bench {
    fn deref_mut(&mut self) -> &mut ProcessStack {
        &mut self.stack
    }
}

/// Without control groups, as most machines run it.
fn stack(project: &str, services: Vec<ProcessService>) -> Bench {
    stack_below("/nowhere", project, services)
}

fn stack_below(cgroup_root: &str, project: &str, services: Vec<ProcessService>) -> Bench {
    let folder = tempfile::tempdir().expect("temp");
    let mut config = Config::minimal(project);
    config.base_dir = folder.path().to_path_buf();
    config.stack = StackConfig {
        kind: StackKind::Process { services: services.clone() },
        reset: Reset::Volumes,
        take_over: false,
        allow_remote: false,
        ready_timeout: Duration::from_secs(20),
    };
    config.sources.cgroup_root = PathBuf::from(cgroup_root);
    let stack = ProcessStack::open_in(folder.path(), folder.path(), &config, &services, "now")
        .expect("open");
    Bench { stack, folder, config }
}

/// A stack under control groups, or `None` with a line where they cannot be made.
fn limited(project: &str, services: Vec<ProcessService>) -> Option<Bench> {
    let bench = stack_below("/sys/fs/cgroup", project, services);
    if let Some(why) = bench.limits_problem() {
        println!("left out: control groups ({why})");
        return None;
    }
    Some(bench)
}

async fn event(stack: &mut ProcessStack, wanted: fn(&StackEventKind) -> bool) -> StackEvent {
    let look = async {
        loop {
            let event = stack.next_event().await;
            if wanted(&event.kind) {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), look).await.expect("an event in time")
}

fn is_die(kind: &StackEventKind) -> bool {
    matches!(kind, StackEventKind::Die { .. })
}

#[tokio::test]
async fn a_service_that_ends_is_started_again_as_a_new_incarnation_of_the_same_container() {
    let script = "sleep 1.5; echo bye; exit 3";
    let mut stack = stack("again", vec![shell("web", script, RestartPolicy::Always)]);
    let before = stack.reset(Reset::Volumes).await.expect("ready").containers;
    let died = event(&mut stack, is_die).await;
    assert_eq!(died.kind, StackEventKind::Die { exit_code: Some(3) });
    assert!(stack.last_words("web").await.log.contains("bye"), "said before it was told");
    let started = event(&mut stack, |k| *k == StackEventKind::Start).await;
    let after = stack.containers().await.expect("containers");
    assert_eq!((after[0].incarnation, after[0].restart_count), (1, 1));
    assert_eq!([&before[0].id, &died.id, &started.id], [&after[0].id; 3]);
    assert!(!after[0].oom_killed);
    let reset = stack.reset(Reset::Volumes).await.expect("ready").containers;
    assert_eq!((reset[0].incarnation, reset[0].restart_count), (2, 0));
    assert_ne!(reset[0].id, after[0].id, "a reset makes another container");
    stack.down().await.expect("down");
}

#[tokio::test]
async fn a_one_shot_is_ready_when_it_ended_with_0_and_not_when_it_failed() {
    let job = shell("job", "sleep 1.3", RestartPolicy::No);
    let mut good = stack("job-good", vec![job]);
    let report = good.reset(Reset::Volumes).await.expect("ready");
    assert_eq!(report.containers[0].state, RunState::Exited);
    good.down().await.expect("down");
    let job = shell("job", "echo no luck; exit 5", RestartPolicy::No);
    let mut bad = stack("job-bad", vec![job]);
    let error = bad.reset(Reset::Volumes).await.expect_err("not ready");
    assert!(error.message.contains("exit code 5") && error.message.contains("no luck"), "{error}");
    assert!(error.environment);
    bad.down().await.expect("down");
}

#[tokio::test]
async fn a_health_check_that_never_passes_is_named_with_what_it_said_within_the_time_limit() {
    let mut service = shell("web", "sleep 30", RestartPolicy::Always);
    service.health = checked("echo not yet; exit 1", 100);
    let fine = shell("fine", "sleep 30", RestartPolicy::Always);
    let mut stack = stack("unhealthy", vec![service, fine]);
    stack.ready_timeout = Duration::from_millis(1500);
    let message = stack.reset(Reset::Volumes).await.expect_err("not ready").message;
    assert!(message.contains("web: is unhealthy") && message.contains("not yet"), "{message}");
    assert!(!message.contains("fine"), "{message}");
    stack.down().await.expect("down");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_with_the_remedy() {
    for (program, remedy) in [("/no/such/program", "correct the path"), ("no-such-word", "PATH")] {
        let mut service = shell("web", "", RestartPolicy::Always);
        service.command = vec![program.to_string()];
        let mut stack = stack("missing", vec![service]);
        let error = stack.reset(Reset::Volumes).await.expect_err("not started");
        assert!(error.message.contains(program) && error.message.contains(remedy), "{error}");
        stack.down().await.expect("down");
    }
}

#[tokio::test]
async fn a_path_starts_from_the_configs_folder_and_so_does_the_service() {
    let mut service = shell("web", "", RestartPolicy::No);
    service.command = ["./tool", "${dir}"].map(String::from).to_vec();
    let mut stack = stack("relative", vec![service]);
    let tool = stack.folder.path().join("tool");
    std::fs::write(&tool, "#!/bin/sh\ntest -f tool && test -d \"$1\" && echo \"in $1\"\n")
        .expect("tool");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("mode");
    stack.reset(Reset::Volumes).await.expect("ready");
    assert!(stack.last_words("web").await.log.contains("/web"));
    stack.down().await.expect("down");
}

#[tokio::test]
async fn a_service_that_cannot_bind_its_port_is_given_up_with_the_line_it_wrote() {
    let script = "echo 'bind 127.0.0.1:80: address already in use' >&2; exit 98";
    let mut stack = stack("bind", vec![shell("web", script, RestartPolicy::Always)]);
    stack.ready_timeout = Duration::from_secs(2);
    let message = stack.reset(Reset::Volumes).await.expect_err("not ready").message;
    assert!(message.contains("exit code 98"), "{message}");
    assert!(message.contains("its log ends: bind 127.0.0.1:80: address already"), "{message}");
    stack.down().await.expect("down");
}

#[tokio::test]
async fn stopping_ends_all_processes_of_a_service_and_leaves_nothing() {
    let script = "trap '' TERM; setsid sleep 77 & echo $! > ${dir}/pid; sleep 77";
    let mut stack = stack("all", vec![shell("web", script, RestartPolicy::Always)]);
    stack.reset(Reset::Volumes).await.expect("ready");
    let first = stack.containers().await.expect("containers")[0].pid.expect("pid");
    let files = stack.stack.folder.path().to_path_buf();
    let away = std::fs::read_to_string(files.join("web/pid")).expect("pid").trim().to_string();
    assert!(Path::new(PROC).join(&away).exists());
    stack.down().await.expect("down");
    assert!(!Path::new(PROC).join(first.to_string()).exists());
    let state = std::fs::read_to_string(Path::new(PROC).join(&away).join("stat"));
    assert!(state.is_ok_and(|s| s.contains(") Z ")) || !Path::new(PROC).join(away).exists());
    assert!(!files.exists());
}

#[tokio::test]
async fn a_stack_that_is_dropped_without_an_end_leaves_nothing_either() {
    let mut stack = stack("dropped", vec![shell("web", "sleep 77", RestartPolicy::Always)]);
    stack.reset(Reset::Volumes).await.expect("ready");
    let files = stack.stack.folder.path().to_path_buf();
    let pid = stack.containers().await.expect("containers")[0].pid.expect("pid");
    drop(stack);
    let mut tries = 0;
    let lives = |pid: i32| {
        let stat = std::fs::read_to_string(format!("{PROC}/{pid}/stat"));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    };
    while lives(pid) && tries < 500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        tries += 1;
    }
    assert!(!lives(pid) && !files.exists());
}

#[tokio::test]
async fn a_second_run_of_a_project_is_refused_while_the_first_lasts() {
    let bench = stack("twice", vec![]);
    let at = bench.folder.path();
    let open = || ProcessStack::open_in(at, at, &bench.config, &[], "later");
    let error = open().err().expect("refused");
    assert!(error.environment && error.message.contains("run now"), "{error}");
    let Bench { stack, folder, config } = bench;
    drop(stack);
    assert!(ProcessStack::open_in(folder.path(), folder.path(), &config, &[], "later").is_ok());
}

#[tokio::test]
async fn a_service_named_as_a_step_up_is_refused_and_other_runs_keep_their_files() {
    for name in ["..", "."] {
        let mut stack = stack("dots", vec![shell(name, "sleep 77", RestartPolicy::Always)]);
        let other = stack.stack.folder.path().with_file_name("another-run");
        std::fs::create_dir_all(other.join("web")).expect("a folder");
        std::fs::write(other.join("web/file"), "data").expect("a file");
        let error = stack.reset(Reset::Volumes).await.expect_err("no name");
        assert!(error.environment && error.message.contains("is no name"), "{error}");
        drop(stack.stack);
        assert!(other.join("web/file").exists(), "{name}");
    }
}

/// Holds memory until the kernel ends it: `tail` keeps what has no line's end.
///
/// One process only: while the first victim gives its memory back, any other process of the group
/// that asks for a page would be killed as well.
const HOG: &str = "tail /dev/zero > /dev/null";

fn small(name: &str, script: &str) -> ProcessService {
    ProcessService { memory_bytes: Some(32 << 20), ..shell(name, script, RestartPolicy::Always) }
}

#[tokio::test]
async fn a_service_that_exceeds_its_limit_is_oom_killed_once_and_started_again() {
    let hog = small("hog", &format!("sleep 1.2; exec {HOG}"));
    let Some(mut stack) = limited("oom-main", vec![hog]) else { return };
    stack.reset(Reset::Volumes).await.expect("ready");
    let mut kinds = Vec::new();
    while !kinds.last().is_some_and(is_die) {
        kinds.push(event(&mut stack, |k| is_die(k) || *k == StackEventKind::Oom).await.kind);
    }
    assert_eq!(kinds, [StackEventKind::Oom, StackEventKind::Die { exit_code: Some(137) }]);
    assert!(stack.containers().await.expect("containers")[0].oom_killed);
    event(&mut stack, |k| *k == StackEventKind::Start).await;
    let again = stack.containers().await.expect("containers");
    assert_eq!((again[0].incarnation, again[0].oom_killed), (1, false));
    stack.down().await.expect("down");
}

#[tokio::test]
async fn an_oom_kill_of_a_child_is_told_while_the_service_goes_on() {
    let service = small("parent", &format!("{HOG}; sleep 77; true"));
    let Some(mut stack) = limited("oom-child", vec![service]) else { return };
    stack.reset(Reset::Volumes).await.expect("ready");
    event(&mut stack, |k| *k == StackEventKind::Oom).await;
    let containers = stack.containers().await.expect("containers");
    assert_eq!((containers[0].state, containers[0].incarnation), (RunState::Running, 0));
    stack.down().await.expect("down");
}

#[tokio::test]
async fn each_life_has_a_control_group_of_its_own_and_none_is_left() {
    let service = small("web", "sleep 1.4; exit 1");
    let Some(mut stack) = limited("groups", vec![service]) else { return };
    stack.reset(Reset::Volumes).await.expect("ready");
    let pid = stack.containers().await.expect("containers")[0].pid.expect("pid");
    let groups = std::fs::read_to_string(format!("{PROC}/{pid}/cgroup")).expect("groups");
    assert!(groups.contains(&format!("{}/web-0", stack.mark)), "{groups}");
    event(&mut stack, is_die).await;
    event(&mut stack, |k| *k == StackEventKind::Start).await;
    let parents = Groups::parents(Path::new("/sys/fs/cgroup"));
    let mine: Vec<PathBuf> = parents.iter().map(|p| p.join(stack.mark.to_string())).collect();
    let lives = |parent: &PathBuf| (parent.join("web-0").exists(), parent.join("web-1").exists());
    assert!(mine.iter().filter(|p| p.exists()).all(|p| lives(p) == (false, true)));
    stack.down().await.expect("down");
    assert!(mine.iter().all(|parent| !parent.exists()));
}

#[test]
fn an_exit_is_told_as_a_shell_tells_it() {
    let code = |raw| service::exit_code(std::process::ExitStatus::from_raw(raw));
    assert_eq!([code(0), code(3 << 8), code(9)], [0, 3, 137]);
}
