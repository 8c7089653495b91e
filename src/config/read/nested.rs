//! Tables within a table being read: one, a list of them, or one for each name that the user
//! chose.

use std::collections::BTreeMap;

use super::problem::Place;
use super::range::ANY;
use super::section::Section;
use super::tree::{Node, Value};

impl<'a> Section<'a> {
    /// A table below this one. It is read even when absent, for its defaults.
    pub(super) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Section<'a>) -> T) -> T {
        let path = self.key(key);
        let section = match self.find(key) {
            Some(node) => match &node.value {
                Value::Table(table) => {
                    Section::new(Some(table), self.key_place(key), path, self.log)
                }
                _ => {
                    let what = format!("expected a table, found {}", node.kind());
                    let remedy = format!("write [{path}] and its keys below");
                    self.log.add(&node.place, &path, what, remedy);
                    Section::new(None, node.place.clone(), path, self.log)
                }
            },
            None => Section::new(None, self.place.clone(), path, self.log),
        };
        section.finished(read)
    }

    fn key_place(&self, key: &str) -> Place {
        let place = self.table.and_then(|table| table.get(key));
        place.map_or(self.place.clone(), |(place, _)| place.clone())
    }

    /// A list of tables below this one: `[[key]]`.
    pub(super) fn sections<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&Section<'a>) -> T,
    ) -> Option<Vec<T>> {
        let node = self.find(key)?;
        let Value::List(items) = &node.value else {
            let what = format!("expected a list of tables, found {}", node.kind());
            let remedy = format!("write [[{}]] and its keys below, once for each", self.key(key));
            self.log.add(&self.key_place(key), &self.key(key), what, remedy);
            return None;
        };
        let read_item = |(index, item): (usize, &'a Node)| {
            let path = format!("{}#{}", self.key(key), index + 1);
            self.item(item, path).map(|section| section.finished(&mut read))
        };
        Some(items.iter().enumerate().filter_map(read_item).collect())
    }

    /// One element of a list as a table.
    pub(super) fn item(&self, item: &'a Node, path: String) -> Option<Section<'a>> {
        if let Value::Table(table) = &item.value {
            return Some(Section::new(Some(table), item.place.clone(), path, self.log));
        }
        let what = format!("expected a table, found {}", item.shown());
        self.log.add(&item.place, &path, what, "write { key = value, ... }");
        None
    }

    /// Tables by name below this one: `[key.NAME]`.
    pub(super) fn named<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&Section<'a>) -> T,
    ) -> BTreeMap<String, T> {
        let names = self.section(key, |section| {
            let names = section.table.into_iter().flatten();
            let found: Vec<_> = names.map(|(name, (place, node))| (name, place, node)).collect();
            section.all_known();
            found
        });
        let mut map = BTreeMap::new();
        for (name, place, node) in names {
            let path = format!("{}.{name}", self.key(key));
            match &node.value {
                Value::Table(table) => {
                    let section = Section::new(Some(table), place.clone(), path, self.log);
                    map.insert(name.clone(), section.finished(&mut read));
                }
                _ => {
                    let what = format!("expected a table, found {}", node.kind());
                    let remedy = format!("write [{path}] and its keys below");
                    self.log.add(place, &path, what, remedy);
                }
            }
        }
        map
    }

    /// Names and values of all keys, where the user chooses the keys.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
        self.all_known();
        let table = self.table.into_iter().flatten();
        table.map(|(name, (_, node))| (name.as_str(), node))
    }

    /// Numbers by names that the user chooses.
    pub(super) fn numbers(&self, key: &'static str) -> BTreeMap<String, f64> {
        self.section(key, |section| {
            let read = |(name, node): (&'a str, &'a Node)| {
                let value = section.number_of(name, node, ANY, 0.8)?;
                Some((name.to_string(), value))
            };
            section.entries().filter_map(read).collect()
        })
    }
}
