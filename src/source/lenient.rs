//! JSON from outside whose fields may have any type: a field of the wrong one is absent, and costs
//! nothing beside it.
//!
//! serde gives up a whole answer at the first number that is a string. These functions, used as
//! `deserialize_with`, read what has the expected shape and skip the rest. What is no JSON at all is
//! still an error.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Visitor methods that take anything of these kinds, and answer `$nothing`.
macro_rules! skip {
    ($nothing:expr, $($kind:ident),*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON")
        }
        $(skip!(@ $kind, $nothing);)*
    };
    (@ bool, $nothing:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok($nothing) }
    };
    (@ i64, $nothing:expr) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok($nothing) }
    };
    (@ u64, $nothing:expr) => {
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok($nothing) }
    };
    (@ f64, $nothing:expr) => {
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok($nothing) }
    };
    (@ str, $nothing:expr) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok($nothing) }
    };
    (@ unit, $nothing:expr) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($nothing) }
    };
    (@ seq, $nothing:expr) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok($nothing)
        }
    };
    (@ map, $nothing:expr) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($nothing)
        }
    };
}

/// A number that can be a measurement: finite and not negative.
pub(crate) fn number<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    Ok(Any::<f64>::deserialize(input)?.0)
}

/// A string.
pub(crate) fn text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Any::<String>::deserialize(input)?.0)
}

/// `true` or `false`.
pub(crate) fn flag<'de, D: Deserializer<'de>>(input: D) -> Result<Option<bool>, D::Error> {
    Ok(Any::<bool>::deserialize(input)?.0)
}

/// An object.
pub(crate) fn object<'de, D, T>(input: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Object::deserialize(input)?.0)
}

/// The objects of a list.
pub(crate) fn objects<'de, D, T>(input: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Any::<Vec<Object<T>>>::deserialize(input)?
        .0
        .map(|list| list.into_iter().filter_map(|Object(item)| item).collect()))
}

/// The strings of a list.
pub(crate) fn texts<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<String>>, D::Error> {
    Ok(Any::<Vec<Any<String>>>::deserialize(input)?
        .0
        .map(|list| list.into_iter().filter_map(|Any(item)| item).collect()))
}

/// The numbers of an object, by name.
pub(crate) fn numbers<'de, D>(input: D) -> Result<Option<Vec<(String, f64)>>, D::Error>
where
    D: Deserializer<'de>,
{
    let entries: Option<Entries<Any<f64>>> = object(input)?;
    Ok(entries.map(|Entries(all)| {
        all.into_iter().filter_map(|(name, Any(value))| Some((name, value?))).collect()
    }))
}

/// The entries of an object in the order they stand in.
pub(crate) struct Entries<T>(pub Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Entries<T>, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Entries<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    all.push(pair);
                }
                Ok(Entries(all))
            }
        }
        input.deserialize_map(Pairs(PhantomData))
    }
}

/// An object, or nothing where something else stands.
pub(crate) struct Object<T>(pub Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Object<T>, D::Error> {
        struct OfObject<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfObject<T> {
            type Value = Object<T>;
            skip!(Object(None), bool, i64, u64, f64, str, unit, seq);
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|found| Object(Some(found)))
            }
        }
        input.deserialize_any(OfObject(PhantomData))
    }
}

/// A value of one of the kinds below, or nothing where something else stands.
struct Any<T>(Option<T>);

impl<'de> Deserialize<'de> for Any<f64> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Any<f64>, D::Error> {
        struct OfNumber;
        impl<'de> Visitor<'de> for OfNumber {
            type Value = Any<f64>;
            skip!(Any(None), bool, i64, str, unit, seq, map);
            fn visit_u64<E>(self, value: u64) -> Result<Any<f64>, E> {
                Ok(Any(Some(value as f64)))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Any<f64>, E> {
                Ok(Any(Some(value).filter(|v| v.is_finite() && *v >= 0.0)))
            }
        }
        input.deserialize_any(OfNumber)
    }
}

impl<'de> Deserialize<'de> for Any<bool> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Any<bool>, D::Error> {
        struct OfFlag;
        impl<'de> Visitor<'de> for OfFlag {
            type Value = Any<bool>;
            skip!(Any(None), i64, u64, f64, str, unit, seq, map);
            fn visit_bool<E>(self, value: bool) -> Result<Any<bool>, E> {
                Ok(Any(Some(value)))
            }
        }
        input.deserialize_any(OfFlag)
    }
}

impl<'de> Deserialize<'de> for Any<String> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Any<String>, D::Error> {
        struct OfText;
        impl<'de> Visitor<'de> for OfText {
            type Value = Any<String>;
            skip!(Any(None), bool, i64, u64, f64, unit, seq, map);
            fn visit_str<E>(self, value: &str) -> Result<Any<String>, E> {
                Ok(Any(Some(value.to_owned())))
            }
        }
        input.deserialize_any(OfText)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Any<Vec<T>> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Any<Vec<T>>, D::Error> {
        struct OfList<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfList<T> {
            type Value = Any<Vec<T>>;
            skip!(Any(None), bool, i64, u64, f64, str, unit, map);
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = seq.next_element()? {
                    all.push(item);
                }
                Ok(Any(Some(all)))
            }
        }
        input.deserialize_any(OfList(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Deserialize, Debug, PartialEq, Default)]
    #[serde(default)]
    struct Odd {
        #[serde(deserialize_with = "super::number")]
        n: Option<f64>,
        #[serde(deserialize_with = "super::text")]
        s: Option<String>,
        #[serde(deserialize_with = "super::flag")]
        f: Option<bool>,
        #[serde(deserialize_with = "super::object")]
        o: Option<Box<Odd>>,
        #[serde(deserialize_with = "super::objects")]
        l: Option<Vec<Odd>>,
        #[serde(deserialize_with = "super::texts")]
        t: Option<Vec<String>>,
        #[serde(deserialize_with = "super::numbers")]
        m: Option<Vec<(String, f64)>>,
    }

    fn read(value: &Value) -> Odd {
        serde_json::from_str(&value.to_string()).expect("any JSON object")
    }

    #[test]
    fn what_has_the_expected_shape_is_read() {
        let odd = read(&json!({"n": u64::MAX, "s": "x", "f": true, "o": {"n": 1.5},
            "l": [{"n": 2}, 7, null], "t": ["a", 1], "m": {"a": 1, "b": "2", "c": null}}));
        assert_eq!(odd.n, Some(u64::MAX as f64));
        assert_eq!((odd.s.as_deref(), odd.f), (Some("x"), Some(true)));
        assert_eq!(odd.o.and_then(|o| o.n), Some(1.5));
        assert_eq!(odd.l.map(|l| l.iter().map(|o| o.n).collect::<Vec<_>>()), Some(vec![Some(2.0)]));
        assert_eq!(odd.t, Some(vec!["a".to_owned()]));
        assert_eq!(odd.m, Some(vec![("a".to_owned(), 1.0)]));
    }

    #[test]
    fn a_negative_number_is_no_measurement() {
        assert_eq!(read(&json!({"n": -1})).n, None);
        assert_eq!(read(&json!({"n": -0.5})).n, None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z]{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[nsfoltm]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// A wrong field never costs the one beside it.
        #[test]
        fn whatever_stands_in_one_field_the_others_are_read(value in any_json(), key in "[sfoltm]") {
            let mut object = serde_json::Map::new();
            object.insert(key, value);
            object.insert("n".to_owned(), json!(7));
            prop_assert_eq!(read(&Value::Object(object)).n, Some(7.0));
        }
    }
}
