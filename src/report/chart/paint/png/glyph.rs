//! Letters as coverage masks, outlined once per size and face and kept for the whole process.
//!
//! The faces are Noto Sans Regular and Bold (SIL Open Font License 1.1), which come with the crate
//! `notosans`; no font of the system is looked up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ab_glyph::{Font, FontRef, PxScale, point};

use super::super::super::picture::Weight;
use super::PngError;

/// How much of each pixel a letter covers (0 to 255), from `left`, `top` relative to its origin on
/// the baseline.
pub struct Glyph {
    pub left: i64,
    pub top: i64,
    pub width: usize,
    pub coverage: Vec<u8>,
    advance: f64,
}

/// A line of text: letters with their distance from its start, in pixels.
pub struct Run {
    pub glyphs: Vec<(f64, Arc<Glyph>)>,
    pub width: f64,
}

struct Faces {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

type Cache = HashMap<(char, u32, Weight), Arc<Glyph>>;

fn faces() -> Result<&'static Faces, PngError> {
    static FACES: OnceLock<Option<Faces>> = OnceLock::new();
    let read = || {
        let regular = FontRef::try_from_slice(notosans::REGULAR_TTF).ok()?;
        let bold = FontRef::try_from_slice(notosans::BOLD_TTF).ok()?;
        Some(Faces { regular, bold })
    };
    FACES.get_or_init(read).as_ref().ok_or(PngError::Font("Noto Sans"))
}

/// Sets a text in letters of `em` pixels.
pub fn run(text: &str, em: f64, weight: Weight) -> Result<Run, PngError> {
    static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();
    let faces = faces()?;
    let font = if weight == Weight::Bold { &faces.bold } else { &faces.regular };
    // A panic while drawing elsewhere leaves the letters that are there whole.
    let mut cache =
        CACHE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let size = (em * 4.0).round().clamp(4.0, 4000.0) as u32;
    let mut glyphs = Vec::new();
    let mut width = 0.0;
    for c in text.chars() {
        let glyph = cache
            .entry((c, size, weight))
            .or_insert_with(|| Arc::new(outline(font, c, f64::from(size) / 4.0)));
        glyphs.push((width, Arc::clone(glyph)));
        width += glyph.advance;
    }
    Ok(Run { glyphs, width })
}

fn outline(font: &FontRef<'static>, c: char, em: f64) -> Glyph {
    let units = font.units_per_em().unwrap_or(1000.0);
    let scale = PxScale::from(em as f32 * font.height_unscaled() / units);
    let id = font.glyph_id(c);
    let advance = f64::from(font.h_advance_unscaled(id) / units) * em;
    let outlined = font.outline_glyph(id.with_scale_and_position(scale, point(0.0, 0.0)));
    let Some(outlined) = outlined else {
        return Glyph { left: 0, top: 0, width: 0, coverage: Vec::new(), advance };
    };
    let bounds = outlined.px_bounds();
    let (width, height) = (bounds.width() as usize, bounds.height() as usize);
    let mut coverage = vec![0; width * height];
    outlined.draw(|x, y, share| {
        if let Some(pixel) = coverage.get_mut(y as usize * width + x as usize) {
            *pixel = (share * 255.0).round().clamp(0.0, 255.0) as u8;
        }
    });
    Glyph { left: bounds.min.x as i64, top: bounds.min.y as i64, width, coverage, advance }
}
