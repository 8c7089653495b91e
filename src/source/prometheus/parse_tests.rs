use proptest::prelude::*;

use super::parse::*;

/// The shape that Prometheus 2.42 answers.
const MATRIX: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[
    {"metric":{"__name__":"container_memory_rss","id":"/docker/a","name":"web"},
     "values":[[1795226628.965,"81702912"],[1795226630.965,"8.1e+07"]]}]}}"#;

#[test]
fn samples_have_their_own_times_and_values() {
    let matrix = parse_matrix(MATRIX.as_bytes()).expect("a matrix");
    assert_eq!(matrix.points(), 2);
    let series = &matrix.series[0];
    assert_eq!(series.labels["name"], "web");
    assert_eq!(series.points[0], Point { at_ms: 1_795_226_628_965, value: 81_702_912.0 });
    assert_eq!(series.points[1].value, 81e6);
    assert!(matrix.warnings.is_empty());
}

#[test]
fn values_that_are_no_figures_are_counted_and_cost_themselves_only() {
    for bad in [
        "[1,\"NaN\"]",
        "[1,\"+Inf\"]",
        "[1,\"-Inf\"]",
        "[1,\"x\"]",
        "[1,null]",
        "[\"x\",\"1\"]",
        "[1e300,\"1\"]",
        "[]",
        "{}",
        "7",
        "null",
        "\"x\"",
        "true",
        "[[1],[2]]",
    ] {
        let text = format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},
               "values":[{bad},[2,"5",9]]}}]}}}}"#
        );
        let matrix = parse_matrix(text.as_bytes()).expect(bad);
        assert_eq!((matrix.points(), matrix.unusable), (1, 1), "{bad}");
    }
}

#[test]
fn samples_come_in_order_and_once() {
    let text = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},
        "values":[[3,"3"],[1,"1"],[3,"3"],[2,"2"]]}]}}"#;
    let matrix = parse_matrix(text.as_bytes()).expect("a matrix");
    let times: Vec<i64> = matrix.series[0].points.iter().map(|p| p.at_ms).collect();
    assert_eq!(times, [1000, 2000, 3000]);
}

#[test]
fn every_way_to_be_no_answer_is_named() {
    let wrong = |text: &str| parse_matrix(text.as_bytes()).expect_err(text);
    assert_eq!(wrong("  <!DOCTYPE html><html>"), ParseError::Html);
    for cut in [10, 60, MATRIX.len() - 1] {
        assert_eq!(wrong(&MATRIX[..cut]), ParseError::Truncated { bytes: cut });
    }
    assert!(matches!(wrong("404 page not found"), ParseError::Format(_)));
    assert!(matches!(wrong(r#"{"status":"success"}"#), ParseError::Format(_)));
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    assert!(wrong(vector).to_string().contains("a vector came"));
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;
    assert!(matches!(wrong(scalar), ParseError::Format(_)));
    let refused = r#"{"status":"error","errorType":"bad_data",
        "error":"invalid parameter \"query\": 1:9: parse error: unexpected \"{\""}"#;
    let error = wrong(refused);
    assert!(error.to_string().starts_with("bad_data: invalid parameter"), "{error}");
    assert_eq!(refusal(refused.as_bytes()), Some(error));
    assert_eq!(refusal(b"Bad gateway"), None);
    assert_eq!(refusal(MATRIX.as_bytes()), None);
}

#[test]
fn an_answer_without_series_is_one() {
    for result in ["[]", "null"] {
        let text =
            format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":{result}}}}}"#);
        assert_eq!(parse_matrix(text.as_bytes()).expect(result).points(), 0);
    }
}

#[test]
fn warnings_label_sets_and_the_version_are_read() {
    let text = r#"{"status":"success","warnings":["a store is gone"],
        "data":{"resultType":"matrix","result":[]}}"#;
    assert_eq!(parse_matrix(text.as_bytes()).expect("it").warnings, ["a store is gone"]);
    let sets = r#"{"status":"success","data":[{"__name__":"m","id":"/"},{"id":"/a"}]}"#;
    assert_eq!(parse_label_sets(sets.as_bytes()).expect("sets").len(), 2);
    let build = r#"{"status":"success","data":{"version":"2.42.0+ds","revision":"x"}}"#;
    assert_eq!(parse_version(build.as_bytes()), Ok("2.42.0+ds".to_string()));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_matrix(&bytes);
        let _ = parse_label_sets(&bytes);
        let _ = parse_version(&bytes);
    }

    #[test]
    fn no_damage_makes_it_panic_or_gives_a_figure_that_is_none(
        at in 0..MATRIX.len(),
        piece in "[\\[\\]{}\",:0-9eNa+-]{0,6}",
        cut in any::<bool>(),
    ) {
        let rest = if cut { "" } else { &MATRIX[at..] };
        if let Ok(matrix) = parse_matrix(format!("{}{piece}{rest}", &MATRIX[..at]).as_bytes()) {
            for series in &matrix.series {
                prop_assert!(series.points.iter().all(|p| p.value.is_finite()));
                prop_assert!(series.points.is_sorted_by(|a, b| a.at_ms < b.at_ms));
            }
        }
    }
}
