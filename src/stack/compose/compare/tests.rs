//! Recordings of what every tool made of what it printed: no difference. And what was really lost.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::stack::engine::inspected;

/// What a tool printed and made.
#[derive(Deserialize)]
struct Recorded {
    version: String,
    case: String,
    config: String,
    containers: Vec<Value>,
    networks: Vec<Value>,
    volumes: Vec<Value>,
}

fn recordings() -> Vec<Recorded> {
    let path = format!("{}/tests/fixtures/compose/made.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a recording");
    text.lines().map(|line| serde_json::from_str(line).expect("a recording")).collect()
}

fn container(value: &Value) -> Inspected {
    inspected(serde_json::from_value(value.clone()).expect("an answer"), "127.0.0.1")
}

fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

fn options(value: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(value["Options"].clone()).unwrap_or_default()
}

fn network(value: &Value) -> NetworkFound {
    NetworkFound {
        name: text(value, "Name").expect("a name"),
        labels: BTreeMap::new(),
        driver: text(value, "Driver"),
        internal: value["Internal"].as_bool(),
        subnets: serde_json::from_value(value["Subnets"].clone()).unwrap_or_default(),
        options: options(value),
    }
}

fn volume(value: &Value) -> VolumeFound {
    VolumeFound {
        name: text(value, "Name").expect("a name"),
        labels: BTreeMap::new(),
        driver: text(value, "Driver"),
        options: options(value),
    }
}

fn compare(
    config: &str,
    containers: &[Value],
    networks: &[Value],
    volumes: &[Value],
) -> Vec<String> {
    let containers: Vec<_> = containers.iter().map(container).collect();
    let networks: Vec<_> = networks.iter().map(network).collect();
    let volumes: Vec<_> = volumes.iter().map(volume).collect();
    let there = There { containers: &containers, networks: &networks, volumes: &volumes };
    let file = ProjectFile::parse(config).expect("a project");
    let mark = |d: &Difference| format!("{}{d}", if d.grave { "" } else { "(" });
    differences(&file, "demo", true, there).iter().map(mark).collect()
}

#[test]
fn what_every_tool_made_of_its_files_is_what_it_printed_of_them() {
    let mut compared = 0;
    for r in recordings() {
        let found = compare(&r.config, &r.containers, &r.networks, &r.volumes);
        assert_eq!(found, Vec::<String>::new(), "{} {}", r.version, r.case);
        compared += r.containers.len();
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn a_recorded_mount_network_or_limit_that_is_gone_is_grave() {
    for r in recordings().iter().filter(|r| r.case == "demo-01-up") {
        let with = |change: fn(&mut Value)| {
            let mut containers = r.containers.clone();
            containers.iter_mut().for_each(change);
            compare(&r.config, &containers, &r.networks, &r.volumes)
        };
        let found = with(|c| {
            if let Some(mount) = c["Mounts"].get_mut(0) {
                mount["Name"] = json!("demo_other");
            }
        });
        let lost = "the volume demo_other mounted at /data; the files say the volume demo_dbdata";
        assert_eq!(found, [format!("demo-database: has {lost}")], "{}", r.version);
        let found = with(|c| c["HostConfig"]["Memory"] = json!(1 << 20));
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("has a memory limit of 1048576 bytes; the files say 67108864"));
        let found = with(|c| c["HostConfig"]["NanoCpus"] = json!(2_000_000_000_i64));
        assert!(found.iter().all(|f| f.contains("has a CPU limit of 2 cores")), "{found:?}");
        let found = with(|c| {
            if let Some(all) = c["NetworkSettings"]["Networks"].as_object_mut() {
                all.remove("demo_front");
            }
        });
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("is not in the network demo_front, but in demo_back"),
            "{found:?}"
        );
        let found = with(|c| {
            c["Config"]["Image"] = json!("other:1");
            c["Config"]["Env"] = json!([]);
            c["Config"]["Cmd"] = json!(["sleep"]);
        });
        assert_eq!(found.len(), 9, "{found:?}");
        assert!(found.iter().all(|f| f.starts_with('(')), "only warnings: {found:?}");
        assert!(!found.iter().any(|f| f.contains("pa ss")), "no value is told: {found:?}");
    }
}

const FILES: &str = "
services:
  web:
    image: busybox
    volumes: ['data:/data', 'named:/named:ro', 'tm:/tm', '/srv/in:/in', '/anon']
    tmpfs: /run
    networks: {back: null, shared: null}
    pids_limit: 50
  side: {network_mode: 'service:web'}
  alone: {network_mode: none}
volumes:
  data: {driver: local, driver_opts: {type: none, o: bind, device: /srv/seed}}
  named: {name: precious_by_hand}
  tm: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}
  near: {driver_opts: {type: none, o: bind, device: ./here}}
networks:
  back: {internal: true, ipam: {config: [{subnet: 10.211.7.0/24}]}}
  shared: {name: shared_by_hand}
";

fn made(service: &str, more: Value) -> Value {
    let mut made = json!({
        "Id": service, "Name": format!("/demo-{service}-1"),
        "Config": {"Image": "docker.io/library/busybox:latest",
                   "Labels": {"com.docker.compose.service": service,
                              "com.docker.compose.project": "demo",
                              "com.docker.compose.container-number": "1"}},
    });
    for (key, value) in more.as_object().expect("a mapping") {
        made[key] = value.clone();
    }
    made
}

fn as_written() -> (Vec<Value>, Vec<Value>, Vec<Value>) {
    let volume = |name: &str, at: &str, rw: bool| json!({"Type": "volume", "Name": name, "Source": "/var/lib/x", "Destination": at, "RW": rw});
    let web = made(
        "web",
        json!({
            "HostConfig": {"Tmpfs": {"/run": ""}, "PidsLimit": 50},
            "Mounts": [
                volume("demo_data", "/data", true),
                volume("precious_by_hand", "/named", false),
                volume("demo_tm", "/tm", true),
                volume("0123", "/anon", true),
                volume("4567", "/of-the-image", true),
                {"Type": "bind", "Source": "/host_mnt/srv/in", "Destination": "/in", "RW": true},
            ],
            "NetworkSettings": {"Networks": {"demo_back": {}, "shared_by_hand": {}, "by_hand": {}}},
        }),
    );
    let side = made("side", json!({"HostConfig": {"NetworkMode": "container:web"}}));
    let alone = made("alone", json!({"HostConfig": {"NetworkMode": "none"}}));
    let networks = vec![
        json!({"Name": "demo_back", "Internal": true, "Subnets": ["10.211.7.0/24"]}),
        json!({"Name": "shared_by_hand", "Internal": false, "Subnets": ["172.18.0.0/16"]}),
    ];
    let volumes = vec![
        json!({"Name": "demo_data", "Driver": "local",
               "Options": {"type": "none", "o": "bind", "device": "/srv/seed"}}),
        json!({"Name": "precious_by_hand", "Driver": "local"}),
        json!({"Name": "demo_tm", "Driver": "local",
               "Options": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}),
        json!({"Name": "demo_near", "Driver": "local",
               "Options": {"type": "none", "o": "bind", "device": "/p/here"}}),
    ];
    (vec![web, side, alone], networks, volumes)
}

#[test]
fn what_is_as_written_has_no_difference_whatever_else_is_there() {
    let (containers, networks, volumes) = as_written();
    assert_eq!(compare(FILES, &containers, &networks, &volumes), Vec::<String>::new());
}

#[test]
fn options_that_a_tool_dropped_are_named_without_their_values() {
    let (mut containers, mut networks, mut volumes) = as_written();
    networks[0] = json!({"Name": "demo_back", "Internal": false, "Subnets": ["172.19.0.0/16"]});
    for volume in &mut volumes {
        volume["Options"] = json!({});
    }
    containers[0]["Mounts"][1]["Name"] = json!("demo_named");
    containers[0]["Mounts"][1]["RW"] = json!(true);
    containers[0]["NetworkSettings"]["Networks"] = json!({"demo_back": {}, "demo_shared": {}});
    let found = compare(FILES, &containers, &networks, &volumes);
    let expected = [
        "network demo_back: is open; the files say internal",
        "network demo_back: has the subnet 172.19.0.0/16; the files say 10.211.7.0/24",
        "volume demo_data: has other driver_opts than the files say: device, o, type",
        "volume demo_tm: has other driver_opts than the files say: device, o, type",
        "volume demo_near: has other driver_opts than the files say: o, type",
        "web: has the volume demo_named mounted at /named; the files say the volume \
         precious_by_hand",
        "web: is not in the network shared_by_hand, but in demo_back, demo_shared",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_mount_of_another_kind_a_write_and_another_s_network_are_named() {
    let (mut containers, networks, volumes) = as_written();
    let mounts = &mut containers[0]["Mounts"];
    mounts[1]["RW"] = json!(true);
    mounts[5] = json!({"Type": "volume", "Name": "0815", "Destination": "/in", "RW": true});
    containers[0]["HostConfig"] = json!({"PidsLimit": 0});
    containers[1]["HostConfig"]["NetworkMode"] = json!("demo_default");
    containers[2]["HostConfig"]["NetworkMode"] = json!("host");
    let expected = [
        "web: may write to /named; the files say read-only",
        "web: has the volume 0815 mounted at /in; the files say the path /srv/in",
        "web: has nothing mounted at /run; the files say memory (tmpfs)",
        "web: has no limit of processes; the files say 50",
        "side: uses the network of demo_default; the files say service:web",
        "alone: uses the network of host; the files say none",
    ];
    assert_eq!(compare(FILES, &containers, &networks, &volumes), expected);
}

#[test]
fn what_an_engine_does_not_tell_is_not_compared() {
    let bare = made("web", json!({"NetworkSettings": {"Networks": {}}}));
    let files =
        "services:\n  web: {image: busybox, networks: {back: null}}\nnetworks:\n  back: {}\n";
    assert_eq!(compare(files, &[bare], &[], &[]), Vec::<String>::new());
    // Containers of `run` have their own command and mounts.
    let mut once = made("web", json!({}));
    once["Config"]["Labels"]["com.docker.compose.oneoff"] = json!("True");
    let files = "services:\n  web: {volumes: ['/srv:/x']}\n";
    assert_eq!(compare(files, &[once], &[], &[]), Vec::<String>::new());
}

#[test]
fn subnets_and_images_are_the_same_in_every_spelling() {
    assert_eq!(subnet("10.0.0.7/24"), subnet("10.0.0.0/24"));
    assert_eq!(subnet("2001:db8:0::/64"), subnet("2001:db8::/64"));
    assert_ne!(subnet("10.0.0.0/24"), subnet("10.0.0.0/25"));
    assert!(subnet("0.0.0.0/0").is_some());
    assert_eq!((subnet("10.0.0.0/33"), subnet("x")), (None, None));
    assert_eq!(reference("busybox"), reference("docker.io/library/busybox:latest"));
    assert_ne!(reference("busybox:1"), reference("busybox"));
    assert_eq!(reference("host:5000/x"), "host:5000/x:latest");
    assert!(same_path("/var/run/docker.sock", Some("/run/host-services/docker.proxy.sock")));
    assert!(same_path("/a/../b", Some("/b")) && !same_path("/a", Some("/b")));
}
