//! Whatever is sent: no panic, and no figure that is negative, infinite or no number.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::parse::{Frame, FrameError, parse_frame};

/// Keys that the parser looks at, and one that it does not.
const KEYS: [&str; 24] = [
    "read",
    "message",
    "cpu_stats",
    "cpu_usage",
    "total_usage",
    "throttling_data",
    "periods",
    "memory_stats",
    "usage",
    "limit",
    "max_usage",
    "stats",
    "total_inactive_file",
    "total_cache",
    "total_active_file",
    "inactive_file",
    "anon",
    "slab",
    "blkio_stats",
    "io_service_bytes_recursive",
    "networks",
    "pids_stats",
    "current",
    "other",
];

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(0)),
        Just(json!(u64::MAX)),
        Just(json!(-1)),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => number(),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => ".{0,8}".prop_map(Value::from),
        1 => Just(json!("2026-11-20T21:03:15.2Z")),
        1 => Just(json!("0001-01-01T00:00:00Z")),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&KEYS[..]), inner), 0..8).prop_map(|all| {
                let map: Map<_, _> = all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
                Value::Object(map)
            }),
        ]
    })
}

/// An answer in the shape of a real one, with anything in place of its numbers.
fn shaped() -> impl Strategy<Value = Value> {
    prop::collection::vec(prop_oneof![3 => number(), 1 => leaf()], 16).prop_map(|n| {
        json!({
            "read": "2026-11-20T21:03:15.2Z",
            "cpu_stats": {"cpu_usage": {"total_usage": n[0]},
                "throttling_data": {"periods": n[1], "throttled_time": n[2]}},
            "memory_stats": {"usage": n[3], "limit": n[4], "max_usage": n[5],
                "stats": {"total_inactive_file": n[6], "total_active_file": n[7],
                    "total_cache": n[8], "inactive_file": n[9], "slab": n[10], "percpu": n[11]}},
            "blkio_stats": {"io_service_bytes_recursive": [
                {"op": "read", "value": n[12]}, {"op": "Read", "value": n[13]}]},
            "networks": {"eth0": {"rx_bytes": n[14], "tx_errors": n[15]}},
            "pids_stats": {"current": n[0]},
        })
    })
}

fn sound(answer: &Result<Frame, FrameError>) -> Result<(), TestCaseError> {
    let Ok(frame) = answer else { return Ok(()) };
    prop_assert!(frame.read.is_finite());
    for (figure, value) in frame.figures.iter() {
        prop_assert!(value.is_finite() && value >= 0.0, "{figure}: {value}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_json_gives_sound_figures_or_an_error(value in tree(), host in prop::option::of(0.0..1e13)) {
        sound(&parse_frame(value.to_string().as_bytes(), host))?;
    }

    #[test]
    fn one_odd_number_costs_only_itself(value in shaped(), host in prop::option::of(0.0..1e13)) {
        let answer = parse_frame(value.to_string().as_bytes(), host);
        let understood = matches!(answer, Ok(_) | Err(FrameError::NotRunning));
        prop_assert!(understood, "{answer:?}");
        sound(&answer)?;
    }

    #[test]
    fn any_bytes_give_an_error_or_sound_figures(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        sound(&parse_frame(&bytes, Some(1e12)))?;
    }
}

/// Every recorded answer, cut off or with one byte changed.
#[test]
fn damaged_recordings_never_panic() {
    for (_, recorded) in super::parse_tests::all_sets() {
        for body in recorded["snapshots"].as_object().expect("snapshots").values() {
            let text = body.to_string().into_bytes();
            for at in (0..text.len()).step_by(61) {
                let _ = parse_frame(&text[..at], Some(1e12));
                let mut changed = text.clone();
                changed[at] = b'-';
                if let Ok(frame) = parse_frame(&changed, Some(1e12)) {
                    assert!(frame.figures.iter().all(|(_, v)| v >= 0.0 && v.is_finite()));
                }
            }
        }
    }
}
