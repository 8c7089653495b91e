//! How fast and how fresh cAdvisor is, and the flags that would make it better.

use std::time::Duration;

use super::row::{Row, within};
use crate::cli::wire;
use crate::config::Config;
use crate::model::Container;
use crate::session::ports::RunClock;
use crate::source::cadvisor::diagnosis::Diagnosis;
use crate::source::cadvisor::{CadvisorAddress, CadvisorSource};

const NAME: &str = "cadvisor";

/// Measures the cAdvisor that the config names; none where it names none.
pub async fn row(config: &Config, containers: &[Container], clock: RunClock) -> Option<Row> {
    let base = wire::cadvisor_base(config, containers)?;
    let address = CadvisorAddress::default();
    address.set(Some(&base));
    let limit = config.sources.timeout;
    let measured = async {
        let mut source = CadvisorSource::new(clock, address)?;
        source.diagnose(limit).await
    };
    Some(match within(NAME, measured).await {
        Err(row) => row.into_note(),
        Ok(Err(why)) => Row::note(NAME, why).with_remedy("see the row of its source"),
        Ok(Ok(found)) => describe(&found, shortest_interval(config), limit),
    })
}

fn describe(found: &Diagnosis, interval: Duration, limit: Duration) -> Row {
    match found.remedy(interval, limit) {
        Some(remedy) => Row::note(NAME, found.describe()).with_remedy(remedy),
        None => Row::ok(NAME, found.describe()),
    }
}

fn shortest_interval(config: &Config) -> Duration {
    let all = [config.baseline.interval, config.stress.interval, config.duration.active_interval];
    all.into_iter().min().unwrap_or(Duration::from_secs(2))
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    #[test]
    fn a_slow_one_is_a_note_with_the_flags_to_set() {
        let (interval, limit) = (Duration::from_secs(2), Duration::from_secs(2));
        let quick = Duration::from_millis(9);
        let mut found = Diagnosis { unforced: quick, forced: Some(quick), ages: vec![0.4] };
        assert_eq!(describe(&found, interval, limit).status, Status::Ok);
        found.ages = vec![55.0];
        let row = describe(&found, interval, limit);
        assert_eq!(row.status, Status::Note);
        assert!(row.remedy.is_some_and(|remedy| remedy.contains("--housekeeping_interval=1s")));
    }
}
