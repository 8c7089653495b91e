//! Promises of the walker over JSON.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn read(text: &str) -> Parsed<Value> {
    Cursor::new(text.as_bytes()).value()
}

#[test]
fn nan_and_infinities_are_absent() {
    let tree = read(r#"{"a":NaN,"b":-Infinity,"c":[Infinity,1e999,-2.5e1]}"#).expect("tree");
    assert_eq!(tree, serde_json::json!({"a":null,"b":null,"c":[null,null,-25.0]}));
}

#[test]
fn hostile_nesting_is_an_error_in_a_tree_and_no_cost_when_skipped() {
    let deep = "[".repeat(2_000_000);
    assert_eq!(read(&deep).expect_err("too deep").what, "nested too deeply");
    let mut cursor = Cursor::new(deep.as_bytes());
    assert_eq!(cursor.skip().expect_err("cut").what, "the file breaks off");
}

#[test]
fn a_place_is_told_as_line_and_column() {
    assert_eq!(line_and_column(b"a\nbc\nd", 3), (2, 2));
    assert_eq!(line_and_column(b"a", 99), (1, 2));
}

proptest! {
    #[test]
    fn every_finite_number_comes_back_to_the_bit(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
        let text = serde_json::to_string(&value).expect("write");
        let back = Cursor::new(text.as_bytes()).num().expect("read").value().expect("number");
        prop_assert_eq!(back.to_bits(), value.to_bits());
    }

    #[test]
    fn any_text_comes_back(text in any::<String>()) {
        let json = serde_json::to_string(&text).expect("write");
        let back = Cursor::new(json.as_bytes()).text().expect("read").decode().into_owned();
        prop_assert_eq!(back, text);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Cursor::new(&bytes).value();
        let _ = Cursor::new(&bytes).skip();
        let _ = Cursor::new(&bytes).num();
    }
}
