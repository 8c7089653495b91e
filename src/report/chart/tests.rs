//! Promises of the chart engine as a whole.

use proptest::prelude::*;

use super::picture::{Picture, Rect, Shape, Tag};
use super::*;
use super::{decimate, scale, text};

fn series(name: &str, points: &[(f64, f64)]) -> Series {
    Series {
        name: name.to_owned(),
        x: points.iter().map(|p| p.0).collect(),
        y: points.iter().map(|p| p.1).collect(),
        gap_after: f64::INFINITY,
    }
}

fn timeline(all: Vec<Series>) -> Timeline {
    Timeline {
        title: "Memory".to_owned(),
        subtitle: "of a test".to_owned(),
        panels: vec![Panel {
            label: "memory".to_owned(),
            unit: "MB".to_owned(),
            series: all,
            thresholds: vec![Threshold { value: 90.0, name: "limit".to_owned() }],
        }],
        bands: vec![Band { from: 0.0, to: 10.0, name: "active".to_owned() }],
        events: vec![Event { at: 5.0, name: "OOM kill a".to_owned(), kind: EventKind::OomKill }],
    }
}

fn grid(all: Vec<Series>) -> PanelGrid {
    let panel = |series| GridPanel {
        events: vec![],
        series,
        badge: Some(("leak".to_owned(), Tone::Alarm)),
        slopes: vec![SlopeLine { from: (0.0, 1.0), to: (1.0, f64::NAN) }],
        threshold: None,
    };
    PanelGrid {
        title: "Memory".to_owned(),
        subtitle: String::new(),
        unit: "MB".to_owned(),
        panels: all.into_iter().map(panel).collect(),
        bands: Vec::new(),
    }
}

fn heatmap(names: &[&str], values: Vec<Vec<Option<f64>>>) -> Heatmap {
    Heatmap {
        title: "CPU".to_owned(),
        subtitle: String::new(),
        unit: "%".to_owned(),
        rows: names.iter().map(|n| (*n).to_owned()).collect(),
        columns: vec!["baseline".to_owned(), "stress_test".to_owned()],
        values,
    }
}

fn bars(rows: Vec<BarRow>) -> Bars {
    Bars {
        title: "Peaks".to_owned(),
        subtitle: String::new(),
        label: "CPU".to_owned(),
        unit: "%".to_owned(),
        groups: vec!["baseline".to_owned(), "stress".to_owned()],
        rows,
    }
}

fn steps(values: Vec<Option<f64>>) -> Steps {
    Steps {
        title: "Speed".to_owned(),
        subtitle: String::new(),
        x_label: "speed multiplier".to_owned(),
        label: "CPU".to_owned(),
        unit: "%".to_owned(),
        steps: (1..=values.len()).map(|n| format!("{}×", 1 << n.min(20))).collect(),
        series: vec![StepSeries { name: "a".to_owned(), values }],
        thresholds: Vec::new(),
    }
}

fn labels(picture: &Picture) -> Vec<&str> {
    let mut found = Vec::new();
    for item in &picture.items {
        if let Shape::Label(label) = &item.shape {
            found.push(label.text.as_str());
        }
    }
    found
}

/// Every coordinate is finite, and text starts and ends on the paper.
fn assert_drawable(picture: &Picture) {
    assert!(picture.width.is_finite() && picture.height.is_finite());
    for item in &picture.items {
        match &item.shape {
            Shape::Rect { area, .. } | Shape::Hatch { area, .. } => {
                let Rect { x, y, w, h } = *area;
                assert!([x, y, w, h].iter().all(|v| v.is_finite()), "{item:?}");
            }
            Shape::Polyline { points, .. } => {
                assert!(points.iter().all(|p| p.x.is_finite() && p.y.is_finite()), "{item:?}");
            }
            Shape::Marker { at, .. } => assert!(at.x.is_finite() && at.y.is_finite(), "{item:?}"),
            Shape::Label(label) => {
                let wide = text::width(&label.text, label.size, label.weight);
                let left = match (label.upward, label.anchor) {
                    (true, _) => label.at.x,
                    (_, picture::Anchor::Start) => label.at.x,
                    (_, picture::Anchor::Middle) => label.at.x - wide / 2.0,
                    (_, picture::Anchor::End) => label.at.x - wide,
                };
                let right = if label.upward { label.at.x } else { left + wide };
                assert!(left >= 0.0 && right <= picture.width, "clipped: {label:?}");
                assert!(label.at.y > 0.0 && label.at.y < picture.height, "clipped: {label:?}");
            }
        }
    }
    let drawn = paint::svg(picture);
    assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>"));
    assert!(!drawn.contains("NaN") && !drawn.contains("inf\""));
}

#[test]
fn a_gap_is_never_drawn_over() {
    let one = series("a", &[(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 3.0), (4.0, 4.0)]);
    let picture = timeline(vec![one]).layout();
    let lines = picture.items.iter().filter(|i| matches!(i.tag, Some(Tag::Line(0, 0)))).count();
    assert_eq!(lines, 2);
}

/// A panel whose limit is `limit`, and the label of it.
fn limited(points: &[(f64, f64)], limit: f64) -> (Picture, picture::Label) {
    let mut chart = grid(vec![series("db", points)]);
    chart.panels[0].threshold = Some(Threshold { value: limit, name: "limit".to_owned() });
    let picture = chart.layout();
    let label = picture.items.iter().find_map(|item| match &item.shape {
        Shape::Label(label) if label.text.contains("limit") => Some(label.clone()),
        _ => None,
    });
    (picture, label.expect("a label"))
}

/// The height of a series' lines between two places, as `(top, bottom)`.
fn heights(picture: &Picture, from: f64, to: f64) -> (f64, f64) {
    let own = picture.items.iter().filter(|i| matches!(i.tag, Some(Tag::Line(..))));
    let points = own.flat_map(|item| match &item.shape {
        Shape::Polyline { points, .. } => points.clone(),
        _ => Vec::new(),
    });
    let within = points.filter(|p| (from..=to).contains(&p.x)).map(|p| p.y);
    within.fold((f64::INFINITY, 0.0), |(top, bottom), y| (y.min(top), y.max(bottom)))
}

#[test]
fn the_name_of_a_limit_far_above_stands_above_all_figures() {
    let noisy: Vec<(f64, f64)> = (0..60).map(|n| (n as f64, 2.0 + (n % 3) as f64)).collect();
    let (picture, label) = limited(&noisy, 500.0);
    assert!(label.text.starts_with('↑'), "{label:?}");
    let (top, _) = heights(&picture, 0.0, picture.width);
    assert!(label.at.y < top, "{label:?} over lines from {top}");
}

#[test]
fn the_name_of_a_limit_nearby_keeps_clear_of_the_figures() {
    let falling: Vec<(f64, f64)> = (0..60).map(|n| (n as f64, 98.0 - n as f64)).collect();
    let rising: Vec<(f64, f64)> = (0..60).map(|n| (n as f64, 39.0 + n as f64)).collect();
    for points in [falling, rising] {
        let (picture, label) = limited(&points, 99.0);
        let wide = text::width(&label.text, label.size, label.weight);
        let (top, bottom) = heights(&picture, label.at.x - 10.0, label.at.x + wide + 10.0);
        assert!(label.at.y < top || label.at.y - label.size > bottom, "{label:?}: {top}, {bottom}");
    }
}

#[test]
fn points_too_far_apart_are_not_joined() {
    let points = [(0.0, 1.0), (1.0, 1.0), (9.0, 1.0), (10.0, 1.0)];
    assert_eq!(decimate::parts(&points, 2.0).len(), 2);
    assert_eq!(decimate::parts(&points, 8.0).len(), 1);
}

#[test]
fn a_point_alone_is_drawn_as_a_dot() {
    let picture = timeline(vec![series("a", &[(3.0, 7.0)])]).layout();
    let dots = picture.items.iter().filter(|i| {
        matches!(i.tag, Some(Tag::Line(..))) && matches!(i.shape, Shape::Marker { .. })
    });
    assert_eq!(dots.count(), 1);
}

#[test]
fn an_absent_cell_is_hatched_and_never_a_zero() {
    let picture = heatmap(&["a", "b"], vec![vec![Some(1.0), None], vec![Some(f64::NAN)]]).layout();
    let hatched = picture
        .items
        .iter()
        .filter(|i| matches!(i.shape, Shape::Hatch { .. }) && matches!(&i.tag, Some(Tag::Tip(_))));
    assert_eq!(hatched.count(), 3);
    assert!(labels(&picture).contains(&"no data"));
    let zero =
        picture.items.iter().any(|i| matches!(&i.tag, Some(Tag::Tip(t)) if t.contains(": 0")));
    assert!(!zero);
}

#[test]
fn bars_nearest_to_their_threshold_come_first_and_absent_ones_last() {
    let row = |name: &str, peak: Option<f64>, threshold| BarRow {
        name: name.to_owned(),
        values: vec![Some(1.0), peak],
        threshold,
    };
    let chart = bars(vec![
        row("absent", None, Some(90.0)),
        row("unlimited", Some(500.0), None),
        row("half", Some(90.0), Some(180.0)),
        row("full", Some(91.0), Some(90.0)),
    ]);
    let picture = chart.layout();
    let names: Vec<&str> = labels(&picture)
        .into_iter()
        .filter(|l| ["absent", "unlimited", "half", "full"].contains(l))
        .collect();
    assert_eq!(names, ["full", "half", "unlimited", "absent"]);
    assert!(labels(&picture).contains(&"91.0 of 90 %"));
}

#[test]
fn names_from_outside_cannot_become_markup() {
    let evil = "<script>alert(\"x\")</script>' onload='y";
    let points = [(0.0, 1.0), (1.0, 2.0)];
    let pictures = [
        timeline(vec![series(evil, &points)]).layout(),
        grid(vec![series(evil, &points)]).layout(),
        heatmap(&[evil], vec![vec![Some(1.0)]]).layout(),
        bars(vec![BarRow {
            name: evil.to_owned(),
            values: vec![None, Some(1.0)],
            threshold: None,
        }])
        .layout(),
    ];
    for picture in pictures {
        let svg = paint::svg(&picture);
        let page = crate::report::page::chart_page(&crate::report::page::ChartPage {
            title: evil,
            svg: &svg,
            script: "../runner.js",
            back: None,
            png: None,
        });
        assert!(!svg.contains("<script") && !svg.contains("' onload='"));
        assert_eq!(page.matches("<script").count(), 1);
    }
}

#[test]
fn long_names_keep_their_two_ends_and_fit() {
    let name = "a-very-long-project-name-of-somebody-worker-17";
    let short = text::fit(name, 12.0, picture::Weight::Regular, 120.0);
    assert!(short.starts_with("a-very") && short.ends_with("17") && short.contains('…'));
    assert!(text::width(&short, 12.0, picture::Weight::Regular) <= 120.0);
    assert_eq!(text::fit("db", 12.0, picture::Weight::Regular, 120.0), "db");
}

#[test]
fn axes_have_round_numbers() {
    assert_eq!(scale::ticks((0.0, 97.0), 5), [0.0, 20.0, 40.0, 60.0, 80.0]);
    assert_eq!(scale::time_ticks((0.0, 15.0), 7), [0.0, 5.0, 10.0, 15.0]);
    assert_eq!(scale::number(-1234567.25, 1), "−1,234,567.2");
    assert_eq!(scale::number(-0.001, 1), "0.0");
    assert_eq!((scale::limit(90.0), scale::limit(45.5)), ("90".to_owned(), "45.5".to_owned()));
}

#[test]
fn a_small_chart_looks_as_agreed() {
    let chart = timeline(vec![series("db", &[(0.0, 10.0), (5.0, 40.0), (10.0, 95.0)])]);
    insta::assert_snapshot!(paint::svg(&chart.layout()).replace("><", ">\n<"));
}

#[test]
fn odd_inputs_are_drawn_without_a_panic() {
    let many: Vec<Series> =
        (0..200).map(|n| series(&format!("c{n}"), &[(0.0, n as f64)])).collect();
    let long: Vec<(f64, f64)> = (0..100_000).map(|n| (n as f64, (n % 977) as f64)).collect();
    let odd = vec![
        vec![],
        vec![series("", &[])],
        vec![series("one", &[(0.0, 0.0)])],
        vec![series("nan", &[(f64::NAN, f64::NAN), (1.0, f64::INFINITY)])],
        vec![series("huge", &[(0.0, f64::MAX), (1.0, f64::MIN), (f64::MAX, 1.0)])],
        vec![series("below", &[(-5.0, -3.0), (-1.0, -9.0)])],
        vec![series("back", &[(5.0, 1.0), (1.0, 2.0), (1.0, 3.0)])],
        vec![series("long", &long)],
        many,
    ];
    for all in odd {
        let shown = all.first().map(|s| s.name.clone());
        let (one, other) = (timeline(all.clone()).layout(), grid(all).layout());
        for picture in [one, other] {
            assert_drawable(&picture);
            #[cfg(feature = "app")]
            assert!(paint::png(&picture).is_ok(), "{shown:?}");
        }
    }
    let rows = |n: usize| -> Vec<String> { (0..n).map(|n| format!("container-{n}")).collect() };
    let names = rows(200);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let values = vec![vec![Some(1e300), Some(-1e300)]; 200];
    assert_drawable(&heatmap(&names, values).layout());
    assert_drawable(&heatmap(&[], vec![]).layout());
    assert_drawable(&bars(vec![]).layout());
    assert_drawable(&steps(vec![]).layout());
    assert_drawable(&steps(vec![Some(f64::NAN), None, Some(-3.0)]).layout());
}

#[cfg(feature = "app")]
#[test]
fn the_same_picture_gives_the_same_bytes_and_unpacks_to_its_size() {
    let picture = timeline(vec![series("a", &[(0.0, 1.0), (5.0, 9.0)])]).layout();
    let (one, two) = (paint::png(&picture).unwrap(), paint::png(&picture).unwrap());
    assert_eq!(one, two);
    assert_eq!(&one[..8], b"\x89PNG\r\n\x1a\n");
    let at = one.windows(4).position(|w| w == b"IDAT").unwrap();
    let length = u32::from_be_bytes(one[at - 4..at].try_into().unwrap()) as usize;
    let mut rows = Vec::new();
    let packed = &one[at + 4..at + 4 + length];
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(packed), &mut rows).unwrap();
    let (width, height) = (picture.width as usize * 2, picture.height as usize * 2);
    assert_eq!(rows.len(), (width + 1) * height);
    assert!(rows.chunks(width + 1).all(|row| row[0] == 0 || row[0] == 2));
}

proptest! {
    #[test]
    fn thinning_keeps_the_lowest_and_highest_of_every_column(
        ys in prop::collection::vec(-1e6f64..1e6, 1..3000),
        columns in 1usize..300,
    ) {
        let part: Vec<(f64, f64)> = ys.iter().enumerate().map(|(n, y)| (n as f64, *y)).collect();
        let x = (0.0, ys.len() as f64);
        let thin = decimate::thin(&part, x, columns);
        prop_assert!(thin.len() <= part.len().max(columns * 4));
        prop_assert!(thin.windows(2).all(|w| w[0].0 < w[1].0));
        let per = columns as f64 / x.1;
        let extremes = |points: &[(f64, f64)]| {
            let mut found = std::collections::BTreeMap::new();
            for (x, y) in points {
                let seen = found.entry((x * per).floor() as i64).or_insert((*y, *y));
                *seen = (seen.0.min(*y), seen.1.max(*y));
            }
            found
        };
        prop_assert_eq!(extremes(&part), extremes(&thin));
    }

    #[test]
    fn text_is_never_wider_than_its_room(name in ".{0,60}", room in 20.0f64..400.0) {
        let short = text::fit(&name, 11.0, picture::Weight::Regular, room);
        prop_assert!(text::width(&short, 11.0, picture::Weight::Regular) <= room + 1e-6);
    }

    #[test]
    fn any_figures_can_be_drawn(points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..40)) {
        let one = vec![series("a", &points)];
        assert_drawable(&timeline(one.clone()).layout());
        assert_drawable(&grid(one).layout());
        assert_drawable(&steps(points.iter().map(|p| Some(p.1)).collect()).layout());
    }
}
