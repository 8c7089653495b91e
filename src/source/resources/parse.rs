//! Text of the kernel and answers of the engine, as far as they tell of resources.

use serde::Deserialize;

/// Sockets in use: the first line of `/proc/PID/net/sockstat`, `sockets: used 17`.
#[must_use]
pub fn sockets(sockstat: &str) -> Option<u64> {
    let rest = sockstat.lines().find_map(|line| line.strip_prefix("sockets:"))?;
    let mut words = rest.split_whitespace();
    (words.next()? == "used").then_some(())?;
    words.next()?.parse().ok()
}

/// Most files that a process may open: the soft limit of `/proc/PID/limits`.
#[must_use]
pub fn most_files(limits: &str) -> Option<u64> {
    let rest = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The processes that a `cgroup.procs` lists. Zero stands for one that cannot be seen from here.
#[must_use]
pub fn processes(procs: &str) -> Vec<i32> {
    procs.lines().filter_map(|line| line.trim().parse().ok()).filter(|pid| *pid > 0).collect()
}

/// Where a container's files lie, by the engine's inspect answer. Absent keys are absent places.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Inspect {
    #[serde(rename = "LogPath")]
    log_path: Option<String>,
    #[serde(rename = "GraphDriver")]
    graph_driver: Option<GraphDriver>,
    #[serde(rename = "Mounts")]
    mounts: Option<Vec<Mount>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
struct GraphDriver {
    #[serde(rename = "Data")]
    data: Option<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
struct Mount {
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(rename = "Source")]
    source: Option<String>,
    #[serde(rename = "RW")]
    writable: Option<bool>,
}

/// Places on the engine's machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// The upper directory of an overlay: what the container wrote over its image.
    pub layer: Option<String>,
    /// Volumes that it mounts writable. Bind mounts are the user's own folders and are left out.
    pub volumes: Vec<String>,
    /// The json-file log.
    pub log: Option<String>,
}

impl Inspect {
    /// The places that it names. Only absolute paths are places.
    #[must_use]
    pub fn places(&self) -> Places {
        let absolute = |path: &String| path.starts_with('/');
        let data = self.graph_driver.as_ref().and_then(|driver| driver.data.as_ref());
        let upper = data.and_then(|data| data.get("UpperDir")).and_then(|v| v.as_str());
        let mounts = self.mounts.iter().flatten();
        Places {
            layer: upper.map(str::to_owned).filter(absolute),
            volumes: mounts
                .filter(|m| m.kind.as_deref() == Some("volume") && m.writable == Some(true))
                .filter_map(|m| m.source.clone())
                .filter(absolute)
                .collect(),
            log: self.log_path.clone().filter(absolute),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sockets_are_the_used_ones() {
        let text = "sockets: used 286\nTCP: inuse 5 orphan 0 tw 2 alloc 9 mem 1\n";
        assert_eq!(sockets(text), Some(286));
        for wrong in ["", "sockets:", "sockets: free 3", "sockets: used many"] {
            assert_eq!(sockets(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn most_files_is_the_soft_limit_and_none_where_there_is_no_limit() {
        let line = |soft: &str| {
            format!("Limit  Soft Limit  Hard Limit  Units\nMax open files   {soft}   4096  files\n")
        };
        assert_eq!(most_files(&line("1024")), Some(1024));
        assert_eq!(most_files(&line("unlimited")), None);
        assert_eq!(most_files(""), None);
    }

    #[test]
    fn processes_of_another_namespace_are_left_out() {
        assert_eq!(processes("12\n0\n 7 \nx\n"), [12, 7]);
    }

    #[test]
    fn an_inspect_answer_names_layer_volumes_and_log() {
        let text = r#"{"LogPath":"/var/lib/docker/containers/ab/ab-json.log",
            "GraphDriver":{"Name":"overlay2","Data":{"UpperDir":"/var/lib/docker/overlay2/x/diff"}},
            "Mounts":[{"Type":"volume","Source":"/var/lib/docker/volumes/v/_data","RW":true},
                      {"Type":"volume","Source":"/var/lib/docker/volumes/r/_data","RW":false},
                      {"Type":"bind","Source":"/home/me","RW":true}]}"#;
        let inspect: Inspect = serde_json::from_str(text).expect("inspect");
        let places = inspect.places();
        assert_eq!(places.layer.as_deref(), Some("/var/lib/docker/overlay2/x/diff"));
        assert_eq!(places.volumes, ["/var/lib/docker/volumes/v/_data"]);
        assert!(places.log.is_some());
        let bare: Inspect =
            serde_json::from_str(r#"{"LogPath":"","GraphDriver":{"Data":null},"Mounts":null}"#)
                .expect("inspect");
        assert_eq!(bare.places(), Places::default());
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in ".{0,200}") {
            let _ = (sockets(&text), most_files(&text));
            prop_assert!(processes(&text).iter().all(|pid| *pid > 0));
        }
    }
}
