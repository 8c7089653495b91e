//! What a vendor's driver has to answer. Its calls may block for as long as they like: they are
//! made in a thread of their own.

use crate::model::{Device, FigureSet};

use super::owners::Owners;
use super::share::OnDevice;

/// What one round of calls gave.
#[derive(Debug, Default)]
pub struct DriverRead {
    /// Figures by device key.
    pub figures: Vec<(String, FigureSet)>,
    /// Processes of the devices whose processes are asked for.
    pub processes: Vec<OnDevice>,
    /// What went wrong, by device key.
    pub troubles: Vec<(String, String)>,
}

/// A vendor's driver.
pub trait Driver: Send {
    /// The devices there are.
    fn devices(&self) -> Vec<Device>;

    /// Reads them all.
    fn read(&mut self, owners: &Owners) -> DriverRead;
}
