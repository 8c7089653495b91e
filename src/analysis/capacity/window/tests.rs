use super::*;

fn reading(name: &str, memory: f64, cpu: f64) -> ContainerReading<'_> {
    ContainerReading {
        name,
        memory_percent: Some(memory),
        cpu_percent: Some(cpu),
        throttled_percent: None,
    }
}

fn cores(pairs: &[(&str, f64)]) -> BTreeMap<String, ContainerLimits> {
    pairs
        .iter()
        .map(|(name, cores)| {
            let limits = ContainerLimits { cores: *cores, ..ContainerLimits::default() };
            (name.to_string(), limits)
        })
        .collect()
}

fn filled(at_and_readings: &[(f64, &[ContainerReading<'_>])]) -> RollingMeans {
    let mut window = RollingMeans::new(10.0);
    for (at, readings) in at_and_readings {
        window.push(*at, readings, HostReading::default(), []);
    }
    window
}

#[test]
fn ten_seconds_at_two_second_ticks_are_five_samples() {
    let mut window = RollingMeans::new(10.0);
    for tick in 0..8 {
        let at = f64::from(tick) * 2.0;
        let readings = [reading("web", f64::from(tick), 0.0)];
        window.push(at, &readings, HostReading::default(), []);
    }
    assert_eq!(window.means()["web"].memory_percent, Some(5.0));
}

#[test]
fn a_window_needs_no_full_length_and_an_absent_figure_takes_no_part() {
    let absent = ContainerReading { memory_percent: None, ..reading("web", 0.0, 50.0) };
    let window = filled(&[(0.0, &[reading("web", 40.0, 10.0)]), (2.0, &[absent])]);
    assert_eq!(window.means()["web"].memory_percent, Some(40.0));
    assert_eq!(window.means()["web"].cpu_percent, Some(30.0));
}

#[test]
fn a_container_that_left_the_window_is_not_judged() {
    let window =
        filled(&[(0.0, &[reading("gone", 99.0, 0.0)]), (20.0, &[reading("web", 1.0, 1.0)])]);
    assert!(!window.means().contains_key("gone"));
    let trigger = window.judge(&StressLimits::default(), &BTreeMap::new());
    assert_eq!(trigger, None);
}

#[test]
fn cpu_thresholds_are_scaled_by_cores_and_reached_means_at_least() {
    let limits = StressLimits::default();
    let known = cores(&[("kafka", 1.5), ("stream", 0.5)]);
    let below = filled(&[(0.0, &[reading("kafka", 1.0, 134.9), reading("stream", 1.0, 44.9)])]);
    assert_eq!(below.judge(&limits, &known), None);
    let at = filled(&[(0.0, &[reading("kafka", 1.0, 134.9), reading("stream", 1.0, 45.0)])]);
    let trigger = at.judge(&limits, &known).expect("a trigger");
    assert_eq!(trigger.container, "stream");
    assert_eq!((trigger.threshold, trigger.cores), (45.0, Some(0.5)));
}

#[test]
fn memory_comes_before_cpu_and_containers_before_the_host() {
    let mut window = RollingMeans::new(10.0);
    let host = HostReading { cpu_percent: Some(100.0), psi_memory_full_percent: None };
    window.push(0.0, &[reading("a", 10.0, 500.0), reading("b", 91.0, 1.0)], host, []);
    let trigger = window.judge(&StressLimits::default(), &BTreeMap::new()).expect("a trigger");
    assert_eq!((trigger.container.as_str(), trigger.metric.as_str()), ("b", "memory"));
    window.clear();
    window.push(0.0, &[reading("a", 10.0, 5.0)], host, []);
    let trigger = window.judge(&StressLimits::default(), &BTreeMap::new()).expect("a trigger");
    assert_eq!((trigger.container.as_str(), trigger.metric.as_str()), ("host", "cpu"));
}

#[test]
fn throttling_load_metrics_and_memory_stalls_are_judged_where_configured() {
    let throttled = ContainerReading { throttled_percent: Some(30.0), ..reading("web", 1.0, 1.0) };
    let mut window = RollingMeans::new(10.0);
    let host = HostReading { cpu_percent: Some(1.0), psi_memory_full_percent: Some(10.0) };
    window.push(0.0, &[throttled], host, [("real_time_ratio", 0.7)]);
    let mut limits = StressLimits::default();
    let judge = |limits: &StressLimits| {
        window.judge(limits, &BTreeMap::new()).map(|t| (t.container, t.metric))
    };
    assert_eq!(judge(&limits), None, "10 % of stalls is not more than 10 %");
    limits.load_below.insert("real_time_ratio".into(), 0.8);
    assert_eq!(judge(&limits), Some(("load".into(), "real_time_ratio".into())));
    limits.throttled_percent = Some(25.0);
    assert_eq!(judge(&limits), Some(("web".into(), "throttled".into())));
}

#[test]
fn an_ignored_container_and_a_threshold_of_its_own_are_respected() {
    let window = filled(&[(0.0, &[reading("web", 80.0, 1.0)])]);
    let mut known = cores(&[("web", 1.0)]);
    let own = known.get_mut("web").expect("web");
    own.memory_percent = Some(75.0);
    assert!(window.judge(&StressLimits::default(), &known).is_some());
    known.get_mut("web").expect("web").ignore = true;
    assert_eq!(window.judge(&StressLimits::default(), &known), None);
}

fn worked(work: &[Option<(f64, f64)>]) -> RollingMeans {
    let mut window = RollingMeans::new(10.0);
    for (tick, work) in work.iter().enumerate() {
        window.push(tick as f64 * 2.0, &[reading("web", 10.0, 10.0)], HostReading::default(), []);
        window.push_work(work.map(|(answered, failed)| Work { answered, failed }));
    }
    window
}

#[test]
fn more_than_the_share_of_requests_that_may_fail_is_a_trigger_of_the_load() {
    let limits = StressLimits::default();
    let judged = |work: &[Option<(f64, f64)>]| worked(work).judge(&limits, &BTreeMap::new());
    assert_eq!(judged(&[Some((95.0, 5.0))]), None, "5 % are still carried");
    let found = judged(&[None, Some((90.0, 0.0)), Some((4.0, 6.0))]).expect("6 of 100 failed");
    assert_eq!((found.container.as_str(), found.metric.as_str()), ("load", "failed"));
    assert_eq!((found.value, found.threshold, found.cores), (6.0, 5.0, None));
    assert_eq!(judged(&[Some((9.0, 1.0))]), None, "a single failure is no share");
    // What left the window counts no more.
    let old: Vec<_> = [Some((0.0, 100.0))].into_iter().chain([Some((50.0, 0.0)); 6]).collect();
    assert_eq!(judged(&old), None);
    let off = StressLimits { failed_percent: None, ..limits };
    assert_eq!(worked(&[Some((0.0, 100.0))]).judge(&off, &BTreeMap::new()), None);
}
