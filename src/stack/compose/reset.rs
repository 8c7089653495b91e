//! The reset of a compose stack: what is there, whether it may be touched, down, up, wait.

use std::time::Duration;

use tokio::time::Instant;

use super::compare::{self, Difference, There};
use super::owner::{self, Gentle, Owned, Owner, Survey};
use super::twin::Twin;
use super::{ComposeStack, TOOL_LIMIT, write_labels};
use crate::config::{Reset, StackKind};
use crate::model::Container;
use crate::session::ports::{ResetReport, StackError};
use crate::stack::engine::{EngineError, Inspected, VolumeFound};
use crate::stack::naming::COMPOSE_PROJECT;
use crate::stack::ready::{Readiness, assess};
use crate::stack::{LABEL_PROJECT, LABEL_RUN};

/// How often readiness is looked at; a look costs an inspect of what changed.
const LOOK: Duration = Duration::from_millis(200);
/// How often everything is looked at anew, should an event have been missed.
const LOOK_ANEW: Duration = Duration::from_secs(2);
/// A log of this many lines is shown for who is not ready.
const SHOWN_LINES: usize = 5;

impl ComposeStack {
    pub(super) async fn bring_to_clean_state(
        &mut self,
        how: Reset,
    ) -> Result<ResetReport, StackError> {
        let mut done = Vec::new();
        self.tracker.look_anew();
        let found = self.tracker.inspected().await?;
        let survey = self.survey(&found).await?;
        if found.is_empty() {
            self.refuse_a_twin().await?;
        }
        match how {
            Reset::Never => self.gently(&survey, &found, &mut done).await?,
            reset @ (Reset::Containers | Reset::Volumes) => {
                let take_over = self.config.take_over;
                owner::may_reset(&self.stamp.project, &survey, reset, take_over)
                    .map_err(StackError::environment)?;
                if self.anything(&survey).await? {
                    self.down_and_look(reset == Reset::Volumes, &mut done).await?;
                }
                self.made = true;
                self.up(&mut done).await?;
            }
        }
        self.wait_until_ready(&mut done).await?;
        let containers = self.own_containers().await?;
        Ok(ResetReport { what: done.join(", "), containers })
    }

    /// Brings up no second copy of files that run under another name.
    async fn refuse_a_twin(&self) -> Result<(), StackError> {
        let StackKind::Compose(compose) = &self.config.kind else { return Ok(()) };
        let project = &self.stamp.project;
        match (Twin::find(self.engine(), compose, project).await?, compose.files.first()) {
            (Some(twin), Some(file)) => Err(twin.refusal(file, project)),
            _ => Ok(()),
        }
    }

    pub(super) async fn take_down(&mut self) -> Result<String, StackError> {
        if !self.made {
            return Ok("nothing to take down: this run made nothing".to_owned());
        }
        self.tracker.look_anew();
        let found = self.tracker.inspected().await?;
        let survey = self.survey(&found).await?;
        let foreign: Vec<&Owned> =
            survey.containers.iter().filter(|c| c.owner != Owner::Ours).collect();
        if !foreign.is_empty() {
            if foreign.len() == survey.containers.len() && foreign.iter().all(|c| c.is_of_a_run()) {
                self.made = false;
                return Ok("nothing is taken down: another run has remade it all".to_owned());
            }
            return Err(StackError::broke(format!(
                "the stack was left up: project `{}` now has containers that this run did not \
                 make: {}; take it down yourself",
                self.stamp.project,
                named(&foreign)
            )));
        }
        let keep = survey.volumes.iter().any(Owned::is_foreign) && !self.config.take_over;
        let volumes = self.config.reset == Reset::Volumes && !keep;
        let mut done = Vec::new();
        self.down_and_look(volumes, &mut done).await?;
        self.made = false;
        Ok(done.join(", "))
    }

    /// The containers after a reset, where all of them are this run's. The lock keeps two runs apart
    /// that see the same file; the engine is what they share, so it is asked once more: of two that
    /// found the project empty together, the later `up` has remade what the earlier one made.
    pub(super) async fn own_containers(&mut self) -> Result<Vec<Container>, StackError> {
        self.tracker.look_anew();
        let found = self.tracker.inspected().await?;
        self.notice_strangers(&found, true);
        match &self.lost {
            Some(who) => Err(StackError::environment(format!(
                "{who}; wait for it, stop it, or give this run another `project`"
            ))),
            None => Ok(found.into_iter().map(|found| found.container).collect()),
        }
    }

    /// Remembers whether another run has made containers of the project after this one; `strictly`:
    /// or anybody else, where this run has just made all that should be there.
    pub(super) fn notice_strangers(&mut self, found: &[Inspected], strictly: bool) {
        let owned = self.owned(found);
        let strange = |o: &&Owned| match &o.owner {
            Owner::Ours => false,
            Owner::Living { .. } => true,
            Owner::Elsewhere { .. } => self.made,
            Owner::Ended { .. } | Owner::Foreign { .. } => self.made && strictly,
        };
        let strangers: Vec<&Owned> = owned.iter().filter(strange).collect();
        self.lost = (!strangers.is_empty()).then(|| {
            format!(
                "project `{}` has containers that this run did not make: {}; somebody else uses it",
                self.stamp.project,
                named(&strangers)
            )
        });
    }

    /// Whose these containers are.
    fn owned(&self, found: &[Inspected]) -> Vec<Owned> {
        let local = !self.engine().is_remote();
        let owned = |f: &Inspected| Owned {
            name: f.container.engine_name.clone(),
            owner: owner::owner(&f.labels, &self.stamp, local),
        };
        found.iter().map(owned).collect()
    }

    /// Without consent to take anything down.
    async fn gently(
        &mut self,
        survey: &Survey,
        found: &[Inspected],
        done: &mut Vec<String>,
    ) -> Result<(), StackError> {
        let containers: Vec<_> = found.iter().map(|f| f.container.clone()).collect();
        let plan = owner::gently(&self.stamp, survey, &containers, &self.expected)
            .map_err(StackError::environment)?;
        match plan {
            Gentle::Look => {
                done.push("stack.reset = never: left as it is".to_owned());
                // Not made now: told, and left.
                let all = self.differences().await?;
                push_other(&all, done);
                Ok(())
            }
            Gentle::BringUp(stamp) => {
                write_labels(&self.generated, &self.file, &stamp, self.tool().joins())?;
                self.made |= stamp == self.stamp;
                self.up(done).await
            }
        }
    }

    /// What is there, and whose it is.
    async fn survey(&self, found: &[Inspected]) -> Result<Survey, EngineError> {
        let local = !self.engine().is_remote();
        let volumes = self.volumes().await?;
        Ok(Survey {
            containers: self.owned(found),
            volumes: volumes
                .into_iter()
                .map(|v| Owned { owner: owner::owner(&v.labels, &self.stamp, local), name: v.name })
                .collect(),
        })
    }

    /// Whether a `down` has anything to do.
    async fn anything(&self, survey: &Survey) -> Result<bool, EngineError> {
        let volumes = self.config.reset == Reset::Volumes && !survey.volumes.is_empty();
        if volumes || !survey.containers.is_empty() {
            return Ok(true);
        }
        let label = format!("{COMPOSE_PROJECT}={}", self.stamp.project);
        Ok(!self.engine().networks_by_label(&label).await?.is_empty())
    }

    async fn down_and_look(
        &mut self,
        volumes: bool,
        done: &mut Vec<String>,
    ) -> Result<(), StackError> {
        // A failed `down` may have done enough, and a successful one too little.
        let said = self.project.down(volumes, TOOL_LIMIT).await;
        self.tracker.look_anew();
        let left = self.left_over(volumes).await?;
        if !left.is_empty() {
            let why = said.err().map_or(String::new(), |e| format!("\n{}", e.message));
            return Err(StackError::broke(format!(
                "after `down` there are still {}; remove what is not in the compose file or its \
                 enabled profiles by hand (`docker rm -f`), disconnect what else uses the \
                 network, then try again{why}",
                left.join(", ")
            )));
        }
        said?;
        done.push(if volumes { "down -v" } else { "down" }.to_owned());
        Ok(())
    }

    /// What a `down` should have removed and did not.
    async fn left_over(&mut self, volumes: bool) -> Result<Vec<String>, EngineError> {
        let engine = self.tracker.engine().clone();
        let ours = format!("{LABEL_PROJECT}={}", self.stamp.project);
        let mut left: Vec<String> = self
            .tracker
            .containers()
            .await?
            .into_iter()
            .map(|c| format!("the container {}", c.engine_name))
            .collect();
        let networks = engine.networks_by_label(&ours).await?;
        left.extend(networks.into_iter().map(|n| format!("the network {}", n.name)));
        if volumes {
            let volumes = engine.volumes_by_label(&ours).await?;
            left.extend(volumes.into_iter().map(|v| format!("the volume {}", v.name)));
        }
        Ok(left)
    }

    async fn up(&mut self, done: &mut Vec<String>) -> Result<(), StackError> {
        let limit = self.config.ready_timeout + TOOL_LIMIT;
        let result = self.project.up(limit).await;
        self.tracker.look_anew();
        if let Err(mut error) = result {
            // The engine knows more about who is to blame.
            if let Ok(found) = self.tracker.observed().await
                && !found.is_empty()
            {
                let readiness = assess(&self.expected, &found);
                error.message.push_str(&self.who_is_not(&readiness).await);
            }
            return Err(error);
        }
        done.push("up -d".to_owned());
        self.as_the_files_say(done).await
    }

    /// Refuses to measure another stack than the files describe.
    async fn as_the_files_say(&mut self, done: &mut Vec<String>) -> Result<(), StackError> {
        let all = self.differences().await?;
        let (grave, minor): (Vec<_>, Vec<_>) = all.into_iter().partition(|d| d.grave);
        push_other(&minor, done);
        if grave.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = grave.iter().map(|d| format!("\n  {d}")).collect();
        Err(StackError::environment(format!(
            "the stack that came up is not the one of the compose files:{}\nremove what an earlier \
             stack left (`docker volume rm`, `docker network rm`), or update `{}`",
            list.concat(),
            self.tool()
        )))
    }

    /// What is there and not as the files say.
    async fn differences(&mut self) -> Result<Vec<Difference>, EngineError> {
        self.tracker.look_anew();
        let containers = self.tracker.inspected().await?;
        let label = format!("{COMPOSE_PROJECT}={}", self.stamp.project);
        let networks = self.engine().networks_by_label(&label).await?;
        let volumes = self.volumes().await?;
        let there = There { containers: &containers, networks: &networks, volumes: &volumes };
        let heeds_deploy = self.tool().heeds_deploy();
        Ok(compare::differences(&self.file, &self.stamp.project, heeds_deploy, there))
    }

    /// Volumes of the project, and those that its files name.
    async fn volumes(&self) -> Result<Vec<VolumeFound>, EngineError> {
        let project = &self.stamp.project;
        let label = format!("{COMPOSE_PROJECT}={project}");
        let mut volumes = self.engine().volumes_by_label(&label).await?;
        for name in self.file.volume_names(project) {
            if !volumes.iter().any(|v| v.name == name) {
                volumes.extend(self.engine().volume(&name).await?);
            }
        }
        Ok(volumes)
    }

    async fn wait_until_ready(&mut self, done: &mut Vec<String>) -> Result<(), StackError> {
        let begun = Instant::now();
        let mut looked = Instant::now();
        loop {
            let (readiness, trouble) = match self.tracker.observed().await {
                Ok(found) => (assess(&self.expected, &found), None),
                Err(error) => (Readiness::default(), Some(error)),
            };
            if trouble.is_none() && readiness.complete() {
                done.push(format!("{} of {} ready", readiness.ready, readiness.total));
                return Ok(());
            }
            let over = begun.elapsed() >= self.config.ready_timeout;
            match trouble {
                Some(error) if over => return Err(error.into()),
                Some(_) => {}
                None if over || readiness.hopeless() => {
                    return Err(self.not_ready(&readiness, begun.elapsed()).await);
                }
                None => {}
            }
            if looked.elapsed() >= LOOK_ANEW {
                looked = Instant::now();
                self.tracker.look_anew();
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn not_ready(&mut self, readiness: &Readiness, after: Duration) -> StackError {
        let who = self.who_is_not(readiness).await;
        let remedy = match self.config.reset {
            Reset::Never => "start what is missing, or consent to a reset with `stack.reset`",
            _ => "correct the service, or raise `stack.ready_timeout`",
        };
        StackError::environment(format!(
            "{} of {} services are not ready after {:.0} s:{who}\n{remedy}",
            readiness.total.saturating_sub(readiness.ready),
            readiness.total,
            after.as_secs_f64(),
        ))
    }

    /// Who is not ready, a line each, with the end of the log of the first three.
    async fn who_is_not(&mut self, readiness: &Readiness) -> String {
        let mut text = String::new();
        for (i, pending) in readiness.pending.iter().enumerate() {
            text.push_str(&format!("\n  {pending}"));
            if i >= 3 || self.tracker.last_known(&pending.name).is_none() {
                continue;
            }
            let log = self.tracker.last_words(&pending.name).await.log;
            let lines: Vec<&str> = log.lines().filter(|l| !l.trim().is_empty()).collect();
            for line in lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)) {
                let line: String = line.chars().take(200).collect();
                text.push_str(&format!("\n    | {line}"));
            }
        }
        text
    }

    /// Label that everything of this run carries.
    #[must_use]
    pub fn run_label(&self) -> String {
        format!("{LABEL_RUN}={}", self.stamp.run)
    }
}

fn named(all: &[&Owned]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn push_other(differences: &[Difference], done: &mut Vec<String>) {
    if !differences.is_empty() {
        let list: Vec<String> = differences.iter().map(ToString::to_string).collect();
        done.push(format!("other than the files say: {}", list.join("; ")));
    }
}
