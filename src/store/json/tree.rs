//! Whole values as trees, for the small parts of a file.

use serde_json::{Map, Number, Value};

use super::{Cursor, Parsed};

/// Deepest nesting that is followed.
const MAX_DEPTH: u32 = 128;
/// Memory that all trees of one file may take, bytes: three bytes of text can become a map that takes
/// hundreds.
pub(super) const MAX_BYTES: usize = 256 << 20;
/// What a map takes at least, and any other value.
const MAP_BYTES: usize = 640;
const VALUE_BYTES: usize = 64;

impl Cursor<'_> {
    /// Any value as a tree. `NaN` and infinities become null.
    pub(crate) fn value(&mut self) -> Parsed<Value> {
        self.tree(0)
    }

    fn tree(&mut self, depth: u32) -> Parsed<Value> {
        if depth > MAX_DEPTH {
            return self.bad("nested too deeply");
        }
        let least = if self.peek()? == b'{' { MAP_BYTES } else { VALUE_BYTES };
        self.take_room(least)?;
        match self.peek()? {
            b'{' => {
                let mut map = Map::new();
                let mut members = self.object()?;
                while let Some(key) = members.key(self)? {
                    let key = key.decode().into_owned();
                    self.take_room(key.len())?;
                    map.insert(key, self.tree(depth + 1)?);
                }
                Ok(Value::Object(map))
            }
            b'[' => {
                let mut list = Vec::new();
                let mut members = self.array()?;
                while members.element(self)? {
                    list.push(self.tree(depth + 1)?);
                }
                Ok(Value::Array(list))
            }
            b'"' => {
                let text = self.text()?;
                self.take_room(text.raw.len())?;
                Ok(Value::String(text.decode().into_owned()))
            }
            b't' | b'f' => Ok(self.truth()?.map_or(Value::Null, Value::Bool)),
            b'0'..=b'9' | b'-' => self.number_value(),
            b'n' | b'N' | b'I' => self.num().map(|_| Value::Null),
            _ => self.bad("a value was expected"),
        }
    }

    fn take_room(&mut self, bytes: usize) -> Parsed<()> {
        match self.room.checked_sub(bytes) {
            Some(room) => self.room = room,
            None => return self.bad("far more text beside the samples than a run has"),
        }
        Ok(())
    }

    /// Whole numbers stay whole, as serde_json keeps them.
    fn number_value(&mut self) -> Parsed<Value> {
        let start = self.at;
        let Some(value) = self.num()?.value() else {
            return Ok(Value::Null);
        };
        let text = std::str::from_utf8(self.between(start, self.at)).unwrap_or_default();
        if let Ok(whole) = text.parse::<i64>() {
            return Ok(Value::Number(whole.into()));
        }
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
}
