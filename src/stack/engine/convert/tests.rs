use super::*;
use serde_json::json;

fn recorded(name: &str) -> Inspected {
    let path = format!("{}/tests/fixtures/engine/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("a recording");
    inspected(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}")), "127.0.0.1")
}

fn made(value: serde_json::Value) -> Inspected {
    inspected(serde_json::from_value(value).expect("an answer"), "127.0.0.1")
}

#[test]
fn what_ended_with_0_and_is_not_started_again_is_a_one_shot() {
    for (policy, expected) in [
        ("no", true),
        ("", true),
        ("on-failure", true),
        ("always", false),
        ("unless-stopped", false),
    ] {
        let answer = json!({"HostConfig": {"RestartPolicy": {"Name": policy}}});
        assert_eq!(made(answer).container.one_shot, expected, "{policy}");
    }
}

#[test]
fn answers_of_engines_20_10_to_29_are_read() {
    for name in ["25-steady", "28-steady", "29-steady", "29-at-1.40-steady"] {
        let c = recorded(name).container;
        assert_eq!(c.name, "steady", "{name}");
        assert_eq!(c.engine_name, "demo-steady-1");
        assert_eq!((c.state, c.health), (RunState::Running, Health::None));
        assert_eq!(c.limits.memory_bytes, Some(128 << 20));
        assert_eq!(c.limits.cpus, Some(0.5));
        assert!(c.one_shot && c.pid.is_some() && c.started_at.is_some());
    }
    let c = recorded("20.10-leaky").container;
    assert_eq!(c.limits.memory_bytes, Some(96 << 20));
    assert!(!c.one_shot, "restart: always");
}

#[test]
fn states_and_healths_are_told_apart() {
    let state = |name: &str| {
        let c = recorded(name).container;
        (c.state, c.health, c.exit_code)
    };
    assert_eq!(state("20.10-created"), (RunState::Created, Health::None, None));
    assert_eq!(state("20.10-exited"), (RunState::Exited, Health::None, Some(0)));
    assert_eq!(state("20.10-paused"), (RunState::Paused, Health::None, None));
    assert_eq!(state("20.10-healthy"), (RunState::Running, Health::Healthy, None));
    assert_eq!(state("20.10-unhealthy"), (RunState::Running, Health::Unhealthy, None));
    assert!(!recorded("20.10-unhealthy").checks.is_empty());
}

#[test]
fn what_is_not_there_is_absent_and_not_zero() {
    let c = recorded("20.10-nolimit").container;
    assert_eq!(c.limits, Limits::default());
    let c = recorded("20.10-created").container;
    assert_eq!((c.pid, c.started_at), (None, None));
    let bare = made(json!({}));
    assert_eq!(bare.container.limits, Limits::default());
    assert_eq!((bare.container.pid, bare.created), (None, None));
}

#[test]
fn the_network_of_the_host_needs_no_published_port() {
    assert!(recorded("20.10-hostnet").host_network);
    assert!(!recorded("20.10-nettysrv").host_network);
}

#[test]
fn cores_come_from_nano_cpus_else_the_quota_else_the_cpu_set() {
    let cpus = |host: serde_json::Value| made(json!({ "HostConfig": host })).container.limits.cpus;
    assert_eq!(cpus(json!({"NanoCpus": 1_500_000_000_i64, "CpuQuota": 1})), Some(1.5));
    assert_eq!(cpus(json!({"CpuQuota": 50_000, "CpuPeriod": 200_000})), Some(0.25));
    assert_eq!(cpus(json!({"CpuQuota": 50_000, "CpuPeriod": 0})), Some(0.5));
    assert_eq!(cpus(json!({"CpuQuota": -1, "CpusetCpus": "0-1,3"})), Some(3.0));
    assert_eq!(cpus(json!({"CpusetCpus": "nonsense"})), None);
    assert_eq!(cpus(json!({"CpusetCpus": "3-1"})), None);
}

#[test]
fn published_ports_are_reachable_addresses() {
    let ports = made(json!({"NetworkSettings": {"Ports": {
        "8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}],
        "80/tcp": [{"HostIp": "::", "HostPort": "8081"}, {"HostIp": "0.0.0.0", "HostPort": "8080"}],
        "443/tcp": [{"HostIp": "::1", "HostPort": "8443"}],
        "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}],
        "9000/tcp": null,
        "9001/tcp": [{"HostIp": "", "HostPort": ""}]
    }}}))
    .container
    .ports;
    assert_eq!(ports.get(&8000).map(String::as_str), Some("127.0.0.1:32768"));
    assert_eq!(ports.get(&443).map(String::as_str), Some("[::1]:8443"));
    assert!(ports.get(&80).is_some_and(|a| a.starts_with("127.0.0.1:")), "{ports:?}");
    assert_eq!(ports.len(), 3, "{ports:?}");
}

#[test]
fn what_engines_say_about_themselves_is_read() {
    for name in ["20.10", "25", "28", "29", "29-at-1.40"] {
        let path = format!("{}/tests/fixtures/engine/{name}-info.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("a recording");
        let info: bollard::models::SystemInfo =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(info.id.is_some() && info.ncpu.is_some(), "{name}");
    }
}
