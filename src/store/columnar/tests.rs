//! Promises of the column file: values come back exactly, and whatever is wrong with the file, what
//! is read is what the journal says.

use proptest::prelude::*;

use super::decode::{Bytes, Decoder};
use super::encode::{Encoder, Unit};
use super::read::Stored;

fn encoded(unit: Unit, values: &[Option<f64>]) -> Vec<u8> {
    let mut encoder = Encoder::new(unit);
    values.iter().for_each(|value| encoder.push(*value));
    let mut out = Vec::new();
    encoder.finish(&mut out);
    out
}

fn decoded(unit: Unit, bytes: &[u8], ticks: usize) -> Vec<u64> {
    let column = Bytes(bytes).block().expect("a column");
    let mut values = Vec::new();
    let runs = Decoder::new(column, unit).runs(ticks, |value, times| {
        values.extend(std::iter::repeat_n(value.to_bits(), times));
    });
    runs.expect("readable");
    values
}

fn any_value() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        Just(None),
        Just(Some(512.0)),
        Just(Some(f64::NAN)),
        Just(Some(f64::NEG_INFINITY)),
        Just(Some(-0.0)),
        any::<f64>().prop_map(Some),
        any::<i64>().prop_map(|v| Some(v as f64)),
        (0..1u64 << 54).prop_map(|v| Some(v as f64)),
        (0u64..100_000_000_000_000).prop_map(|ns| Some(ns as f64 / 1e9)),
    ]
}

proptest! {
    #[test]
    fn any_values_come_back_to_the_bit_and_what_is_not_finite_is_absent(
        values in proptest::collection::vec(any_value(), 0..200),
        more in 0usize..5,
        time in any::<bool>(),
    ) {
        let unit = if time { Unit::Time } else { Unit::Value };
        let bytes = encoded(unit, &values);
        let ticks = values.len() + more;
        let meant = |value: Option<f64>| {
            value.filter(|v| v.is_finite()).map_or(f64::NAN, |v| v + 0.0).to_bits()
        };
        let mut all: Vec<u64> = values.iter().map(|value| meant(*value)).collect();
        all.resize(ticks, f64::NAN.to_bits());
        prop_assert_eq!(decoded(unit, &bytes, ticks), all);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for unit in [Unit::Value, Unit::Time] {
            let mut ticks = 0;
            let _ = Decoder::new(Bytes(&bytes), unit).runs(100, |_, times| ticks += times);
            prop_assert!(ticks <= 100);
        }
        let mut file = super::MAGIC.to_vec();
        file.extend_from_slice(&bytes);
        let _ = Stored::parse(file);
    }
}

#[test]
fn regular_times_and_values_that_stay_take_few_bytes() {
    let times: Vec<_> = (0..512u32).map(|tick| Some(f64::from(tick) + 0.25)).collect();
    assert!(encoded(Unit::Time, &times).len() < 600);
    assert!(encoded(Unit::Value, &[Some(536_870_912.0); 512]).len() < 10);
    assert!(encoded(Unit::Value, &[None; 512]).len() < 5);
}
