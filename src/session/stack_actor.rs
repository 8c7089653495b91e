//! The stack in a task of its own, so that an inspect or a reset never delays a tick.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::config::Reset;
use crate::model::{Container, StackEvent, StackEventKind};

use super::ports::{LastWords, ResetReport, Stack, StackError, unix_now};

/// What the stack's task tells the session.
#[derive(Debug, Clone)]
pub enum News {
    /// Something happened to a container.
    Event(StackEvent),
    /// The containers as they are now.
    Containers(Vec<Container>),
    /// The last words of a container that died, was killed or is unhealthy.
    LastWords {
        /// The container's key.
        name: String,
        /// What was found.
        words: LastWords,
    },
    /// Another run has taken the stack over: by whom, in words.
    Lost(String),
    /// The stack could not be looked at.
    Trouble(String),
}

enum Command {
    Reset(Reset, oneshot::Sender<Result<ResetReport, StackError>>),
    Down(oneshot::Sender<Result<String, StackError>>),
}

/// The session's end of the stack's task.
pub struct StackHandle {
    commands: mpsc::Sender<Command>,
    /// What happens, in order.
    pub news: mpsc::UnboundedReceiver<News>,
    task: JoinHandle<()>,
}

impl StackHandle {
    /// Gives the stack a task.
    #[must_use]
    pub fn spawn(stack: Box<dyn Stack>) -> StackHandle {
        let (commands, inbox) = mpsc::channel(4);
        let (news_out, news) = mpsc::unbounded_channel();
        let actor = Actor { stack, inbox, news: news_out, quiet_before: 0.0 };
        StackHandle { commands, news, task: tokio::spawn(actor.work()) }
    }

    /// Resets the stack. Dropping the wait ends the reset where it is.
    ///
    /// # Errors
    /// What the stack says.
    pub async fn reset(&self, how: Reset) -> Result<ResetReport, StackError> {
        let (answer, wait) = oneshot::channel();
        self.call(Command::Reset(how, answer), wait).await
    }

    /// Takes down what this run made.
    ///
    /// # Errors
    /// What the stack says.
    pub async fn down(&self) -> Result<String, StackError> {
        let (answer, wait) = oneshot::channel();
        self.call(Command::Down(answer), wait).await
    }

    async fn call<T>(
        &self,
        command: Command,
        wait: oneshot::Receiver<Result<T, StackError>>,
    ) -> Result<T, StackError> {
        let gone = || StackError::broke("the task that drives the stack has ended");
        self.commands.send(command).await.map_err(|_| gone())?;
        wait.await.map_err(|_| gone())?
    }
}

impl Drop for StackHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Actor {
    stack: Box<dyn Stack>,
    inbox: mpsc::Receiver<Command>,
    news: mpsc::UnboundedSender<News>,
    /// Events stamped before this belong to a reset of our own.
    quiet_before: f64,
}

/// Looking at the stack must not take longer: a hung engine costs this, not the run.
const LOOK_LIMIT: Duration = Duration::from_secs(20);

impl Actor {
    async fn work(mut self) {
        loop {
            tokio::select! {
                biased;
                command = self.inbox.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                event = self.stack.next_event() => self.tell(event).await,
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Reset(how, mut answer) => {
                let result = tokio::select! {
                    result = self.stack.reset(how) => Some(result),
                    () = answer.closed() => None,
                };
                self.quiet_before = unix_now();
                if let Some(result) = result {
                    let _ = answer.send(result);
                }
            }
            Command::Down(answer) => {
                let _ = answer.send(self.stack.down().await);
                self.quiet_before = f64::INFINITY;
            }
        }
    }

    async fn tell(&mut self, event: StackEvent) {
        if event.t < self.quiet_before {
            return;
        }
        let last_words = wants_last_words(&event.kind).then(|| event.name.clone());
        let moved = changes_containers(&event.kind);
        let _ = self.news.send(News::Event(event));
        if moved {
            self.look().await;
        }
        if let Some(name) = last_words {
            let words = tokio::time::timeout(LOOK_LIMIT, self.stack.last_words(&name)).await;
            if let Ok(words) = words {
                let _ = self.news.send(News::LastWords { name, words });
            }
        }
    }

    async fn look(&mut self) {
        let news = match tokio::time::timeout(LOOK_LIMIT, self.stack.containers()).await {
            Ok(Ok(containers)) => match self.stack.lost() {
                Some(who) => News::Lost(who),
                None => News::Containers(containers),
            },
            Ok(Err(error)) => News::Trouble(error.to_string()),
            Err(_) => News::Trouble(format!(
                "the engine did not say within {} s which containers there are",
                LOOK_LIMIT.as_secs()
            )),
        };
        let _ = self.news.send(news);
    }
}

fn changes_containers(kind: &StackEventKind) -> bool {
    use StackEventKind as K;
    matches!(
        kind,
        K::Create
            | K::Start
            | K::Die { .. }
            | K::Destroy
            | K::Update
            | K::Pause
            | K::Unpause
            | K::StreamGap { .. }
    )
}

fn wants_last_words(kind: &StackEventKind) -> bool {
    match kind {
        StackEventKind::Die { .. } | StackEventKind::Oom => true,
        StackEventKind::Health { status } => status == "unhealthy",
        _ => false,
    }
}
