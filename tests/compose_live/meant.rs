//! The stack that is tested is the one that its files and compose itself mean.

use runner::config::{Reset, read_file};
use runner::session::ports::Stack;

use crate::site::{Site, docker, image, list};

#[tokio::test(flavor = "multi_thread")]
async fn volumes_and_networks_come_up_with_all_that_the_file_says_of_them() {
    let Some(image) = image() else { return };
    let seed = tempfile::tempdir().expect("a folder");
    let own = format!("rcompose-precious-{}", std::process::id());
    let subnet = format!("10.211.{}.0/24", std::process::id() % 250);
    let services = format!(
        "
services:
  web:
    image: {}
    entrypoint: {}
    mem_limit: 64m
    volumes: ['data:/data', 'named:/named:ro', 'tm:/tm']
    tmpfs: /scratch
    networks: [back]
volumes:
  data:
    driver_opts: {{type: none, o: bind, device: '{}'}}
  named: {{name: {own}}}
  tm:
    driver_opts: {{type: tmpfs, device: tmpfs, o: 'size=1m'}}
networks:
  back:
    internal: true
    ipam: {{config: [{{subnet: {subnet}}}]}}
",
        image.reference,
        list(&image.serve),
        seed.path().display(),
    );
    let site = Site::new("whole", &services);
    let mut stack = site.open(&site.config(Reset::Volumes), "20261121_000009").await;
    let report = stack.reset(stack.consent()).await.expect("as the file says");
    println!("{}", report.what);
    assert!(!report.what.contains("other than the files say"), "{}", report.what);
    let ask =
        |what: &str, name: &str, format: &str| docker(&[what, "inspect", name, "--format", format]);
    let mounts = ask("container", &report.containers[0].id, "{{range .Mounts}}{{.Name}} {{end}}");
    assert!(mounts.split(' ').any(|name| name == own), "{mounts}");
    let back = ask(
        "network",
        &format!("{}_back", site.project),
        "{{.Internal}} {{range .IPAM.Config}}{{.Subnet}}{{end}}",
    );
    assert_eq!(back, format!("true {subnet}"));
    let data = ask("volume", &format!("{}_data", site.project), "{{.Options.device}}");
    assert_eq!(data, seed.path().display().to_string());
    stack.down().await.expect("down");
    assert_eq!(site.volumes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_started_by_hand_is_found_under_the_name_that_compose_gave_it() {
    let Some(image) = image() else { return };
    let services = format!(
        "services:\n  web: {{image: {}, entrypoint: {}}}\n",
        image.reference,
        list(&image.serve)
    );
    let site = Site::new("shopfront", &services);
    let env = site.write(".env", &format!("COMPOSE_PROJECT_NAME={}\n", site.project));
    let toml = site.write("runner.toml", "[stack]\nfile = \"compose.yml\"\n");
    site.by_hand_here(&["up", "-d"]);
    let before = site.containers();
    assert_eq!(before.len(), 1, "compose took the name of .env");
    let config = read_file(&toml, &[]).expect("a config");
    assert_eq!(config.project, site.project);
    let mut stack = site.open_as(&config.project, &config.stack, "20261121_000010").await;
    let report = stack.reset(stack.consent()).await.expect("it runs");
    assert_eq!(report.containers[0].id, before[0]);
    drop(stack);

    // The name is gone from .env: the same files would come up a second time, beside the first.
    std::fs::remove_file(env).expect("it was there");
    let config = read_file(&toml, &["stack.reset=containers".to_owned()]).expect("a config");
    assert_ne!(config.project, site.project);
    let mut stack = site.open_as(&config.project, &config.stack, "20261121_000011").await;
    let error = stack.reset(stack.consent()).await.expect_err("it would be a second one");
    println!("{error}");
    assert!(error.environment);
    assert!(error.message.contains(&format!("stack.project = {:?}", site.project)), "{error}");
    drop(stack);

    // Told so, the running one is meant: and a reset of it needs consent as ever.
    let named = ["stack.reset=containers".to_owned(), format!("stack.project={}", site.project)];
    let config = read_file(&toml, &named).expect("a config");
    let mut stack = site.open_as(&config.project, &config.stack, "20261121_000012").await;
    let error = stack.reset(stack.consent()).await.expect_err("it is foreign");
    assert!(error.message.contains("take_over = true"), "{error}");
    assert_eq!(site.containers(), before, "nothing was touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_shot_that_is_started_again_on_failure_only_is_ready_when_it_ended_with_0() {
    let Some(image) = image() else { return };
    let services = format!(
        "
services:
  migrate: {{image: {0}, entrypoint: {1}, restart: on-failure}}
  app:
    image: {0}
    entrypoint: {2}
    restart: unless-stopped
    depends_on:
      migrate: {{condition: service_completed_successfully}}
",
        image.reference,
        list(&image.done),
        list(&image.serve),
    );
    let site = Site::new("migrate", &services);
    let mut stack = site.open(&site.config(Reset::Containers), "20261121_000013").await;
    let report = stack.reset(stack.consent()).await.expect("both are ready");
    println!("{}", report.what);
    assert!(report.what.ends_with("2 of 2 ready"), "{}", report.what);
    stack.down().await.expect("down");
}
