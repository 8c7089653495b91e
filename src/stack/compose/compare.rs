//! Whether what the engine made is what the files say. Only what both sides tell in words that mean the
//! same is compared: a difference ends a run, so none may be invented. What the engine has beside it
//! (secrets, volumes of the image, further networks) is no difference.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::file::{ProjectFile, Resource, Service};
use super::wanted::{Mounted, Wanted, WantedMount, path, undoubled};
use crate::stack::engine::{Inspected, MadeMount, NetworkFound, VolumeFound};

/// Label of compose on containers of `run`, which are no service's own.
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// Something that is not as the files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The container, network or volume, and what differs.
    pub what: String,
    /// Another stack would be measured: mounts, networks and limits.
    pub grave: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// What the engine has of a project.
#[derive(Debug, Clone, Copy)]
pub struct There<'a> {
    /// Containers.
    pub containers: &'a [Inspected],
    /// Networks of the project.
    pub networks: &'a [NetworkFound],
    /// Volumes of the project, and those that its files name.
    pub volumes: &'a [VolumeFound],
}

/// Differences between what `file` says of `project` and what is there; the grave ones first.
#[must_use]
pub fn differences(
    file: &ProjectFile,
    project: &str,
    heeds_deploy: bool,
    there: There<'_>,
) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut grave = |whose: &str, what: String| {
        all.push(Difference { what: format!("{whose}: {what}"), grave: true });
    };
    for network in file.networks.iter().filter(|n| !n.external) {
        let name = network.engine_name(project);
        let found: Vec<_> = there.networks.iter().filter(|n| n.name == name).collect();
        if let [found] = found.as_slice() {
            network_differences(&network.definition, found, |w| {
                grave(&format!("network {name}"), w);
            });
        }
    }
    for volume in file.volumes.iter().filter(|v| !v.external) {
        let name = volume.engine_name(project);
        if let Some(found) = there.volumes.iter().find(|v| v.name == name) {
            volume_differences(&volume.definition, found, |w| grave(&format!("volume {name}"), w));
        }
    }
    for found in there.containers {
        let one_off = found.labels.get(ONE_OFF).is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let service = found.container.service.as_ref().filter(|_| !one_off);
        let Some(service) = service.and_then(|s| file.services.iter().find(|f| f.name == *s))
        else {
            continue;
        };
        let name = &found.container.name;
        let of = Of { file, project, service, found };
        of.mounts(|what| grave(name, what));
        of.networks(there.containers, |what| grave(name, what));
        of.limits(heeds_deploy, |what| grave(name, what));
    }
    for found in there.containers {
        let service =
            file.services.iter().find(|s| found.container.service.as_ref() == Some(&s.name));
        for what in service.map_or(Vec::new(), |s| minor(&s.wanted, found)) {
            all.push(Difference {
                what: format!("{}: {what}", found.container.name),
                grave: false,
            });
        }
    }
    all
}

fn network_differences(
    definition: &Map<String, Value>,
    found: &NetworkFound,
    mut differs: impl FnMut(String),
) {
    let internal = definition.get("internal").and_then(Value::as_bool).unwrap_or(false);
    if found.internal.is_some_and(|there| there != internal) {
        differs(match internal {
            true => "is open; the files say internal".to_owned(),
            false => "is internal; the files do not say so".to_owned(),
        });
    }
    let driver = definition.get("driver").and_then(Value::as_str).filter(|d| *d != "default");
    if let (Some(driver), Some(there)) = (driver, &found.driver)
        && driver != there
    {
        differs(format!("has the driver {there}; the files say {driver}"));
    }
    let there: Vec<_> = found.subnets.iter().filter_map(|text| subnet(text)).collect();
    for text in subnets(definition) {
        if subnet(text).is_some_and(|wanted| !there.is_empty() && !there.contains(&wanted)) {
            differs(format!("has the subnet {}; the files say {text}", found.subnets.join(", ")));
        }
    }
    let keys = other_options(definition, &found.options);
    if !keys.is_empty() {
        differs(format!("has other driver_opts than the files say: {}", keys.join(", ")));
    }
}

fn volume_differences(
    definition: &Map<String, Value>,
    found: &VolumeFound,
    mut differs: impl FnMut(String),
) {
    let driver = definition.get("driver").and_then(Value::as_str).filter(|d| *d != "default");
    if let (Some(driver), Some(there)) = (driver, &found.driver)
        && driver != there
    {
        differs(format!("has the driver {there}; the files say {driver}"));
    }
    // Values may hold passwords of a share.
    let keys = other_options(definition, &found.options);
    if !keys.is_empty() {
        differs(format!("has other driver_opts than the files say: {}", keys.join(", ")));
    }
}

/// Keys of `driver_opts` whose values are not there.
fn other_options(definition: &Map<String, Value>, there: &BTreeMap<String, String>) -> Vec<String> {
    let wanted = definition.get("driver_opts").and_then(Value::as_object).into_iter().flatten();
    let differs = |key: &str, value: &Value| {
        let value = match value {
            Value::String(text) => undoubled(text),
            Value::Number(number) => number.to_string(),
            // Tools spell these in different ways.
            _ => return false,
        };
        // A relative one is meant from a folder that only the tool knows.
        let relative = key == "device" && (value.starts_with(['.', '~']));
        !relative && there.get(key).is_none_or(|there| path(there) != path(&value))
    };
    wanted.filter(|(key, value)| differs(key, value)).map(|(key, _)| key.clone()).collect()
}

fn subnets(definition: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let all = definition.get("ipam").and_then(|i| i.get("config")).and_then(Value::as_array);
    all.into_iter().flatten().filter_map(|c| c.get("subnet")?.as_str())
}

/// A subnet however it is spelt; `None` for what is none.
fn subnet(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/')?;
    let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
    // The part of the host is no part of it.
    Some(match address {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits.into())?).unwrap_or(0);
            (IpAddr::V4((ip.to_bits() & mask).into()), bits)
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128_u32.checked_sub(bits.into())?).unwrap_or(0);
            (IpAddr::V6((ip.to_bits() & mask).into()), bits)
        }
    })
}

/// One container against its service.
struct Of<'a> {
    file: &'a ProjectFile,
    project: &'a str,
    service: &'a Service,
    found: &'a Inspected,
}

impl Of<'_> {
    fn mounts(&self, mut differs: impl FnMut(String)) {
        for wanted in &self.service.wanted.mounts {
            let there = self.found.made.mounts.iter().find(|m| path(&m.target) == wanted.target);
            if let Some(what) = self.mount(wanted, there) {
                differs(what);
            }
        }
    }

    fn mount(&self, wanted: &WantedMount, there: Option<&MadeMount>) -> Option<String> {
        let volume = match &wanted.what {
            // A key that the files do not list is an old file's name of an engine's volume.
            Mounted::Volume(key) => resource(&self.file.volumes, key, self.project),
            _ => None,
        };
        let says = match (&wanted.what, &volume) {
            (Mounted::Volume(_), Some(name)) => format!("the volume {name}"),
            (Mounted::Volume(key), None) => format!("a volume {key}"),
            (Mounted::Anonymous, _) => "a volume without a name".to_owned(),
            (Mounted::Bind(source), _) => format!("the path {source}"),
            (Mounted::Tmpfs, _) => "memory (tmpfs)".to_owned(),
        };
        let target = &wanted.target;
        let Some(there) = there else {
            return Some(format!("has nothing mounted at {target}; the files say {says}"));
        };
        let same = match (&wanted.what, there.kind.as_str()) {
            (Mounted::Volume(_), "volume") => match (&volume, &there.name) {
                (Some(wanted), Some(there)) => wanted == there,
                _ => true,
            },
            (Mounted::Anonymous, "volume") | (Mounted::Tmpfs, "tmpfs") => true,
            (Mounted::Bind(wanted), "bind") => same_path(wanted, there.source.as_deref()),
            _ => false,
        };
        if !same {
            return Some(format!("has {} mounted at {target}; the files say {says}", shown(there)));
        }
        match (wanted.writable, there.writable) {
            (Some(false), Some(true)) => {
                Some(format!("may write to {target}; the files say read-only"))
            }
            (Some(true), Some(false)) => {
                Some(format!("may not write to {target}; the files let it"))
            }
            _ => None,
        }
    }

    fn networks(&self, all: &[Inspected], mut differs: impl FnMut(String)) {
        let Wanted { networks, network_mode, .. } = &self.service.wanted;
        let made = &self.found.made;
        if let Some(wanted) = network_mode {
            if let Some(there) = made.network_mode.as_deref()
                && !same_mode(wanted, there, all)
            {
                differs(format!("uses the network of {there}; the files say {wanted}"));
            }
            return;
        }
        // Some engines tell none of a container that has ended.
        let Some(there) = made.networks.as_ref().filter(|names| !names.is_empty()) else {
            return;
        };
        let default = ["default".to_owned()];
        let keys = networks.as_deref().unwrap_or(&default);
        for key in keys {
            let name = resource(&self.file.networks, key, self.project)
                .or_else(|| (key == "default").then(|| format!("{}_default", self.project)));
            if let Some(name) = name.filter(|name| !there.contains(name)) {
                differs(format!("is not in the network {name}, but in {}", there.join(", ")));
            }
        }
    }

    fn limits(&self, heeds_deploy: bool, mut differs: impl FnMut(String)) {
        let Wanted { own, deploy, .. } = &self.service.wanted;
        let wanted = if heeds_deploy { deploy.or(*own) } else { *own };
        let there = &self.found.container.limits;
        // Tools round a fraction of a unit up or down.
        let page = 4096;
        if let Some(bytes) = wanted.memory_bytes
            && there.memory_bytes.is_none_or(|there| there.abs_diff(bytes) >= page)
        {
            let there = there.memory_bytes.map_or("no memory limit".to_owned(), |there| {
                format!("a memory limit of {there} bytes")
            });
            differs(format!("has {there}; the files say {bytes} bytes"));
        }
        if let Some(nano) = wanted.nano_cpus {
            let cpus = nano as f64 / 1e9;
            // A quota counts whole microseconds.
            if there.cpus.is_none_or(|there| (there - cpus).abs() > 0.001 + cpus * 0.001) {
                let there = there.cpus.map_or("no CPU limit".to_owned(), |there| {
                    format!("a CPU limit of {there} cores")
                });
                differs(format!("has {there}; the files say {cpus} cores"));
            }
        }
        if let Some(pids) = wanted.pids
            && there.pids != Some(pids)
        {
            let there = there.pids.map_or("no".to_owned(), |there| there.to_string());
            differs(format!("has {there} limit of processes; the files say {pids}"));
        }
    }
}

/// The engine's name of a network or volume that the files list.
fn resource(all: &[Resource], key: &str, project: &str) -> Option<String> {
    all.iter().find(|r| r.key == key).map(|r| r.engine_name(project))
}

/// Whether a path of the file is the one that the engine tells. Engines in a machine of their own (Docker
/// Desktop) put a folder before it, and another socket in place of theirs; relative and Windows paths are
/// not compared.
fn same_path(wanted: &str, there: Option<&str>) -> bool {
    let comparable = wanted.starts_with('/') && !wanted.ends_with("/docker.sock");
    let Some(there) = there.filter(|_| comparable) else {
        return true;
    };
    let (wanted, there) = (path(wanted), path(there));
    wanted == "/"
        || there == wanted
        || there.ends_with(&wanted)
        || there.ends_with(&cleaned(&wanted))
}

/// A path without `.` and `..`.
fn cleaned(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn same_mode(wanted: &str, there: &str, all: &[Inspected]) -> bool {
    match wanted.split_once(':') {
        Some(("service", service)) => match there.strip_prefix("container:") {
            Some(id) => {
                let of = |f: &&Inspected| f.container.service.as_deref() == Some(service);
                let mut theirs = all.iter().filter(of).peekable();
                theirs.peek().is_none()
                    || theirs.any(|f| f.container.id == id || f.container.engine_name == id)
            }
            None => false,
        },
        Some(("container", _)) => there.starts_with("container:"),
        Some(_) => true,
        None => match wanted {
            "host" | "none" => there == wanted,
            "bridge" => matches!(there, "bridge" | "default"),
            // A network's name.
            _ => true,
        },
    }
}

fn shown(mount: &MadeMount) -> String {
    match (mount.kind.as_str(), &mount.name, &mount.source) {
        ("volume", Some(name), _) => format!("the volume {name}"),
        ("bind", _, Some(source)) => format!("the path {source}"),
        ("tmpfs", ..) => "memory (tmpfs)".to_owned(),
        (kind, ..) => format!("a {kind}"),
    }
}

/// What differs and leaves the stack the one that was meant.
fn minor(wanted: &Wanted, found: &Inspected) -> Vec<String> {
    let mut all = Vec::new();
    if let (Some(wanted), Some(there)) = (&wanted.image, &found.container.image)
        && !there.starts_with("sha256:")
        && reference(wanted) != reference(there)
    {
        all.push(format!("runs the image {there}; the files say {wanted}"));
    }
    if let (Some(wanted), Some(there)) = (&wanted.command, &found.made.command)
        && wanted != there
    {
        all.push("runs another command than the files say".to_owned());
    }
    if let Some(there) = &found.made.environment {
        let lacks: Vec<&str> =
            wanted.environment.iter().filter(|n| !there.contains(n)).map(String::as_str).collect();
        if !lacks.is_empty() {
            all.push(format!("lacks variables that the files set: {}", lacks.join(", ")));
        }
    }
    all
}

/// An image's reference with what everybody leaves out.
fn reference(text: &str) -> String {
    let text = text.strip_prefix("docker.io/").unwrap_or(text);
    let text = text.strip_prefix("library/").unwrap_or(text);
    let tagged = text.contains('@') || text.rsplit('/').next().is_some_and(|n| n.contains(':'));
    if tagged { text.to_owned() } else { format!("{text}:latest") }
}

#[cfg(test)]
mod tests;
