//! A PNG file in indexed colour (PNG specification, third edition, section 11).

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::PngError;
use super::canvas::Canvas;

/// Packs a bitmap as a PNG of at most 256 colours.
pub fn encode(canvas: &Canvas) -> Result<Vec<u8>, PngError> {
    let palette = Palette::of(&canvas.pixels, canvas.width);
    let mut file = Vec::with_capacity(64 * 1024);
    file.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    let mut header = Vec::with_capacity(13);
    header.extend_from_slice(&(canvas.width as u32).to_be_bytes());
    header.extend_from_slice(&(canvas.height as u32).to_be_bytes());
    // Eight bits, indexed colour, deflate, adaptive filters, not interlaced.
    header.extend_from_slice(&[8, 3, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    // Twice 96 dots an inch: shown at its layout's size by whoever honours it.
    let mut dots = 7559u32.to_be_bytes().repeat(2);
    dots.push(1);
    chunk(&mut file, b"pHYs", &dots);
    let colours: Vec<u8> =
        palette.colours.iter().flat_map(|c| [(c >> 16) as u8, (c >> 8) as u8, *c as u8]).collect();
    chunk(&mut file, b"PLTE", &colours);
    chunk(&mut file, b"IDAT", &packed(canvas, &palette)?);
    chunk(&mut file, b"IEND", &[]);
    Ok(file)
}

/// Rows with the filter `Up` where that leaves only zeros (a row like the one above), else as
/// they are: indices of flat colours compress best unfiltered.
fn packed(canvas: &Canvas, palette: &Palette) -> Result<Vec<u8>, PngError> {
    let mut zlib = ZlibEncoder::new(Vec::with_capacity(64 * 1024), Compression::fast());
    let mut row = vec![0u8; canvas.width + 1];
    let mut same = vec![0u8; canvas.width + 1];
    same[0] = 2;
    let mut above: &[u32] = &[];
    for pixels in canvas.pixels.chunks_exact(canvas.width) {
        if pixels == above {
            zlib.write_all(&same)?;
        } else {
            palette.indices(pixels, &mut row[1..]);
            zlib.write_all(&row)?;
        }
        above = pixels;
    }
    Ok(zlib.finish()?)
}

/// At most 256 colours, and the index of every colour of the bitmap.
struct Palette {
    colours: Vec<u32>,
    index: Table,
}

impl Palette {
    /// The colours of most weight; lesser ones (shades of smooth edges) take the nearest of them.
    fn of(pixels: &[u32], width: usize) -> Self {
        let mut index = Table::new();
        let mut above: &[u32] = &[];
        for row in pixels.chunks_exact(width).filter(|row| {
            // A row like the one above brings no colour, and most rows are.
            let new = *row != above;
            above = row;
            new
        }) {
            index.count(row);
        }
        let mut order: Vec<(u32, u32)> = index.entries().collect();
        // By weight, then by colour: the same picture gives the same bytes.
        order.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let colours: Vec<u32> = order.iter().take(256).map(|(c, _)| *c).collect();
        // Shades that differ in the last four bits only share one search.
        let mut found = vec![EMPTY; 1 << 12];
        for (n, (colour, _)) in order.iter().enumerate() {
            let alike = &mut found
                [(colour >> 12 & 0xf00 | colour >> 8 & 0xf0 | colour >> 4 & 0xf) as usize];
            if n >= 256 && *alike == EMPTY {
                *alike = nearest(&colours, *colour);
            }
            *index.slot(*colour) = if n < 256 { n as u32 } else { *alike };
        }
        Palette { colours, index }
    }

    fn indices(&self, pixels: &[u32], row: &mut [u8]) {
        let mut last = (u32::MAX, 0);
        for (pixel, index) in pixels.iter().zip(row) {
            if *pixel != last.0 {
                last = (*pixel, self.index.get(*pixel) as u8);
            }
            *index = last.1;
        }
    }
}

/// A number for each colour: open addressing, since the standard map's hash costs more than all
/// the drawing.
struct Table {
    slots: Vec<(u32, u32)>,
    used: usize,
}

const EMPTY: u32 = u32::MAX;

impl Table {
    fn new() -> Self {
        Table { slots: vec![(EMPTY, 0); 1 << 12], used: 0 }
    }

    /// Where a colour is or belongs; there is always an empty slot.
    fn find(&self, colour: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = (colour.wrapping_mul(0x9e37_79b1) >> 7) as usize & mask;
        while self.slots[at].0 != colour && self.slots[at].0 != EMPTY {
            at = (at + 1) & mask;
        }
        at
    }

    fn get(&self, colour: u32) -> u32 {
        self.slots[self.find(colour)].1
    }

    fn slot(&mut self, colour: u32) -> &mut u32 {
        let mut at = self.find(colour);
        if self.slots[at].0 == EMPTY {
            if self.used * 2 > self.slots.len() {
                self.grow();
                at = self.find(colour);
            }
            self.used += 1;
            self.slots[at].0 = colour;
        }
        &mut self.slots[at].1
    }

    /// Long runs weigh more than as many single pixels: a thin strip of plain colour must keep it,
    /// whatever shades smooth edges bring.
    fn weigh(&mut self, colour: u32, length: u32) {
        let number = self.slot(colour);
        *number = number.saturating_add(length.saturating_mul(length));
    }

    /// Adds the runs of a row to the colours' numbers.
    fn count(&mut self, row: &[u32]) {
        let mut last = EMPTY;
        let mut length = 0;
        for pixel in row {
            if *pixel == last {
                length += 1;
                continue;
            }
            if length > 0 {
                self.weigh(last, length);
            }
            last = *pixel;
            length = 1;
        }
        if length > 0 {
            self.weigh(last, length);
        }
    }

    fn grow(&mut self) {
        let larger = vec![(EMPTY, 0); self.slots.len() * 4];
        for (colour, number) in std::mem::replace(&mut self.slots, larger) {
            if colour != EMPTY {
                let at = self.find(colour);
                self.slots[at] = (colour, number);
            }
        }
    }

    fn entries(&self) -> impl Iterator<Item = (u32, u32)> {
        self.slots.iter().copied().filter(|(colour, _)| *colour != EMPTY)
    }
}

fn nearest(colours: &[u32], wanted: u32) -> u32 {
    let part = |c: u32, shift: u32| (c >> shift & 0xff) as i32;
    let distance = |c: u32| {
        let apart = |shift| (part(c, shift) - part(wanted, shift)).pow(2);
        2 * apart(16) + 4 * apart(8) + apart(0)
    };
    let best = colours.iter().enumerate().min_by_key(|(_, c)| distance(**c));
    best.map_or(0, |(n, _)| n as u32)
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend_from_slice(&(data.len() as u32).to_be_bytes());
    file.extend_from_slice(name);
    file.extend_from_slice(data);
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(data);
    file.extend_from_slice(&crc.sum().to_be_bytes());
}
