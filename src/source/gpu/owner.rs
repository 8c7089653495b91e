//! Whose process a pid is, from `/proc/PID/cgroup`.

/// Shortest container id that is looked for; engines' ids have 64 digits, and a short word would
/// be found in the names of other groups.
const SHORTEST_ID: usize = 12;

/// The container whose control group a process is in: an index into `ids`.
///
/// `text` is `/proc/PID/cgroup`, on cgroup v1 a line a controller, on v2 one line. A group is a
/// container's when a part of its path is the id, with whatever the engine or systemd puts around
/// it (`/docker/ID`, `docker-ID.scope`, `libpod-ID.scope`, `cri-containerd-ID.scope`). Groups that
/// the container makes below its own belong to it; of nested containers the innermost known one
/// counts.
#[must_use]
pub fn of_cgroup<'a>(text: &str, ids: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
    text.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        path.rsplit('/').find_map(|part| ids.clone().position(|id| is_group_of(part, id)))
    })
}

fn is_group_of(part: &str, id: &str) -> bool {
    if id.len() < SHORTEST_ID {
        return false;
    }
    let name = part.strip_suffix(".scope").unwrap_or(part);
    name.strip_suffix(id).is_some_and(|before| before.is_empty() || before.ends_with('-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn of(text: &str) -> Option<usize> {
        of_cgroup(text, [A, B].into_iter())
    }

    #[test]
    fn every_way_to_write_a_container_s_group_is_known() {
        for (text, expected) in [
            (format!("0::/system.slice/docker-{B}.scope\n"), Some(1)),
            (format!("0::/docker/{A}\n"), Some(0)),
            (format!("12:memory:/docker/{B}\n11:cpu,cpuacct:/docker/{B}\n"), Some(1)),
            (format!("12:pids:/user.slice\n11:memory:/docker/{A}\n"), Some(0)),
            (format!("0::/machine.slice/libpod-{A}.scope/container\n"), Some(0)),
            (format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{B}.scope\n"), Some(1)),
            // A container within a container: the inner one, where it is known.
            (format!("0::/docker/{A}/docker/{B}\n"), Some(1)),
            ("0::/user.slice/user-1000.slice/session-2.scope\n".to_string(), None),
            (format!("0::/docker/{A}x\n"), None),
            ("0::/\n".to_string(), None),
            (String::new(), None),
            ("nonsense".to_string(), None),
        ] {
            assert_eq!(of(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_short_id_owns_nothing() {
        assert_eq!(of_cgroup("0::/docker/pid-7\n", ["pid-7"].into_iter()), None);
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in any::<String>(), id in any::<String>()) {
            let _ = of_cgroup(&text, [id.as_str()].into_iter());
        }
    }
}
