//! Which metric of cAdvisor (and so of a kubelet's `/metrics/cadvisor`) is which figure.
//!
//! Names: <https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md>.
//! Left out on purpose: `container_fs_reads_total` and the like, which hold the host's figures where
//! disk metrics are on (6387 reads of a container that reads nothing were recorded).

use crate::model::Figure;

/// How series of one metric that belong to one container become one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One series a container.
    Plain,
    /// Split by this label; the sum counts.
    Sum(&'static str),
}

/// A metric that is a figure.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in Prometheus.
    pub name: &'static str,
    /// The figure.
    pub figure: Figure,
    /// From its unit to the figure's.
    pub factor: f64,
    /// How it is split.
    pub shape: Shape,
    /// Whether a zero may also mean "not collected": then it is left out.
    pub zero_is_nothing: bool,
}

const fn plain(name: &'static str, figure: Figure, factor: f64) -> Metric {
    Metric { name, figure, factor, shape: Shape::Plain, zero_is_nothing: false }
}

const fn sum(name: &'static str, label: &'static str, figure: Figure, factor: f64) -> Metric {
    Metric { shape: Shape::Sum(label), ..plain(name, figure, factor) }
}

/// cAdvisor answers zeros for pressure on cgroup v1 and for kernel memory on v2.
const fn zero_is_nothing(metric: Metric) -> Metric {
    Metric { zero_is_nothing: true, ..metric }
}

/// Seconds to nanoseconds and to microseconds.
const NS: f64 = 1e9;
const US: f64 = 1e6;

/// Every metric that is read as a figure.
pub const METRICS: &[Metric] = &[
    sum("container_cpu_usage_seconds_total", "cpu", Figure::CpuUsageNs, NS),
    plain("container_cpu_cfs_periods_total", Figure::CpuPeriods, 1.0),
    plain("container_cpu_cfs_throttled_periods_total", Figure::CpuThrottledPeriods, 1.0),
    plain("container_cpu_cfs_throttled_seconds_total", Figure::CpuThrottledNs, NS),
    plain("container_memory_usage_bytes", Figure::MemoryUsageBytes, 1.0),
    plain("container_memory_working_set_bytes", Figure::MemoryWorkingSetBytes, 1.0),
    plain("container_memory_max_usage_bytes", Figure::MemoryPeakBytes, 1.0),
    plain("container_memory_rss", Figure::AnonBytes, 1.0),
    plain("container_memory_cache", Figure::CacheBytes, 1.0),
    plain("container_memory_total_active_file_bytes", Figure::ActiveFileBytes, 1.0),
    plain("container_memory_total_inactive_file_bytes", Figure::InactiveFileBytes, 1.0),
    plain("container_memory_mapped_file", Figure::MappedFileBytes, 1.0),
    plain("container_memory_swap", Figure::SwapBytes, 1.0),
    zero_is_nothing(plain("container_memory_kernel_usage", Figure::KernelBytes, 1.0)),
    sum("container_fs_reads_bytes_total", "device", Figure::IoReadBytes, 1.0),
    sum("container_fs_writes_bytes_total", "device", Figure::IoWriteBytes, 1.0),
    sum("container_network_receive_bytes_total", "interface", Figure::NetRxBytes, 1.0),
    sum("container_network_transmit_bytes_total", "interface", Figure::NetTxBytes, 1.0),
    zero_is_nothing(plain("container_threads", Figure::Pids, 1.0)),
    plain(OOM_EVENTS, Figure::OomKills, 1.0),
    zero_is_nothing(plain(
        "container_pressure_cpu_waiting_seconds_total",
        Figure::PsiCpuSomeUs,
        US,
    )),
    zero_is_nothing(plain(
        "container_pressure_memory_waiting_seconds_total",
        Figure::PsiMemorySomeUs,
        US,
    )),
    zero_is_nothing(plain(
        "container_pressure_memory_stalled_seconds_total",
        Figure::PsiMemoryFullUs,
        US,
    )),
    zero_is_nothing(plain("container_pressure_io_waiting_seconds_total", Figure::PsiIoSomeUs, US)),
    zero_is_nothing(plain("container_pressure_io_stalled_seconds_total", Figure::PsiIoFullUs, US)),
];

/// OOM kills in the container's group, as cAdvisor counts them.
pub const OOM_EVENTS: &str = "container_oom_events_total";
/// When the container started, Unix seconds; creation before cAdvisor 0.60.
pub const START_TIME: &str = "container_start_time_seconds";
/// Memory limit; 0 where there is none.
pub const MEMORY_LIMIT: &str = "container_spec_memory_limit_bytes";
/// CPU quota, microseconds a period.
pub const CPU_QUOTA: &str = "container_spec_cpu_quota";
/// The quota's period, microseconds.
pub const CPU_PERIOD: &str = "container_spec_cpu_period";

/// The metric whose series tell which containers there are: every cAdvisor has it.
pub const PRESENCE: &str = "container_memory_working_set_bytes";

/// Metrics that describe a container and carry the time of the scrape instead of the reading's.
pub const FACTS: [&str; 4] = [START_TIME, MEMORY_LIMIT, CPU_QUOTA, CPU_PERIOD];

/// The figures that can come of it, best case.
pub const OFFERS: &[Figure] = &[
    Figure::CpuUsageNs,
    Figure::CpuPeriods,
    Figure::CpuThrottledPeriods,
    Figure::CpuThrottledNs,
    Figure::MemoryUsageBytes,
    Figure::MemoryWorkingSetBytes,
    Figure::MemoryLimitBytes,
    Figure::MemoryPeakBytes,
    Figure::AnonBytes,
    Figure::CacheBytes,
    Figure::ActiveFileBytes,
    Figure::InactiveFileBytes,
    Figure::MappedFileBytes,
    Figure::KernelBytes,
    Figure::SwapBytes,
    Figure::IoReadBytes,
    Figure::IoWriteBytes,
    Figure::NetRxBytes,
    Figure::NetTxBytes,
    Figure::Pids,
    Figure::OomKills,
    Figure::PsiCpuSomeUs,
    Figure::PsiMemorySomeUs,
    Figure::PsiMemoryFullUs,
    Figure::PsiIoSomeUs,
    Figure::PsiIoFullUs,
];

/// The figure that a metric is.
#[must_use]
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// All metrics as one regular expression for `__name__`.
#[must_use]
pub fn names() -> String {
    let figures = METRICS.iter().map(|metric| metric.name);
    figures.chain(FACTS).collect::<Vec<_>>().join("|")
}

/// A selector's inside: `wanted` and the user's own matchers (`namespace="shop"`, with or without
/// braces), for series of containers of these metrics.
#[must_use]
pub fn selector(names: &str, wanted: &str, user: &str) -> String {
    let user = user.trim();
    let user = user.strip_prefix('{').and_then(|u| u.strip_suffix('}')).unwrap_or(user);
    let parts = [&format!("__name__=~\"{names}\""), "id!=\"/\"", wanted, user];
    let parts: Vec<&str> =
        parts.into_iter().map(|p| p.trim().trim_matches(',')).filter(|p| !p.is_empty()).collect();
    format!("{{{}}}", parts.join(","))
}

/// A matcher for exactly these values of a label.
#[must_use]
pub fn one_of<'a>(label: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<String> = values.into_iter().map(literal).collect();
    format!("{label}=~\"{}\"", values.join("|"))
}

/// A value as a regular expression within a quoted string of a query: both levels escaped.
fn literal(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => {
                out.push_str("\\\\");
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_made_of_names_and_what_the_user_wants_with_or_without_braces() {
        let of = |user| selector("a|b", "", user);
        assert_eq!(of(""), r#"{__name__=~"a|b",id!="/"}"#);
        assert_eq!(of(r#"{namespace="shop"}"#), r#"{__name__=~"a|b",id!="/",namespace="shop"}"#);
        assert_eq!(of(r#" namespace="shop", "#), r#"{__name__=~"a|b",id!="/",namespace="shop"}"#);
    }

    #[test]
    fn values_of_a_matcher_are_escaped_for_the_string_and_the_expression() {
        assert_eq!(one_of("id", ["/a.scope", "b\"c"]), r#"id=~"/a\\.scope|b\"c""#);
        assert_eq!(one_of("id", ["a\\b"]), r#"id=~"a\\\\b""#);
    }

    #[test]
    fn every_figure_that_a_metric_is_is_offered() {
        assert!(METRICS.iter().all(|metric| OFFERS.contains(&metric.figure)));
    }
}
