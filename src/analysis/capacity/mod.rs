//! How much load the stack carries, and which container gives in first.

mod levels;
mod random;
mod readings;
mod speed;
mod stress;
mod throughput;
mod trials;
mod usl;
pub mod window;
mod work;

pub use levels::{LevelMean, levels, sustained};
pub use speed::{Speed, Step, speed};
pub use stress::{Capacity, ContainerCapacity, capacity, read_trigger};
pub use throughput::throughput;
pub use trials::{Trial, Trials, trials};
pub use usl::{Peak, Point, Scalability, scalability};
pub use window::{ContainerLimits, ContainerReading, HostReading, Means, RollingMeans};
pub use work::Work;
