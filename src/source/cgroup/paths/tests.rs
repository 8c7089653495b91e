//! Hosts of every kind, as text.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

const ID: &str = "3c06f19d67ce64ca7f38af41d123c994cec8497b7ca2a74a756a1a0b004112ae";
const V2: &str =
    "30 20 0:25 / /sys/fs/cgroup rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
    32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n\
    35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
    36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n\
    40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";
const UNIFIED: &str = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

fn usual() -> &'static Path {
    Path::new("/sys/fs/cgroup")
}

fn paths(mountinfo: &str, membership: &str) -> Vec<PathBuf> {
    let mounts = Mounts::parse(mountinfo, usual());
    let layout = Layout::find(&mounts, &Membership::parse(membership), &Membership::default(), ID);
    layout.files().into_iter().map(|(path, _)| path).collect()
}

#[test]
fn version_2_is_found_under_both_drivers_and_a_parent_of_its_own() {
    for group in [
        format!("/docker/{ID}"),
        format!("/system.slice/docker-{ID}.scope"),
        format!("/ci.slice/ci-night.slice/docker-{ID}.scope"),
        format!("/user.slice/user-1000.slice/user@1000.service/app.slice/docker-{ID}.scope"),
    ] {
        let files = paths(V2, &format!("0::{group}\n"));
        let first = PathBuf::from(format!("/sys/fs/cgroup{group}/cpu.stat"));
        assert_eq!(files.first(), Some(&first));
        assert_eq!(files.len(), crate::source::cgroup::v2::FILES.len());
    }
}

#[test]
fn version_1_is_found_where_two_controllers_share_a_mount() {
    let files =
        paths(V1, &format!("4:memory:/fx/{ID}\n2:cpu,cpuacct:/fx/{ID}\n1:name=systemd:/fx/{ID}\n"));
    let dir = format!("/sys/fs/cgroup/cpu,cpuacct/fx/{ID}");
    assert!(files.contains(&PathBuf::from(format!("{dir}/cpuacct.usage"))));
    assert!(files.contains(&PathBuf::from(format!("{dir}/cpu.stat"))));
    assert!(!files.iter().any(|f| f.ends_with("pids.current")));
}

#[test]
fn a_hybrid_host_takes_each_controller_where_it_is_and_pressure_from_version_2() {
    let mountinfo = format!("{V1}{UNIFIED}");
    let files = paths(
        &mountinfo,
        &format!("4:memory:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n0::/docker/{ID}\n"),
    );
    let unified = PathBuf::from(format!("/sys/fs/cgroup/unified/docker/{ID}"));
    assert!(files.contains(&unified.join("cpu.pressure")));
    assert!(files.contains(&unified.join("pids.current")));
    assert!(!files.contains(&unified.join("memory.current")));
    assert_eq!(Mounts::parse(&mountinfo, usual()).version(), "hybrid");
}

#[test]
fn a_process_below_the_containers_group_still_means_the_container() {
    let files = paths(V2, &format!("0::/docker/{ID}/init.scope\n"));
    let expected = PathBuf::from(format!("/sys/fs/cgroup/docker/{ID}/cpu.stat"));
    assert_eq!(files.first(), Some(&expected));
}

#[test]
fn the_root_group_is_nobodys_own() {
    assert!(paths(V2, "0::/\n").is_empty());
    assert!(paths(V1, "4:memory:/\n").is_empty());
}

#[test]
fn a_group_outside_the_namespace_is_not_guessed_at() {
    assert!(paths(V2, "0::/../other\n").is_empty());
}

#[test]
fn a_mount_of_a_part_of_the_hierarchy_is_taken_off_the_path() {
    let part = "30 20 0:25 /docker /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    let files = paths(part, &format!("0::/docker/{ID}\n"));
    assert_eq!(files.first(), Some(&PathBuf::from(format!("/sys/fs/cgroup/{ID}/cpu.stat"))));
    assert!(paths(part, "0::/docker-other/x\n").is_empty());
}

#[test]
fn a_hosts_file_systems_are_found_through_a_folder_of_theirs() {
    let mounts = Mounts::parse(V2, Path::new("/host/cgroup"));
    let layout =
        Layout::find(&mounts, &Membership::parse("0::/docker/x\n"), &Membership::default(), "x");
    assert_eq!(layout.identity(), Some(Path::new("/host/cgroup/docker/x")));
    // A mount that really lies under that folder is nearer than the usual place.
    let both = format!("{V2}31 20 0:26 / /host/cgroup rw - cgroup2 cgroup2 rw\n");
    assert_eq!(
        Layout::find(
            &Mounts::parse(&both, Path::new("/host/cgroup")),
            &Membership::parse("0::/docker/x\n"),
            &Membership::default(),
            "x"
        )
        .identity(),
        Some(Path::new("/host/cgroup/docker/x"))
    );
}

#[test]
fn a_group_that_the_runner_is_in_too_is_nobodys() {
    let mounts = Mounts::parse(&format!("{V1}{UNIFIED}"), usual());
    let own = Membership::parse("4:memory:/ci\n2:cpu,cpuacct:/ci\n0::/ci.scope\n");
    let target = Membership::parse("4:memory:/ci/web\n2:cpu,cpuacct:/ci\n0::/ci.scope\n");
    let layout = Layout::find(&mounts, &target, &own, "process-web-1");
    let folders: std::collections::BTreeSet<_> =
        layout.files().iter().filter_map(|(path, _)| path.parent().map(Path::to_owned)).collect();
    assert_eq!(
        folders.into_iter().collect::<Vec<_>>(),
        [Path::new("/sys/fs/cgroup/memory/ci/web")]
    );
}

#[test]
fn a_space_in_a_mount_point_is_unescaped() {
    let mounts = Mounts::parse(
        "30 20 0:25 / /sys/fs/cgroup/my\\040groups rw - cgroup2 cgroup2 rw\n",
        usual(),
    );
    let layout = Layout::find(&mounts, &Membership::parse("0::/a\n"), &Membership::default(), "");
    assert_eq!(layout.identity(), Some(Path::new("/sys/fs/cgroup/my groups/a")));
}

proptest! {
    #[test]
    fn no_table_and_no_membership_makes_the_search_panic(
        mountinfo in "([0-9]+ [0-9]+ 0:1 \\PC{0,8} \\PC{0,12} rw - cgroup2? \\PC{0,8} \\PC{0,8}\n|\\PC{0,40}\n){0,4}",
        membership in "([0-9]:[a-z,]{0,8}:\\PC{0,20}\n|\\PC{0,20}\n){0,4}",
        id in "\\PC{0,16}",
    ) {
        let mounts = Mounts::parse(&mountinfo, usual());
        let _ = Layout::find(&mounts, &Membership::parse(&membership), &Membership::default(), &id).files();
    }
}
