//! A picture as PNG: drawn at twice its size with smooth edges, packed in indexed colour.
//!
//! Hand-made for the sake of edges, at the speed of plotters' bitmap backend: that one rounds every
//! place to a whole pixel and draws wide lines as unsmoothed polygons, so that dense lines tear into
//! dots and peaks of one sample get lost. A chart's flat colours fit an indexed file, which leaves a
//! third of the bytes to compress.

mod canvas;
mod encode;
mod glyph;
mod piece;

use super::super::colour;
use super::super::picture::{Anchor, Item, Label, Picture, Shape};
use canvas::{Canvas, Clip};

/// Why a picture could not become a bitmap.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    #[error("a picture of {0} x {1} pixels is larger than a chart may be")]
    TooLarge(u64, u64),
    #[error("the chart's font cannot be read: {0}")]
    Font(&'static str),
    #[error("packing the bitmap failed: {0}")]
    Packing(#[from] std::io::Error),
}

/// Pixels that a bitmap may have: 200 rows at double size are about 16 million.
const PIXELS: f64 = 60e6;

/// Paints a picture as a PNG file.
///
/// # Errors
/// When the picture is larger than 60 million pixels even at single size.
pub fn png(picture: &Picture) -> Result<Vec<u8>, PngError> {
    let scale = if picture.width * picture.height * 4.0 > PIXELS / 3.0 { 1.0 } else { 2.0 };
    let (width, height) = ((picture.width * scale).ceil(), (picture.height * scale).ceil());
    if !(width * height <= PIXELS && width >= 1.0 && height >= 1.0) {
        return Err(PngError::TooLarge(width as u64, height as u64));
    }
    let mut canvas = Canvas::new(width as usize, height as usize, colour::PAPER);
    for item in &picture.items {
        paint(&mut canvas, item, scale)?;
    }
    encode::encode(&canvas)
}

fn paint(canvas: &mut Canvas, item: &Item, scale: f64) -> Result<(), PngError> {
    let clip = item.clip.map_or_else(|| canvas.whole(), |area| canvas.clip(area, scale));
    match &item.shape {
        Shape::Rect { area, fill } => canvas.rect(area, *fill, scale, &clip),
        Shape::Hatch { area, colour } => canvas.hatch(area, *colour, scale, &clip),
        Shape::Polyline { points, stroke } => canvas.polyline(points, *stroke, scale, &clip),
        Shape::Marker { at, radius, kind, fill } => {
            canvas.marker((at.x * scale, at.y * scale), radius * scale, *kind, *fill, &clip);
        }
        Shape::Label(label) => write(canvas, label, scale, &clip)?,
    }
    Ok(())
}

fn write(canvas: &mut Canvas, label: &Label, scale: f64, clip: &Clip) -> Result<(), PngError> {
    let run = glyph::run(&label.text, label.size * scale, label.weight)?;
    let shift = match label.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => run.width / 2.0,
        Anchor::End => run.width,
    };
    let (x, y) = (label.at.x * scale, label.at.y * scale);
    for (offset, glyph) in &run.glyphs {
        let along = (offset - shift).round();
        let origin = if label.upward { (x, y - along) } else { (x + along, y) };
        canvas.glyph(glyph, (origin.0.round() as i64, origin.1.round() as i64), label, clip);
    }
    Ok(())
}
