//! The live view: a small table that redraws itself on a terminal, plain lines where there is none.
//! Everything goes to stderr, cleaned as all that is told.

use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::session::live::{ContainerView, Observer, View};
use crate::tell::{self, Said, Tone, clean};

/// The observer that fits stderr.
#[must_use]
pub fn observer() -> Box<dyn Observer> {
    if tell::is_terminal() { Box::new(Table::new()) } else { Box::new(Lines::new()) }
}

/// Containers shown at once.
const ROWS: usize = 6;

struct Table {
    start: Instant,
    screen: MultiProgress,
    head: ProgressBar,
    rows: Vec<ProgressBar>,
}

impl Table {
    fn new() -> Table {
        let screen = MultiProgress::new();
        let head = line(&screen);
        let rows = (0..=ROWS).map(|_| line(&screen)).collect();
        Table { start: Instant::now(), screen, head, rows }
    }

    /// Above the table, which indicatif takes away meanwhile.
    fn print(&self, text: &Said) {
        let _ = self.screen.println(tell::painted(&stamped(self.start, text)));
    }
}

fn line(screen: &MultiProgress) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
        bar.set_style(style);
    }
    screen.add(bar)
}

impl Observer for Table {
    fn view(&mut self, view: &View) {
        let head = format!("{}  {}", clock(self.start.elapsed().as_secs_f64()), headline(view));
        self.head.set_message(clean::one_line(&head));
        let title =
            format!("{:<24} {:>9} {:>11} {:>7}", "container", "cpu %", "memory MB", "mem %");
        let mut texts = vec![tell::painted(&Said::of(Tone::Dim, &title))];
        texts.extend(view.containers.iter().take(ROWS).map(|one| clean::one_line(&row(one))));
        for (index, bar) in self.rows.iter().enumerate() {
            bar.set_message(texts.get(index).cloned().unwrap_or_default());
        }
    }

    fn note(&mut self, text: &str) {
        self.print(&text.into());
    }

    fn warn(&mut self, text: &str) {
        self.print(&warning(text));
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.head.finish_and_clear();
        for bar in &self.rows {
            bar.finish_and_clear();
        }
        let _ = self.screen.clear();
    }
}

fn warning(text: &str) -> Said {
    let mut said = Said::of(Tone::Watch, "warning");
    said.push(&format!(" {text}"));
    said
}

/// What is said, behind the time since the start.
fn stamped(start: Instant, text: &Said) -> Said {
    let mut said = Said::of(Tone::Dim, &clock(start.elapsed().as_secs_f64()));
    said.push("  ");
    said.append(text.clone());
    said
}

struct Lines {
    start: Instant,
    phase: String,
    said: f64,
}

/// Seconds between two lines of one phase.
const EVERY: f64 = 30.0;

impl Lines {
    fn new() -> Lines {
        Lines { start: Instant::now(), phase: String::new(), said: 0.0 }
    }

    fn print(&self, text: &Said) {
        tell::people(stamped(self.start, text));
    }
}

impl Observer for Lines {
    fn view(&mut self, view: &View) {
        let phase = format!("{}/{}", view.scenario, view.phase);
        let now = self.start.elapsed().as_secs_f64();
        if phase == self.phase && now - self.said < EVERY {
            return;
        }
        self.phase = phase;
        self.said = now;
        let busiest = view.containers.first().and_then(|c| Some((&c.name, c.cpu?)));
        let busiest =
            busiest.map_or(String::new(), |(name, cpu)| format!("; {name} {cpu:.0} % CPU"));
        self.print(&format!("{}{busiest}", headline(view)).into());
    }

    fn note(&mut self, text: &str) {
        self.print(&text.into());
    }

    fn warn(&mut self, text: &str) {
        self.print(&warning(text));
    }
}

/// `stress / ramp  0:12 of at most 1:00, 48 s left  level 60 of 70  host 61 %`.
fn headline(view: &View) -> String {
    let mut text = format!("{} / {}  {}", view.scenario, view.phase, clock(view.elapsed));
    if let Some(planned) = view.planned {
        let most = if view.conditional { "at most " } else { "" };
        let left = (planned - view.elapsed).max(0.0);
        text.push_str(&format!(" of {most}{}, {} left", clock(planned), clock(left)));
    }
    match view.level {
        Some((Some(active), queued)) if active != queued => {
            text.push_str(&format!("  level {active} of {queued}"));
        }
        Some((_, queued)) => text.push_str(&format!("  level {queued}")),
        None => {}
    }
    if let Some(speed) = view.speed.filter(|speed| (*speed - 1.0).abs() > f64::EPSILON) {
        text.push_str(&format!("  speed {speed}x"));
    }
    if let Some(state) = &view.load_state {
        text.push_str(&format!("  {}", state.to_lowercase()));
    }
    if let Some(host) = view.host_cpu {
        text.push_str(&format!("  host {host:.0} %"));
    }
    if view.gaps > 0 {
        text.push_str(&format!("  {} gaps", view.gaps));
    }
    text
}

fn row(view: &ContainerView) -> String {
    let cell = |value: Option<f64>| value.map_or_else(|| "-".to_string(), |v| format!("{v:.1}"));
    format!(
        "{:<24} {:>9} {:>11} {:>7}",
        shortened(&view.name, 24),
        cell(view.cpu),
        cell(view.memory_mb),
        cell(view.memory_percent)
    )
}

fn shortened(name: &str, width: usize) -> String {
    if name.chars().count() <= width {
        return name.to_string();
    }
    let mut short: String = name.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `1:04`, `12:30`, `1:02:03`.
fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{minutes}:{rest:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_minutes_and_seconds_and_hours_where_needed() {
        assert_eq!(clock(4.4), "0:04");
        assert_eq!(clock(64.0), "1:04");
        assert_eq!(clock(3723.0), "1:02:03");
        assert_eq!(clock(-1.0), "0:00");
    }

    #[test]
    fn the_headline_says_phase_time_left_and_level() {
        let view = View {
            scenario: "stress".into(),
            phase: "ramp".into(),
            elapsed: 12.0,
            planned: Some(60.0),
            conditional: true,
            level: Some((Some(60), 70)),
            ..View::default()
        };
        assert_eq!(
            headline(&view),
            "stress / ramp  0:12 of at most 1:00, 0:48 left  level 60 of 70"
        );
    }

    #[test]
    fn long_names_are_shortened_by_characters_not_bytes() {
        assert_eq!(shortened("äöüäöüäöü", 4), "äöü…");
    }
}
