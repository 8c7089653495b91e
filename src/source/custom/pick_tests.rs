use proptest::prelude::*;

use super::*;

fn pointer(body: &str, pointer: &str) -> Result<f64, Miss> {
    Answer::new(body.as_bytes()).number(&Pick::Pointer(pointer.to_string()))
}

fn of_series(body: &str, selector: &str, aggregate: Aggregate) -> Result<f64, Miss> {
    let selector = Selector::parse(selector).expect(selector);
    Answer::new(body.as_bytes()).number(&Pick::Series { selector, aggregate })
}

const ORDERS: &str = r#"{"queue":{"depth":12,"max":1e3,"name":"x","on":true,"none":null,"a/b":7,"m~n":8},
    "workers":[{"busy":0.5},{"busy":1}],"big":1e999}"#;

#[test]
fn a_pointer_finds_its_number() {
    for (at, wanted) in [
        ("/queue/depth", 12.0),
        ("/queue/max", 1000.0),
        ("/queue/a~1b", 7.0),
        ("/queue/m~0n", 8.0),
        ("/workers/1/busy", 1.0),
    ] {
        let body = ORDERS.replace("1e999", "1");
        assert_eq!(pointer(&body, at), Ok(wanted), "{at}");
    }
}

#[test]
fn what_is_not_a_number_is_said_with_what_is_there() {
    let body = ORDERS.replace("1e999", "1");
    for (at, reason, remedy) in [
        ("/queue/dept", "there is no /queue/dept in the answer", "/queue/depth"),
        ("/workers/7/busy", "there is no /workers/7/busy", "/workers/0/busy"),
        ("/gone", "there is no /gone", "/big"),
        ("/queue/name", "/queue/name is text, not a number", "/queue/max"),
        ("/queue/on", "true or false, not a number", "/queue/depth"),
        ("/queue/none", "null, not a number", "/queue/depth"),
        ("/queue", "an object, not a number", "/queue/depth"),
        ("/workers", "a list, not a number", "/workers/0/busy"),
    ] {
        let miss = pointer(&body, at).expect_err(at);
        assert!(miss.reason.contains(reason), "{at}: {miss:?}");
        assert!(miss.remedy.contains(remedy), "{at}: {miss:?}");
    }
}

#[test]
fn an_answer_of_another_kind_is_said() {
    for (body, begins) in [
        ("<!doctype html><p>login", "<!doctype html><p>login"),
        ("", "nothing"),
        (r#"{"queue":{"depth":1"#, "queue"),
        (ORDERS, "queue"),
    ] {
        let miss = pointer(body, "/queue/depth").expect_err(body);
        assert_eq!(miss.reason, "the answer is not JSON", "{body}");
        assert!(miss.remedy.contains(begins), "{body}: {miss:?}");
    }
    let miss = pointer("[]", "/a").expect_err("nothing in it");
    assert!(miss.remedy.contains("no numbers"), "{miss:?}");
    for body in ["<html>\n<p>hello</p>", "{\"a\": 1}"] {
        let miss = of_series(body, "lag", Aggregate::One).expect_err(body);
        assert!(miss.reason.contains("not a Prometheus text page"), "{miss:?}");
    }
    let miss = Answer::new(b"\xff\xfe 1").number(&Pick::Series {
        selector: Selector::parse("lag").expect("selector"),
        aggregate: Aggregate::One,
    });
    assert!(miss.is_err_and(|m| m.reason.contains("not a Prometheus text page")));
}

const PAGE: &str = "# TYPE kafka_lag gauge\n\
    kafka_lag{topic=\"a\",partition=\"0\"} 3\n\
    kafka_lag{topic=\"a\",partition=\"1\"} 5\n\
    kafka_lag{topic=\"b\",partition=\"0\"} NaN\n\
    kafka_offset_total 9\n";

#[test]
fn series_are_put_together_as_asked() {
    let topic = r#"kafka_lag{topic="a"}"#;
    for (selector, aggregate, wanted) in [
        (r#"kafka_lag{partition="1"}"#, Aggregate::One, 5.0),
        (topic, Aggregate::Sum, 8.0),
        (topic, Aggregate::Max, 5.0),
        (topic, Aggregate::Min, 3.0),
        (topic, Aggregate::Avg, 4.0),
        // What is not a number takes no part.
        ("kafka_lag", Aggregate::Avg, 4.0),
        (r#"kafka_lag{topic="a",partition!="0"}"#, Aggregate::One, 5.0),
    ] {
        assert_eq!(of_series(PAGE, selector, aggregate), Ok(wanted), "{selector}");
    }
}

#[test]
fn series_that_are_not_there_are_said_with_the_nearest() {
    for (selector, reason, remedy) in [
        (r#"kafka_lag{topic="a"}"#, "several series match", "aggregate = \"sum\""),
        (r#"kafka_lag{topic="b"}"#, "is NaN or infinite", "no number for it now"),
        (r#"kafka_lag{topic="c"}"#, "no series matches", r#"kafka_lag{topic="a""#),
        ("kafka_lags", "no series matches kafka_lags", "kafka_lag, kafka_offset_total"),
        ("offset", "no series matches offset", "names are kafka_offset_total"),
    ] {
        let miss = of_series(PAGE, selector, Aggregate::One).expect_err(selector);
        assert!(miss.reason.contains(reason), "{selector}: {miss:?}");
        assert!(miss.remedy.contains(remedy), "{selector}: {miss:?}");
    }
    let miss = of_series("lag oops\nother 1\n", "lag", Aggregate::One).expect_err("broken");
    assert_eq!(miss.reason, "the line of lag is broken");
    let miss = of_series("", "lag", Aggregate::One).expect_err("empty");
    assert!(miss.remedy.contains("no series"), "{miss:?}");
}

#[test]
fn a_large_page_is_read() {
    let mut page = String::new();
    for n in 0..50_000 {
        page.push_str(&format!("lag{{partition=\"{n}\",topic=\"a\"}} 2\n"));
    }
    assert_eq!(of_series(&page, "lag", Aggregate::Sum), Ok(100_000.0));
}

proptest! {
    #[test]
    fn any_answer_gives_a_finite_number_or_a_reason(body: Vec<u8>, at in "(/[a-z~0-9]{0,3}){0,4}") {
        let mut answer = Answer::new(&body);
        let series = Selector::parse("up").map(|selector| Pick::Series {
            selector,
            aggregate: Aggregate::Sum,
        });
        for pick in [Ok(Pick::Pointer(at)), series] {
            match answer.number(&pick.expect("a pick")) {
                Ok(value) => prop_assert!(value.is_finite()),
                Err(miss) => prop_assert!(!miss.reason.is_empty() && !miss.remedy.is_empty()),
            }
        }
    }
}
