//! Where a live test happens: an image, a compose project of its own, and its removal.

use std::process::Command;
use std::time::Duration;

use crate::support::left_out;
use runner::config::{Compose, Reset, StackConfig, StackKind};
use runner::stack::compose::{ComposeStack, Parts, Tool};
use runner::stack::engine::Engine;

/// What the tests run in containers: an image and what its programs do. Each list is a whole
/// command, from the program's path on.
pub struct Image {
    pub reference: String,
    /// Serves until TERM, and says `said` in its log.
    pub serve: Vec<String>,
    pub said: &'static str,
    /// A health check that passes, and one that fails.
    pub check: Vec<String>,
    pub bad_check: Vec<String>,
    /// Ends with this code, after these words in its log.
    pub fail: (Vec<String>, i64, &'static str),
    /// Ends with 0.
    pub done: Vec<String>,
}

impl Image {
    /// The demo's image: this program, which plays all parts.
    pub fn demo(reference: String) -> Image {
        let words = |all: &[&str]| all.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        Image {
            reference,
            serve: words(&["/runner", "demo-service", "--role", "cache"]),
            said: "listens on",
            check: words(&["/runner", "demo-health"]),
            bad_check: words(&["/runner", "demo-health", "--port", "9"]),
            fail: (words(&["/runner", "demo-service", "--role", "nobody"]), 2, "nobody"),
            done: words(&["/runner", "--help"]),
        }
    }

    /// Any image with a shell at /bin/sh and a `sleep`.
    pub fn with_shell(reference: String) -> Image {
        let sh = |script: &str| vec!["/bin/sh".into(), "-c".into(), script.to_owned()];
        Image {
            reference,
            serve: sh("trap exit TERM; echo api is up; while :; do sleep 0.1; done"),
            said: "api is up",
            check: sh("echo fine"),
            bad_check: sh("echo connection refused; exit 1"),
            fail: (sh("echo bad arguments; exit 5"), 5, "bad arguments"),
            done: sh("exit 0"),
        }
    }
}

/// A list as YAML has it.
pub fn list(words: &[String]) -> String {
    serde_json::to_string(words).expect("words")
}

/// The image, or why there is none.
pub fn image() -> Option<Image> {
    if let Ok(reference) = std::env::var("RUNNER_TEST_IMAGE") {
        return Some(Image::with_shell(reference));
    }
    match demo_image() {
        Ok(reference) => Some(Image::demo(reference)),
        Err(why) => {
            left_out("docker", &why);
            None
        }
    }
}

/// Makes the demo's image of the program under test; on a thread of its own, since tests bring a
/// runtime of their own.
fn demo_image() -> Result<String, String> {
    let make = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| e.to_string())?;
        runtime.block_on(async {
            let engine = Engine::connect().await.map_err(|e| e.message)?;
            if engine.is_remote() {
                return Err("the engine is remote".to_string());
            }
            let caller = runner::stack::compose::caller(engine.endpoint(), &Compose::default());
            Tool::detect(&caller, &Tool::candidates()).await.map_err(|e| e.message)?;
            let exe = std::path::Path::new(env!("CARGO_BIN_EXE_runner"));
            let image = runner::demo::image::ensure(engine.client(), exe, |_| {}).await;
            image.map(|image| image.reference).map_err(|e| e.to_string())
        })
    };
    std::thread::spawn(make).join().unwrap_or_else(|_| Err("the image maker panicked".into()))
}

/// A project of its own in a temporary folder, removed at the end whatever happened.
pub struct Site {
    dir: tempfile::TempDir,
    pub project: String,
}

impl Site {
    pub fn new(project: &str, services: &str) -> Site {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("compose.yml"), services).expect("a file");
        Site { dir, project: format!("rcompose-{project}-{}", std::process::id()) }
    }

    pub fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("compose.yml")
    }

    /// A further file in its folder.
    pub fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    pub fn config(&self, reset: Reset) -> StackConfig {
        StackConfig {
            kind: StackKind::Compose(Compose {
                files: vec![self.file()],
                directory: self.dir.path().to_owned(),
                ..Compose::default()
            }),
            reset,
            take_over: false,
            allow_remote: false,
            ready_timeout: Duration::from_secs(60),
        }
    }

    pub async fn open(&self, config: &StackConfig, run: &str) -> ComposeStack {
        self.open_as(&self.project, config, run).await
    }

    /// The same under another project's name.
    pub async fn open_as(&self, project: &str, config: &StackConfig, run: &str) -> ComposeStack {
        let parts = Parts {
            engine: Engine::connect().await.expect("an engine"),
            tools: Tool::candidates(),
            run_dir: self.dir.path().to_owned(),
            lock_dir: self.dir.path().to_owned(),
        };
        ComposeStack::open_with(project, config, run, parts).await.expect("a stack")
    }

    /// What a person would do by hand from elsewhere.
    pub fn by_hand(&self, action: &[&str]) {
        let file = self.file().display().to_string();
        self.compose(&[&["-p", self.project.as_str(), "-f", file.as_str()], action].concat());
    }

    /// What a person would do by hand in the folder, naming nothing.
    pub fn by_hand_here(&self, action: &[&str]) {
        self.compose(action);
    }

    fn compose(&self, words: &[&str]) {
        let tool: &[&str] = if docker(&["compose", "version", "--short"]).starts_with(['2', '5']) {
            &["docker", "compose"]
        } else {
            &["docker-compose"]
        };
        let done = Command::new(tool[0])
            .args(&tool[1..])
            .args(words)
            .current_dir(self.dir.path())
            .output()
            .expect("a compose tool");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    pub fn label(&self) -> String {
        format!("label=com.docker.compose.project={}", self.project)
    }

    pub fn containers(&self) -> Vec<String> {
        let ids = docker(&["ps", "-aq", "--no-trunc", "--filter", &self.label()]);
        ids.split_whitespace().map(str::to_owned).collect()
    }

    pub fn volumes(&self) -> Vec<String> {
        let names = docker(&["volume", "ls", "-q", "--filter", &self.label()]);
        names.split_whitespace().map(str::to_owned).collect()
    }

    pub fn networks(&self) -> Vec<String> {
        let ids = docker(&["network", "ls", "-q", "--filter", &self.label()]);
        ids.split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for id in self.containers() {
            docker(&["rm", "-fv", &id]);
        }
        for id in self.networks() {
            docker(&["network", "rm", &id]);
        }
        for name in self.volumes() {
            docker(&["volume", "rm", &name]);
        }
    }
}

pub fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().expect("the docker client");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Two services, one with a health check and a published port, one without; a volume.
pub fn two_services(image: &Image, explicit_name: bool) -> String {
    let name = match explicit_name {
        true => format!("    container_name: explicit-{}\n", std::process::id()),
        false => String::new(),
    };
    let Image { reference, .. } = image;
    let (serve, mut check) = (list(&image.serve), image.check.clone());
    check.insert(0, "CMD".into());
    let check = list(&check);
    format!(
        "
services:
  api:
    image: {reference}
    entrypoint: {serve}
    restart: always
    mem_limit: 64m
    cpus: 0.5
    ports: ['127.0.0.1::8000']
    volumes: ['data:/data']
    healthcheck:
      test: {check}
      interval: 1s
  worker:
    image: {reference}
    entrypoint: {serve}
{name}    restart: 'no'
volumes:
  data:
"
    )
}
