//! `limits.compose.yml`: the limits that fit, as a file that goes behind a stack's own.

use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use crate::analysis::leak::Verdict;
use crate::analysis::{Analysis, ContainerAnalysis, Dataset};
use crate::outside;
use crate::tell::clean;

/// The override file; none where no container is a compose service. Replicas of a service get the
/// largest of their limits.
#[must_use]
pub fn text(data: &Dataset, analysis: &Analysis) -> Option<String> {
    let mut services: Vec<Service> = Vec::new();
    for container in &analysis.containers {
        let known = data.containers.iter().find(|c| c.name == container.name);
        let Some(name) = known.and_then(|c| c.service.clone()) else { continue };
        match services.iter_mut().find(|service| service.name == name) {
            Some(service) => service.add(container),
            None => services.push(Service::new(name, container)),
        }
    }
    services.retain(|s| s.memory_mb().is_some() || s.cpus.is_some() || s.more_than_mb.is_some());
    if services.iter().all(|service| service.is_empty()) {
        return None;
    }
    let mut out = format!(
        "{HEAD}{} measured under load: the 99th percentile with a fifth of the\n\
         # limit to spare. Use it behind your own file: docker compose -f compose.yml -f limits.compose.yml up\n\
         # Where your file sets mem_limit or cpus, change those instead: compose refuses both.\n\
         services:\n",
        one_line(&analysis.test_id)
    );
    for service in &services {
        service.write(&mut out);
    }
    Some(out)
}

/// Begins the file.
const HEAD: &str = "# Limits that fit what run ";

/// Whether a file was written by [`text`]'s caller, and is not somebody's own.
#[must_use]
pub fn is_ours(path: &Path) -> bool {
    let mut start = Vec::new();
    let file = outside::open(path).map(|file| file.take(HEAD.len() as u64));
    file.and_then(|mut file| file.read_to_end(&mut start)).is_ok() && start == HEAD.as_bytes()
}

struct Service {
    name: String,
    memory_mb: Option<u64>,
    /// A limit at which it was OOM-killed: it needs more, by how much was not measured.
    more_than_mb: Option<f64>,
    cpus: Option<f64>,
    notes: Vec<&'static str>,
}

impl Service {
    fn new(name: String, container: &ContainerAnalysis) -> Service {
        let mut service =
            Service { name, memory_mb: None, more_than_mb: None, cpus: None, notes: Vec::new() };
        service.add(container);
        service
    }

    fn add(&mut self, container: &ContainerAnalysis) {
        let suggested = container.suggested;
        self.memory_mb = self.memory_mb.max(suggested.memory_mb);
        let larger = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        self.more_than_mb = larger(self.more_than_mb, suggested.more_than_mb);
        self.cpus = larger(self.cpus, suggested.cpus);
        let leaks = container.leak.as_ref().is_some_and(|l| l.verdict == Verdict::Leak);
        if leaks {
            self.note("it leaks: no memory limit fits for long");
        }
        if suggested.cpus_at_least {
            self.note("it was throttled: it would use more CPU than this");
        }
    }

    /// The memory limit, where each of its containers showed what it needs.
    fn memory_mb(&self) -> Option<u64> {
        self.memory_mb.filter(|_| self.more_than_mb.is_none())
    }

    /// Nothing of it is known but why.
    fn is_empty(&self) -> bool {
        self.memory_mb().is_none() && self.cpus.is_none()
    }

    fn note(&mut self, note: &'static str) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn write(&self, out: &mut String) {
        // A JSON string is a YAML string, whatever is in it.
        let name = serde_json::to_string(&self.name).unwrap_or_default();
        // A service without a setting is none that compose takes.
        let commented = if self.is_empty() { "# " } else { "" };
        let _ = writeln!(out, "  {commented}{name}:");
        for note in &self.notes {
            let _ = writeln!(out, "    # {note}");
        }
        if let Some(mb) = self.more_than_mb {
            let _ = writeln!(
                out,
                "    # no memory limit: it was OOM-killed at {mb:.0} MB and needs more, by how much was \
                 not measured"
            );
        }
        if self.is_empty() {
            return;
        }
        out.push_str("    deploy:\n      resources:\n        limits:\n");
        if let Some(mb) = self.memory_mb() {
            let _ = writeln!(out, "          memory: {mb}M");
        }
        if let Some(cpus) = self.cpus {
            let _ = writeln!(out, "          cpus: \"{cpus:.2}\"");
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !clean::steers(*c)).collect()
}

#[cfg(test)]
mod tests {
    use crate::analysis::{FindingKind, analyze};
    use crate::model::Container;
    use crate::report::{fixture, words};

    use super::*;

    fn service(name: &str, service: &str) -> Container {
        Container { service: Some(service.into()), ..Container::named(name) }
    }

    fn written(services: &[(&str, &str)]) -> Option<serde_yaml_ng::Value> {
        let mut data = fixture::demo();
        data.containers = services.iter().map(|(name, of)| service(name, of)).collect();
        let analysis = analyze(&data, &fixture::settings(true));
        let text = text(&data, &analysis)?;
        assert!(!text.contains("leaks") || services.iter().any(|(n, _)| *n == "stream-processor"));
        Some(serde_yaml_ng::from_str(&text).expect("YAML"))
    }

    #[test]
    fn each_service_gets_limits_above_what_it_used() {
        let file = written(&[("cache", "cache"), ("stream-processor", "sp: #1")]).expect("a file");
        let limits = |name: &str| &file["services"][name]["deploy"]["resources"]["limits"];
        // 60 MB of cache, and five more of working set in the fixture, with a fifth to spare.
        let memory = limits("cache")["memory"].as_str().expect("memory");
        let mb: u32 = memory.strip_suffix('M').and_then(|n| n.parse().ok()).expect("MB");
        assert!((75..=128).contains(&mb) && mb.is_multiple_of(32), "{memory}");
        let cpus: f64 = limits("sp: #1")["cpus"].as_str().expect("cpus").parse().expect("cores");
        assert!((0.4..0.8).contains(&cpus), "{cpus}");
    }

    #[test]
    fn a_service_that_was_killed_gets_no_memory_limit_but_the_reason() {
        let mut data = fixture::killed();
        let own = "stream-processor";
        data.containers = vec![service(own, own), service("cache", "cache")];
        data.containers[0].limits.memory_bytes = Some(192 * 1024 * 1024);
        let text = text(&data, &analyze(&data, &fixture::settings(false))).expect("a file");
        let file: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).expect("YAML");
        let limits = |name: &str| &file["services"][name]["deploy"]["resources"]["limits"];
        assert!(limits(own)["memory"].is_null(), "{text}");
        assert!(!limits(own)["cpus"].is_null() && !limits("cache")["memory"].is_null(), "{text}");
        assert!(text.contains("# no memory limit: it was OOM-killed at 192 MB"), "{text}");
        let analysis = analyze(&data, &fixture::settings(false));
        let oom = analysis.findings.iter().find(|f| f.kind == FindingKind::Oom).expect("a kill");
        let remedy = words::remedy(&analysis, oom).expect("a remedy");
        assert!(remedy.contains("more than 192 MB, by how much was not measured"), "{remedy}");
        assert!(!remedy.contains("would fit"), "{remedy}");
    }

    #[test]
    fn replicas_share_the_largest_and_a_stack_without_services_has_no_file() {
        let file = written(&[("cache", "x"), ("simulation", "x")]).expect("a file");
        assert_eq!(file["services"].as_mapping().map(|m| m.len()), Some(1));
        assert!(written(&[]).is_none());
    }
}
