//! What is shown while a run goes on: values for an observer, which draws or prints them.

/// What goes on now.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Name of the scenario, as `-s` takes it.
    pub scenario: String,
    /// Name of the phase.
    pub phase: String,
    /// Seconds since the phase began.
    pub elapsed: f64,
    /// Planned length of the phase, seconds; for a condition with a time limit, the limit.
    pub planned: Option<f64>,
    /// Whether the phase may end earlier by a condition.
    pub conditional: bool,
    /// Level that is there, of how much was asked for.
    pub level: Option<(Option<u32>, u32)>,
    /// Speed multiplier.
    pub speed: Option<f64>,
    /// The driven system's word for its state.
    pub load_state: Option<String>,
    /// Containers, busiest first.
    pub containers: Vec<ContainerView>,
    /// Host CPU, percent.
    pub host_cpu: Option<f64>,
    /// Gaps in this tick.
    pub gaps: usize,
}

/// One container now.
#[derive(Debug, Clone, Default)]
pub struct ContainerView {
    /// Its key.
    pub name: String,
    /// CPU, percent of one core.
    pub cpu: Option<f64>,
    /// Working set, MB.
    pub memory_mb: Option<f64>,
    /// Working set, percent of the limit.
    pub memory_percent: Option<f64>,
}

/// Who shows a run.
pub trait Observer: Send {
    /// A tick was taken.
    fn view(&mut self, view: &View);
    /// Something worth a line happened.
    fn note(&mut self, text: &str);
    /// Something the user should know before trusting the run happened.
    fn warn(&mut self, text: &str);
}

/// Shows nothing.
pub struct Silent;

impl Observer for Silent {
    fn view(&mut self, _: &View) {}
    fn note(&mut self, _: &str) {}
    fn warn(&mut self, _: &str) {}
}
