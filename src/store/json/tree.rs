//! Whole values as trees, for the small parts of a file.

use serde_json::{Map, Number, Value};

use super::{Cursor, Parsed};

/// Deepest nesting that is followed.
const MAX_DEPTH: u32 = 128;

impl Cursor<'_> {
    /// Any value as a tree. `NaN` and infinities become null.
    pub(crate) fn value(&mut self) -> Parsed<Value> {
        self.tree(0)
    }

    fn tree(&mut self, depth: u32) -> Parsed<Value> {
        if depth > MAX_DEPTH {
            return self.bad("nested too deeply");
        }
        match self.peek()? {
            b'{' => {
                let mut map = Map::new();
                let mut members = self.object()?;
                while let Some(key) = members.key(self)? {
                    map.insert(key.decode().into_owned(), self.tree(depth + 1)?);
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
            b'"' => Ok(Value::String(self.text()?.decode().into_owned())),
            b't' | b'f' => Ok(self.truth()?.map_or(Value::Null, Value::Bool)),
            b'0'..=b'9' | b'-' => self.number_value(),
            b'n' | b'N' | b'I' => self.num().map(|_| Value::Null),
            _ => self.bad("a value was expected"),
        }
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
