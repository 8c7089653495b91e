//! A run that is analysed while it goes on is not one that was killed.

use serde_json::Value;

use crate::analysis::{Dataset, RUNNING};
use crate::stack::holder::{Holder, Life};

/// Says of a run without an end that it goes on, where the process that records it lives.
pub fn tell(data: &mut Dataset) {
    if data.completed_at.is_some() || !is_held(&data.run) {
        return;
    }
    data.abort_reason = Some(RUNNING.to_string());
    for scenario in data.scenarios.iter_mut().filter(|scenario| scenario.aborted) {
        scenario.abort_reason = Some(RUNNING.to_string());
    }
}

/// Whether another process of this machine is recording the run. This one would know its end.
fn is_held(run: &Value) -> bool {
    let holder = run.get("holder").and_then(Value::as_str);
    let Some(holder) = holder.and_then(|text| text.parse::<Holder>().ok()) else { return false };
    holder.pid != std::process::id() && holder.life(false) == Life::Alive
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_goes_on_as_long_as_the_process_that_records_it() {
        let mut other =
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat");
        let me = Holder::me().expect("/proc is readable");
        assert!(!is_held(&json!({"holder": me.to_string()})), "this process would know");
        let started = |pid: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("alive");
            let (_, rest) = stat.rsplit_once(')').expect("a name");
            rest.split_whitespace().nth(19).and_then(|n| n.parse().ok()).expect("a start")
        };
        let pid = other.id();
        let run = json!({"holder": Holder { pid, start: started(pid), ..me }.to_string()});
        assert!(is_held(&run));
        drop(other.stdin.take());
        other.wait().expect("it ends");
        assert!(!is_held(&run));
        assert!(!is_held(&Value::Null) && !is_held(&json!({"holder": "nobody"})));
    }
}
