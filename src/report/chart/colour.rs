//! Colours: told apart by people with colour blindness, and on paper.
//!
//! Series use the set of Okabe and Ito (2008), without its yellow, which vanishes on white; the
//! eighth and later series repeat it darker and then paler, with dashes where the figures lie far
//! enough apart to show them. Heatmaps use one hue from light to dark, so that
//! they keep their order in grey print.

use super::picture::Dash;

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour(pub u8, pub u8, pub u8);

pub const PAPER: Colour = Colour(0xff, 0xff, 0xff);
pub const INK: Colour = Colour(0x1f, 0x24, 0x2b);
pub const SOFT: Colour = Colour(0x5b, 0x65, 0x70);
pub const AXIS: Colour = Colour(0x9a, 0xa3, 0xad);
pub const GRID: Colour = Colour(0xdc, 0xe0, 0xe5);
pub const ABSENT: Colour = Colour(0xee, 0xf0, 0xf2);
pub const HATCH: Colour = Colour(0xc3, 0xc9, 0xd0);
/// Thresholds and whatever is beyond them.
pub const ALARM: Colour = Colour(0xc4, 0x3c, 0x00);
/// Text in coloured cells; apart from ink and paper, which change places on dark pages.
const ON_LIGHT: Colour = Colour(0x16, 0x1b, 0x22);
const ON_DARK: Colour = Colour(0xfd, 0xfe, 0xff);
/// Series beyond those that can be told apart.
pub const OTHER: Colour = Colour(0xb3, 0xba, 0xc2);

const SERIES: [Colour; 7] = [
    Colour(0x00, 0x72, 0xb2),
    Colour(0xd5, 0x5e, 0x00),
    Colour(0x00, 0x9e, 0x73),
    Colour(0xcc, 0x79, 0xa7),
    Colour(0xe6, 0x9f, 0x00),
    Colour(0x56, 0xb4, 0xe9),
    Colour(0x4a, 0x4a, 0x4a),
];

/// How many series can be told apart; the rest is drawn alike in grey.
pub const DISTINCT: usize = SERIES.len() * 3;

/// The colour and dash of the n-th series.
pub fn series(n: usize) -> (Colour, Dash) {
    let round = n / SERIES.len();
    let base = SERIES[n % SERIES.len()];
    match round {
        0 => (base, Dash::Solid),
        1 => (base.mix(INK, 0.45), Dash::Dashed),
        2 => (base.mix(PAPER, 0.45), Dash::Dotted),
        _ => (OTHER, Dash::Solid),
    }
}

const TINTS: [Colour; 4] = [
    Colour(0xe6, 0x9f, 0x00),
    Colour(0x56, 0xb4, 0xe9),
    Colour(0x8a, 0x94, 0x9e),
    Colour(0x00, 0x9e, 0x73),
];

/// The tint of the n-th phase name; drawn with little opacity.
pub fn tint(n: usize) -> Colour {
    TINTS[n % TINTS.len()]
}

/// Stops of the sequential scale, light to dark with evenly falling lightness.
const SCALE: [Colour; 6] = [
    Colour(0xf3, 0xf7, 0xfb),
    Colour(0xcf, 0xe1, 0xf0),
    Colour(0x99, 0xc2, 0xe0),
    Colour(0x55, 0x98, 0xc7),
    Colour(0x1f, 0x66, 0xa3),
    Colour(0x0b, 0x36, 0x66),
];

/// The colour at `share` (0 to 1, clamped) of the sequential scale.
pub fn sequential(share: f64) -> Colour {
    let at = share.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    let low = (at.floor() as usize).min(SCALE.len() - 2);
    SCALE[low].mix(SCALE[low + 1], at - low as f64)
}

impl Colour {
    /// This colour with `share` (0 to 1) of another in it.
    pub fn mix(self, other: Colour, share: f64) -> Colour {
        let part =
            |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
        Colour(part(self.0, other.0), part(self.1, other.1), part(self.2, other.2))
    }

    /// Black or white, whichever can be read on this colour.
    pub fn readable(self) -> Colour {
        let light =
            0.299 * f64::from(self.0) + 0.587 * f64::from(self.1) + 0.114 * f64::from(self.2);
        if light > 140.0 { ON_LIGHT } else { ON_DARK }
    }

    /// `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
