//! Compose files read without a tool: where there is none, or where the one there is too old for them.
//! Files are merged, included and extended as compose does it, as far as a starting config needs it;
//! what could not be followed is told.

use std::path::{Path, PathBuf};

use serde_yaml_ng::value::TaggedValue;
use serde_yaml_ng::{Mapping, Value};

use super::ProjectFile;
use super::file::scalar;
use crate::outside;

/// How deep files may include and services may extend each other: what goes round ends here.
const DEEPEST: usize = 16;
/// Lists that a later file replaces; it adds to all others.
const REPLACED: [&str; 3] = ["command", "entrypoint", "test"];
/// What makes a mapping a compose file, or a part of one.
const SECTIONS: [&str; 6] = ["services", "networks", "volumes", "include", "configs", "secrets"];

/// A project that was read so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawProject {
    /// What the files say.
    pub file: ProjectFile,
    /// What could not be followed, a line each.
    pub gaps: Vec<String>,
}

/// Reads and merges these files. `expanded` puts values in the place of variables.
///
/// # Errors
/// A named file that cannot be read, is no YAML, or is no compose file.
pub fn read(files: &[PathBuf], expanded: &dyn Fn(&str) -> String) -> Result<RawProject, String> {
    let mut reader = Reader { expanded, gaps: Vec::new() };
    let mut whole = Value::Mapping(Mapping::new());
    for path in files {
        let place = |why| format!("{}: {why}", path.display());
        let file = reader.file(path, 0).map_err(place)?;
        if !SECTIONS.iter().any(|section| file.get(section).is_some()) {
            return Err(place("has no services: is it a compose file?".to_owned()));
        }
        merge(&mut whole, file, "");
    }
    Ok(RawProject { file: ProjectFile::of(&untagged(whole))?, gaps: reader.gaps })
}

struct Reader<'a> {
    expanded: &'a dyn Fn(&str) -> String,
    gaps: Vec<String>,
}

impl Reader<'_> {
    /// A file with everything that it includes and its services extend.
    fn file(&mut self, path: &Path, depth: usize) -> Result<Value, String> {
        let mut root = self.plain(path)?;
        if !root.is_mapping() {
            return Err("is no compose file: its top level is not a mapping".to_owned());
        }
        self.extend_all(&mut root, path, depth);
        let mut whole = Value::Mapping(Mapping::new());
        for included in included(root.get("include")) {
            let beside = folder(path).join(&included);
            match self.deeper(&beside, depth) {
                Ok(part) => merge(&mut whole, part, ""),
                Err(why) => self.gaps.push(format!("{included}, which is included: {why}")),
            }
        }
        merge(&mut whole, root, "");
        Ok(whole)
    }

    fn deeper(&mut self, path: &Path, depth: usize) -> Result<Value, String> {
        match depth < DEEPEST {
            true => self.file(path, depth + 1),
            false => Err("files include each other without an end".to_owned()),
        }
    }

    /// A file's YAML: anchors merged, tags applied, variables replaced.
    fn plain(&self, path: &Path) -> Result<Value, String> {
        let cannot = |e: std::io::Error| format!("cannot be read: {e}");
        let text = outside::text(path, outside::MAX_TEXT_BYTES).map_err(cannot)?;
        let mut root: Value =
            serde_yaml_ng::from_str(&text).map_err(|e| format!("is no YAML: {e}"))?;
        root.apply_merge().map_err(|e| format!("has a merge that cannot be applied: {e}"))?;
        self.resolve(&mut root);
        Ok(root)
    }

    /// Variables in every value.
    fn resolve(&self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains('$') => *text = (self.expanded)(text),
            Value::Sequence(list) => list.iter_mut().for_each(|item| self.resolve(item)),
            Value::Mapping(map) => map.values_mut().for_each(|item| self.resolve(item)),
            Value::Tagged(tagged) => self.resolve(&mut tagged.value),
            _ => {}
        }
    }

    fn extend_all(&mut self, root: &mut Value, path: &Path, depth: usize) {
        let names: Vec<String> = root
            .get("services")
            .and_then(Value::as_mapping)
            .map(|services| services.keys().filter_map(scalar).collect())
            .unwrap_or_default();
        for name in names {
            match self.extended(root, path, &name, depth) {
                Ok(Some(service)) => {
                    if let Some(services) = root.get_mut("services").and_then(Value::as_mapping_mut)
                    {
                        services.insert(Value::String(name), service);
                    }
                }
                Ok(None) => {}
                Err(why) => self.gaps.push(format!("what {name} extends: {why}")),
            }
        }
    }

    /// A service with what it extends; `None` where it extends nothing.
    fn extended(
        &mut self,
        root: &Value,
        path: &Path,
        name: &str,
        depth: usize,
    ) -> Result<Option<Value>, String> {
        let own = root.get("services").and_then(|s| s.get(name));
        let Some(own) = own else { return Err(format!("there is no service {name}")) };
        let Some(extends) = own.get("extends") else { return Ok(None) };
        if depth >= DEEPEST {
            return Err("services extend each other without an end".to_owned());
        }
        let base_name = scalar(extends).or_else(|| extends.get("service").and_then(scalar));
        let base_name = base_name.ok_or("no service is named")?;
        let mut base = match extends.get("file").and_then(scalar) {
            None => self.or_plain(root, path, &base_name, depth)?,
            Some(file) => {
                let beside = folder(path).join(&file);
                let other = self.plain(&beside).map_err(|why| format!("{file} {why}"))?;
                self.or_plain(&other, &beside, &base_name, depth)?
            }
        };
        let mut own = own.clone();
        if let Some(own) = own.as_mapping_mut() {
            own.remove("extends");
        }
        merge(&mut base, own, "");
        Ok(Some(base))
    }

    fn or_plain(
        &mut self,
        root: &Value,
        path: &Path,
        name: &str,
        depth: usize,
    ) -> Result<Value, String> {
        if let Some(extended) = self.extended(root, path, name, depth + 1)? {
            return Ok(extended);
        }
        let plain = root.get("services").and_then(|services| services.get(name));
        plain.cloned().ok_or_else(|| format!("there is no service {name}"))
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Paths of `include`: texts, or maps with one path or several.
fn included(include: Option<&Value>) -> Vec<String> {
    let entries = include.and_then(Value::as_sequence).into_iter().flatten();
    entries
        .flat_map(|entry| match entry.get("path") {
            Some(Value::Sequence(paths)) => paths.iter().filter_map(scalar).collect(),
            Some(path) => scalar(path).into_iter().collect(),
            None => scalar(entry).into_iter().collect::<Vec<_>>(),
        })
        .collect()
}

/// Puts a later value over an earlier one: maps and lists grow, everything else is replaced. `!override`
/// replaces, `!reset` takes away. Tags stay: whatever this is laid over later obeys them too.
fn merge(into: &mut Value, later: Value, key: &str) {
    if !matches!(later, Value::Tagged(_)) && matches!(into, Value::Tagged(_)) {
        *into = untagged(std::mem::take(into));
    }
    match (into, later) {
        (Value::Mapping(into), Value::Mapping(later)) => {
            for (key, value) in later {
                let name = scalar(&key).unwrap_or_default();
                match into.get_mut(&key) {
                    Some(earlier) => merge(earlier, value, &name),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (Value::Sequence(into), Value::Sequence(later)) if !REPLACED.contains(&key) => {
            into.extend(later);
        }
        (into, later) => *into = later,
    }
}

/// The value without its tags.
fn untagged(value: Value) -> Value {
    match value {
        Value::Tagged(tagged) => {
            let TaggedValue { value, .. } = *tagged;
            untagged(value)
        }
        Value::Sequence(list) => Value::Sequence(list.into_iter().map(untagged).collect()),
        Value::Mapping(map) => {
            let is_reset = |v: &Value| matches!(v, Value::Tagged(t) if t.tag == "!reset");
            let kept = map.into_iter().filter(|(_, value)| !is_reset(value));
            Value::Mapping(kept.map(|(key, value)| (key, untagged(value))).collect())
        }
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(files: &[(&str, &str)], named: &[&str]) -> Result<RawProject, String> {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(folder(&path)).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        let named: Vec<PathBuf> = named.iter().map(|name| dir.path().join(name)).collect();
        let expanded = |text: &str| text.replace("${PORT:-8080}", "8080");
        read(&named, &expanded).map_err(|e| e.replace(&dir.path().display().to_string(), "DIR"))
    }

    fn names(project: &RawProject) -> Vec<&str> {
        project.file.services.iter().map(|s| s.name.as_str()).collect()
    }

    #[test]
    fn included_files_are_read_and_those_that_cannot_be_are_told() {
        let project = read_all(
            &[
                ("compose.yml", "include:\n  - path: shop/compose.yml\n  - gone.yml\n"),
                ("shop/compose.yml", "include: [more.yml]\nservices: {shop: {image: x}}\n"),
                ("shop/more.yml", "services: {more: {image: x}}\n"),
            ],
            &["compose.yml"],
        )
        .expect("a project");
        assert_eq!(names(&project), ["more", "shop"]);
        assert_eq!(project.gaps.len(), 1);
        assert!(project.gaps[0].starts_with("gone.yml, which is included: cannot be read"));
    }

    #[test]
    fn extended_services_bring_what_they_do_not_say_themselves() {
        let project = read_all(
            &[
                (
                    "compose.yml",
                    "services:\n  worker:\n    extends: {file: base.yml, service: app}\n    ports: \
                     ['18080:${PORT:-8080}']\n  twin: {extends: worker, cpus: 3}\n  lost: {extends: \
                     {file: no.yml, service: x}}\n",
                ),
                (
                    "base.yml",
                    "services:\n  app: {extends: root, cpus: 1.5}\n  root: {mem_limit: 64m, cpus: \
                     1, healthcheck: {test: x}}\n",
                ),
            ],
            &["compose.yml"],
        )
        .expect("a project");
        let worker = &project.file.services[0];
        assert!(worker.limited && worker.has_health_check());
        assert_eq!((worker.cpus, worker.ports[0].inside), (Some(1.5), 8080));
        let twin = &project.file.services[1];
        assert_eq!((twin.cpus, twin.ports.len(), twin.limited), (Some(3.0), 1, true));
        assert!(project.gaps[0].starts_with("what lost extends: no.yml"), "{:?}", project.gaps);
    }

    #[test]
    fn what_goes_round_ends() {
        let project = read_all(
            &[("a.yml", "include: [a.yml]\nservices: {a: {extends: b}, b: {extends: a}}\n")],
            &["a.yml"],
        )
        .expect("a project");
        assert!(project.gaps.iter().any(|gap| gap.contains("without an end")), "{project:?}");
    }

    #[test]
    fn later_files_are_laid_over_earlier_ones() {
        let base = "services:\n  web: {mem_limit: 1g, ports: ['1:1'], command: [a, b]}\n  db: \
                    {ports: ['5:5'], healthcheck: {test: x}}\n";
        let over = "services:\n  web: {cpus: 2, ports: ['2:2']}\n  db: {ports: !override ['6:6'], \
                    healthcheck: !reset null}\n  new: {image: x, ports: !override ['7:7']}\n";
        let project =
            read_all(&[("a.yml", base), ("b.yml", over)], &["a.yml", "b.yml"]).expect("a project");
        let [web, db, new] = project.file.services.as_slice() else { panic!("{project:?}") };
        assert_eq!((web.limited, web.cpus, web.ports.len()), (true, Some(2.0), 2));
        assert_eq!((db.ports.len(), db.ports[0].inside), (1, 6));
        assert!(!db.has_health_check());
        assert_eq!(new.ports.len(), 1);
    }

    #[test]
    fn a_part_without_services_is_a_compose_file_and_other_yaml_is_none() {
        let part = read_all(&[("a.yml", "networks: {x: {external: true}}\n")], &["a.yml"]);
        assert!(part.expect("a part").file.networks[0].external);
        for (text, why) in [
            ("a: [", "is no YAML"),
            ("- a\n", "is no compose file"),
            ("version: '3'\n", "has no services: is it a compose file?"),
        ] {
            let error = read_all(&[("a.yml", text)], &["a.yml"]).expect_err(text);
            assert!(error.starts_with("DIR/a.yml: ") && error.contains(why), "{error}");
        }
    }
}
