//! Health checks of the config: a GET every interval, and how long the whole answer took.

use crate::model::HealthCheck;
use crate::session::ports::RunClock;
use crate::source::custom::board::Board;
use crate::source::custom::fetch::Request;
use crate::source::custom::watch::{Job, Place};

/// A service that is checked.
pub(crate) struct Check {
    pub index: usize,
    pub request: Request,
    pub board: Board,
    pub clock: RunClock,
}

impl Job for Check {
    async fn once(&mut self, place: &Place) {
        let at = self.clock.now();
        let asked = match &place.url {
            Ok(url) => self.request.get(url).await.map(|_| ()),
            Err(why) => Err(why.clone()),
        };
        let ms = asked.is_ok().then(|| (self.clock.now() - at) * 1000.0);
        self.board.check(place.era, self.index, HealthCheck { at, ms }, asked.err());
    }
}
