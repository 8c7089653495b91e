//! What a demo service is told: flags, or the environment where a flag is absent.
//!
//! Compose and the process stack configure by environment; flags are for trying a role by hand.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The part of the stack that a demo service plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The control API; its agents cost CPU time and memory.
    Simulation,
    /// Burns the CPU time it is sent, and leaks while it does.
    StreamProcessor,
    /// Fills up to its bound and stays there.
    Cache,
    /// Appends to files, so that its page cache grows and nothing else does.
    Store,
}

impl Role {
    /// The name of the role, which is the name of its service as well.
    pub fn name(self) -> &'static str {
        match self {
            Role::Simulation => "simulation",
            Role::StreamProcessor => "stream-processor",
            Role::Cache => "cache",
            Role::Store => "store",
        }
    }
}

/// Flags of the hidden subcommand `demo-service`. Each can come from the environment instead:
/// `--stream-url` is `DEMO_STREAM_URL`, and so on.
#[derive(Debug, Clone, Default, Args)]
pub struct DemoServiceArgs {
    /// The role to play
    #[arg(long)]
    pub role: Option<Role>,
    /// Address to listen on (default 0.0.0.0)
    #[arg(long)]
    pub host: Option<String>,
    /// Port to listen on (default 8000)
    #[arg(long)]
    pub port: Option<u16>,
    /// Where `simulation` sends work, as http://HOST:PORT
    #[arg(long)]
    pub stream_url: Option<String>,
    /// Where `stream-processor` puts keys
    #[arg(long)]
    pub cache_url: Option<String>,
    /// Where `stream-processor` appends
    #[arg(long)]
    pub store_url: Option<String>,
    /// Key that the control API asks for in X-API-Key
    #[arg(long)]
    pub api_key: Option<String>,
    /// Planted leak of `stream-processor`, in MB a minute (default 40)
    #[arg(long)]
    pub leak_mb_per_min: Option<f64>,
    /// Bound of `cache`, in MB (default 48)
    #[arg(long)]
    pub cache_mb: Option<u64>,
    /// Folder that `store` writes to (default /data)
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Endpoints under /tasks/ with what each does to memory, e.g.
    /// browse,session=cache:8388608,checkout=leak:32768
    #[arg(long)]
    pub tasks: Option<String>,
    /// Serve the provocations under /debug (default: only when DEMO_DEBUG=1)
    #[arg(long)]
    pub debug: bool,
    /// Instead of serving, allocate this many MB a second until killed
    #[arg(long)]
    pub hog_mb_per_s: Option<f64>,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Neither the flag nor its variable is there.
    #[error("no {flag} given: pass it or set {variable}")]
    Missing {
        /// The flag that is missing.
        flag: &'static str,
        /// The variable that would do instead.
        variable: &'static str,
    },
    /// The variable's value does not parse.
    #[error("{variable}={value:?} is not {wanted}")]
    Invalid {
        /// The variable at fault.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        wanted: &'static str,
    },
}

/// What a demo service runs with, complete and valid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub role: Role,
    pub host: String,
    pub port: u16,
    pub stream_url: Option<String>,
    pub cache_url: Option<String>,
    pub store_url: Option<String>,
    pub api_key: Option<String>,
    pub leak_mb_per_min: f64,
    pub cache_mb: u64,
    pub data_dir: PathBuf,
    pub debug: bool,
    pub tasks: Vec<super::tasks::Task>,
}

impl Settings {
    /// Flags first, then `env`, then defaults. An empty variable counts as not set, since compose
    /// passes `${NAME:-}` on as an empty one.
    pub fn resolve(
        args: DemoServiceArgs,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Settings, SettingsError> {
        let text = |name: &str| env(name).filter(|value| !value.is_empty());
        let leak_mb_per_min =
            number(args.leak_mb_per_min, "DEMO_LEAK_MB_PER_MIN", &text, super::LEAK_MB_PER_MIN)?;
        if !(leak_mb_per_min.is_finite() && leak_mb_per_min >= 0.0) {
            return Err(SettingsError::Invalid {
                variable: "DEMO_LEAK_MB_PER_MIN",
                value: leak_mb_per_min.to_string(),
                wanted: "zero or more",
            });
        }
        Ok(Settings {
            role: role(args.role, &text)?,
            host: args.host.or_else(|| text("DEMO_HOST")).unwrap_or_else(|| "0.0.0.0".into()),
            port: number(args.port, "DEMO_PORT", &text, 8000)?,
            stream_url: args.stream_url.or_else(|| text("DEMO_STREAM_URL")),
            cache_url: args.cache_url.or_else(|| text("DEMO_CACHE_URL")),
            store_url: args.store_url.or_else(|| text("DEMO_STORE_URL")),
            api_key: args.api_key.or_else(|| text("DEMO_API_KEY")),
            leak_mb_per_min,
            cache_mb: number(args.cache_mb, "DEMO_CACHE_MB", &text, 48)?.clamp(1, 4096),
            data_dir: args
                .data_dir
                .or_else(|| text("DEMO_DATA_DIR").map(PathBuf::from))
                .unwrap_or_else(|| "/data".into()),
            tasks: tasks(args.tasks.or_else(|| text("DEMO_TASKS")))?,
            debug: args.debug || text("DEMO_DEBUG").as_deref() == Some("1"),
        })
    }
}

fn tasks(text: Option<String>) -> Result<Vec<super::tasks::Task>, SettingsError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    super::tasks::parse(&text).ok_or(SettingsError::Invalid {
        variable: "DEMO_TASKS",
        value: text,
        wanted: "a list of name, name=leak:BYTES, name=borrow:BYTES or name=cache:BYTES",
    })
}

fn role(flag: Option<Role>, text: &impl Fn(&str) -> Option<String>) -> Result<Role, SettingsError> {
    if let Some(role) = flag {
        return Ok(role);
    }
    let value = text("DEMO_ROLE")
        .ok_or(SettingsError::Missing { flag: "--role", variable: "DEMO_ROLE" })?;
    Role::from_str(&value, false).map_err(|_| SettingsError::Invalid {
        variable: "DEMO_ROLE",
        value,
        wanted: "simulation, stream-processor, cache or store",
    })
}

fn number<T: std::str::FromStr>(
    flag: Option<T>,
    variable: &'static str,
    text: &impl Fn(&str) -> Option<String>,
    default: T,
) -> Result<T, SettingsError> {
    match (flag, text(variable)) {
        (Some(value), _) => Ok(value),
        (None, None) => Ok(default),
        (None, Some(value)) => value.parse().map_err(|_| SettingsError::Invalid {
            variable,
            value,
            wanted: "a number in range",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    }

    #[test]
    fn the_environment_alone_is_enough() {
        let settings = Settings::resolve(
            DemoServiceArgs::default(),
            env(&[("DEMO_ROLE", "stream-processor"), ("DEMO_PORT", "9000"), ("DEMO_DEBUG", "1")]),
        )
        .unwrap();
        assert_eq!(settings.role, Role::StreamProcessor);
        assert_eq!(settings.port, 9000);
        assert_eq!(settings.leak_mb_per_min, 40.0);
        assert!(settings.debug);
    }

    #[test]
    fn a_flag_beats_its_variable() {
        let args = DemoServiceArgs { role: Some(Role::Cache), port: Some(1), ..Default::default() };
        let settings =
            Settings::resolve(args, env(&[("DEMO_ROLE", "store"), ("DEMO_PORT", "2")])).unwrap();
        assert_eq!((settings.role, settings.port), (Role::Cache, 1));
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let settings = Settings::resolve(
            DemoServiceArgs::default(),
            env(&[("DEMO_ROLE", "cache"), ("DEMO_API_KEY", ""), ("DEMO_PORT", "")]),
        )
        .unwrap();
        assert_eq!((settings.api_key, settings.port), (None, 8000));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_variable() {
        for (pairs, wanted) in [
            (&[][..], "--role"),
            (&[("DEMO_ROLE", "kafka")][..], "DEMO_ROLE"),
            (&[("DEMO_ROLE", "cache"), ("DEMO_PORT", "70000")][..], "DEMO_PORT"),
            (&[("DEMO_ROLE", "cache"), ("DEMO_LEAK_MB_PER_MIN", "NaN")][..], "LEAK"),
        ] {
            let error = Settings::resolve(DemoServiceArgs::default(), env(pairs)).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }
}
