use super::*;

fn ours() -> Stamp {
    Stamp {
        project: "demo".into(),
        run: "r1".into(),
        pid: Holder::me().expect("/proc is readable").to_string(),
    }
}

fn labels(project: &str, run: &str, pid: &str) -> Labels {
    Labels::from([
        (LABEL_PROJECT.to_owned(), project.to_owned()),
        (LABEL_RUN.to_owned(), run.to_owned()),
        (LABEL_PID.to_owned(), pid.to_owned()),
    ])
}

fn dead() -> String {
    let mut holder = Holder::me().expect("/proc is readable");
    holder.start += 1;
    holder.to_string()
}

fn owned(name: &str, owner: Owner) -> Owned {
    Owned { name: name.into(), owner }
}

fn foreign(name: &str) -> Owned {
    owned(name, Owner::Foreign { from: None })
}

fn ended(name: &str, run: &str) -> Owned {
    let stamp = Stamp { run: run.into(), ..ours() };
    owned(name, Owner::Ended { stamp })
}

fn container(service: &str, state: RunState) -> Container {
    Container {
        engine_name: format!("demo-{service}-1"),
        service: Some(service.into()),
        state,
        ..Container::named(service)
    }
}

fn expect(service: &str) -> Expected {
    Expected { service: service.into(), replicas: 1, job: false }
}

#[test]
fn own_is_what_carries_our_labels_and_all_else_is_foreign() {
    let ours = ours();
    assert_eq!(owner(&labels("demo", "r1", &ours.pid), &ours, true), Owner::Ours);
    assert!(matches!(owner(&labels("demo", "r0", &dead()), &ours, true), Owner::Ended { .. }));
    assert!(matches!(
        owner(&labels("demo", "r0", &ours.pid), &ours, true),
        Owner::Living { run, .. } if run == "r0"
    ));
    let mut by_hand = Labels::new();
    by_hand.insert(COMPOSE_DIRECTORY.into(), "/project".into());
    assert_eq!(owner(&by_hand, &ours, true), Owner::Foreign { from: Some("/project".into()) });
    assert!(matches!(owner(&labels("other", "r1", &ours.pid), &ours, true), Owner::Foreign { .. }));
}

#[test]
fn a_run_that_cannot_be_checked_is_not_taken_for_dead() {
    let ours = ours();
    let mut holder = Holder::me().expect("/proc is readable");
    holder.boot = "0".into();
    let elsewhere = labels("demo", "r0", &holder.to_string());
    assert!(matches!(owner(&elsewhere, &ours, false), Owner::Elsewhere { .. }));
    assert!(matches!(owner(&elsewhere, &ours, true), Owner::Ended { .. }));
    let broken = labels("demo", "r0", "nonsense");
    assert!(matches!(owner(&broken, &ours, true), Owner::Elsewhere { .. }));
}

#[test]
fn a_reset_of_foreign_things_names_what_it_would_destroy_and_how_to_consent() {
    let survey = Survey {
        containers: vec![foreign("demo_web_1"), ended("demo_db_1", "r0")],
        volumes: vec![foreign("demo_data")],
    };
    let error = may_reset("demo", &survey, Reset::Volumes, false).expect_err("foreign");
    for word in ["demo_web_1", "demo_data", "take_over = true"] {
        assert!(error.contains(word), "{error}");
    }
    assert!(!error.contains("demo_db_1"), "{error}");
    let error = may_reset("demo", &survey, Reset::Containers, false).expect_err("foreign");
    assert!(!error.contains("demo_data"), "plain down keeps volumes: {error}");
    assert_eq!(may_reset("demo", &survey, Reset::Volumes, true), Ok(()));
}

#[test]
fn a_foreign_volume_alone_stops_a_reset_that_would_destroy_it() {
    let survey = Survey { containers: vec![], volumes: vec![foreign("demo_data")] };
    assert!(may_reset("demo", &survey, Reset::Volumes, false).is_err());
    assert_eq!(may_reset("demo", &survey, Reset::Containers, false), Ok(()));
}

#[test]
fn left_overs_of_dead_runs_need_no_consent_and_living_runs_are_refused_even_with_it() {
    let survey = Survey {
        containers: vec![ended("a", "r0"), owned("b", Owner::Ours)],
        volumes: vec![ended("v", "r00")],
    };
    assert_eq!(may_reset("demo", &survey, Reset::Volumes, false), Ok(()));
    let living = Owner::Living { run: "r0".into(), pid: 7 };
    let survey = Survey { containers: vec![owned("a", living)], volumes: vec![] };
    let error = may_reset("demo", &survey, Reset::Volumes, true).expect_err("it goes on");
    assert!(error.contains("run r0 (pid 7)"), "{error}");
}

#[test]
fn without_consent_nothing_is_brought_up_that_would_remake_what_is_foreign() {
    let ours = ours();
    let plan = |containers: Vec<Owned>, state: RunState| {
        let survey = Survey { containers, volumes: vec![foreign("demo_data")] };
        let there = [container("web", state)];
        gently(&ours, &survey, &there, &[expect("web"), expect("db")])
    };
    assert_eq!(plan(vec![foreign("web")], RunState::Exited), Ok(Gentle::Look));
    assert_eq!(plan(vec![foreign("web"), ended("db", "r0")], RunState::Exited), Ok(Gentle::Look));
    let mixed = vec![ended("web", "r0"), ended("db", "r00")];
    assert_eq!(plan(mixed, RunState::Exited), Ok(Gentle::Look));
    // All of one ended run: completed with its own labels, so that nothing is remade.
    let Ok(Gentle::BringUp(stamp)) = plan(vec![ended("web", "r0")], RunState::Running) else {
        panic!("db is missing");
    };
    assert_eq!(stamp.run, "r0");
}

#[test]
fn without_consent_an_empty_project_is_brought_up_and_a_complete_one_left_alone() {
    let ours = ours();
    let expected = [expect("web")];
    let plan = gently(&ours, &Survey::default(), &[], &expected);
    assert_eq!(plan, Ok(Gentle::BringUp(ours.clone())));
    let survey = Survey { containers: vec![ended("web", "r0")], volumes: vec![] };
    let there = [container("web", RunState::Running)];
    assert_eq!(gently(&ours, &survey, &there, &expected), Ok(Gentle::Look));
    let mut done = container("web", RunState::Exited);
    done.one_shot = true;
    done.exit_code = Some(0);
    assert_eq!(gently(&ours, &survey, &[done], &expected), Ok(Gentle::Look));
}
