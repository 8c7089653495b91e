//! `runner compare` between two series: its answers and its codes.

use std::fmt::Write;

use crate::harness::Site;

/// Twenty minutes of a container at 5 s that grows by `mb_per_min`; the wobble repeats within a
/// block, and differs from run to run by `phase`.
fn series(mb_per_min: f64, phase: f64) -> String {
    let mut text = String::from("time_s,container,phase,load,anon_bytes\n");
    for tick in 0..240 {
        let t = f64::from(tick) * 5.0;
        let mb = 80.0 + mb_per_min * t / 60.0 + 0.4 * (t / 7.0 + phase).sin();
        let _ = writeln!(text, "{t},web,active,50,{:.0}", mb * 1_048_576.0);
    }
    text
}

fn site() -> Site {
    let site = Site::new();
    site.write("good.csv", &series(0.0, 0.0));
    site.write("again.csv", &series(0.0, 1.0));
    site.write("leaky.csv", &series(2.0, 2.0));
    site.write("busier.csv", &series(0.0, 0.0).replace(",active,50,", ",active,90,"));
    site
}

#[test]
fn a_leak_that_is_new_is_worse_and_the_same_behaviour_is_not() {
    let site = site();
    let same = site.run(&["compare", "good.csv", "again.csv"]);
    assert_eq!(same.code, 0, "{}", same.err);
    assert!(same.err.starts_with("not worse"), "{}", same.err);
    let worse = site.run(&["compare", "good.csv", "leaky.csv", "--json"]);
    assert_eq!(worse.code, 1, "{}", worse.err);
    let found: serde_json::Value = serde_json::from_str(&worse.out).expect("json");
    assert_eq!(found["verdict"], "worse");
    let slope = found["containers"][0]["difference"]["mb_per_min"].as_f64().expect("a slope");
    assert!((slope - 2.0).abs() < 0.2, "{slope}");
    let better = site.run(&["compare", "leaky.csv", "good.csv"]);
    assert_eq!(better.code, 0);
    assert!(better.err.contains("better"), "{}", better.err);
}

#[test]
fn runs_under_another_load_are_refused_with_the_remedy_unless_forced() {
    let site = site();
    let refused = site.run(&["compare", "good.csv", "busier.csv"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("the load was 50 in the base and 90 now"), "{}", refused.err);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(site.run(&["compare", "good.csv", "busier.csv", "--force"]).code, 0);
}

#[test]
fn a_baseline_is_kept_when_there_is_none_and_moves_only_when_it_is_not_worse() {
    let site = site();
    let none = site.run(&["compare", "base", "good.csv"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("--save-baseline"), "{}", none.err);
    assert_eq!(site.run(&["compare", "base", "good.csv", "--save-baseline"]).code, 0);
    assert_eq!(site.run(&["compare", "base", "leaky.csv", "--save-baseline"]).code, 1);
    let kept = site.path().join("base/good.csv");
    assert!(kept.is_file(), "a worse run does not become the base");
    assert_eq!(site.run(&["compare", "base", "again.csv", "--save-baseline"]).code, 0);
    assert!(site.path().join("base/again.csv").is_file() && !kept.exists());
}

#[test]
fn what_is_no_run_is_a_usage_error() {
    let site = site();
    site.write("notes.txt", "nothing to see");
    assert_eq!(site.run(&["compare", "good.csv", "notes.txt"]).code, 2);
    assert_eq!(site.run(&["compare", "good.csv", "missing.csv"]).code, 2);
    site.write("archive/a.csv", &series(0.0, 0.0));
    site.write("archive/b.csv", &series(0.0, 0.0));
    let archive = site.run(&["compare", "archive", "good.csv"]);
    assert_eq!(archive.code, 2);
    assert!(archive.err.contains("2 runs"), "{}", archive.err);
}
