//! The judgement in the middle of a run that `leak.confirm` asks for: the journal is read back and
//! judged as it will be at the end.

use std::path::PathBuf;
use std::sync::Arc;

use crate::analysis::leak::LeakVerdict;
use crate::analysis::{Settings, analyze};
use crate::session::confirm::Confirmation;
use crate::store::input::{Input, read};

/// Judges the run in this folder.
#[must_use]
pub fn confirmation(folder: PathBuf, settings: Settings) -> Confirmation {
    Arc::new(move |scenario| {
        let loaded = read(&Input::RunFolder(folder.clone())).map_err(|error| error.to_string())?;
        let mut data = loaded.dataset;
        data.scenarios.retain(|known| known.name == scenario);
        let analysis = analyze(&data, &settings);
        let needs = analysis.containers.iter().filter(|c| c.leak.as_ref().is_some_and(waits));
        Ok(needs.map(|container| container.name.clone()).collect())
    })
}

/// The verdict itself says which leaks are slow enough to be looked at twice.
fn waits(leak: &LeakVerdict) -> bool {
    leak.confirmed == Some(false)
}

#[cfg(test)]
mod tests {
    use crate::config::LeakConfig;

    use super::*;

    #[test]
    fn a_verdict_that_waits_for_a_second_look_is_looked_at_again() {
        let config = LeakConfig { confirm: true, ..LeakConfig::default() };
        let with = |confirmed| LeakVerdict { confirmed, ..LeakVerdict::insufficient("", &config) };
        assert!(waits(&with(Some(false))));
        assert!(!waits(&with(Some(true))) && !waits(&with(None)));
    }
}
