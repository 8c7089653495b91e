//! Text as layout needs it: how wide it is, and how to shorten it.
//!
//! The widths are those of Noto Sans, which the bitmap painter uses; browsers may show another
//! sans-serif face, so layout leaves a little room.

use crate::tell::clean;

use super::picture::Weight;

/// Advance widths of U+0020 to U+007E in thousandths of the em.
const REGULAR: [u16; 95] = [
    260, 269, 408, 646, 572, 831, 732, 225, 300, 300, 551, 572, 268, 322, 268, 372, 572, 572, 572,
    572, 572, 572, 572, 572, 572, 572, 268, 268, 572, 572, 572, 434, 899, 639, 650, 632, 730, 556,
    519, 728, 741, 339, 273, 619, 524, 907, 760, 781, 605, 781, 622, 549, 556, 731, 600, 930, 586,
    566, 572, 329, 372, 329, 572, 444, 580, 561, 615, 480, 615, 564, 344, 615, 618, 258, 258, 534,
    258, 935, 618, 605, 615, 615, 413, 479, 361, 618, 508, 786, 529, 510, 470, 380, 551, 380, 572,
];
/// The same for the bold face.
const BOLD: [u16; 95] = [
    260, 286, 472, 646, 572, 901, 750, 266, 339, 339, 545, 572, 285, 322, 285, 413, 572, 572, 572,
    572, 572, 572, 572, 572, 572, 572, 285, 285, 572, 572, 572, 477, 897, 690, 672, 637, 740, 560,
    549, 724, 765, 389, 331, 664, 565, 943, 813, 796, 628, 796, 660, 551, 579, 756, 650, 967, 667,
    624, 579, 331, 413, 331, 572, 411, 607, 604, 633, 514, 633, 591, 387, 633, 657, 305, 305, 620,
    305, 982, 657, 619, 633, 633, 454, 497, 434, 657, 569, 856, 578, 569, 488, 394, 551, 394, 572,
];

fn advance(c: char, weight: Weight) -> f64 {
    let table = match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    };
    let known = u32::from(c).checked_sub(32).and_then(|n| table.get(n as usize));
    match (known, c) {
        (Some(width), _) => f64::from(*width) / 1000.0,
        (None, '–' | '↑') => 0.5,
        (None, '·') => 0.28,
        (None, '−' | '×' | '≥') => 0.572,
        // Wide scripts take a full em; anything else is rarely wider than this.
        (None, c) if u32::from(c) >= 0x1100 => 1.0,
        (None, _) => 0.85,
    }
}

/// Width of a text in picture units at this size of the em.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    text.chars().map(|c| advance(c, weight)).sum::<f64>() * size
}

/// The text, or as much of it as fits into `room` with an ellipsis. Names of containers often
/// differ in their end (`shop-worker-1`), so the middle is left out, not the end.
pub fn fit(text: &str, size: f64, weight: Weight, room: f64) -> String {
    let clean = clean::one_line(text);
    // Rooms are often sums that contain this very width.
    if width(&clean, size, weight) <= room + 1e-7 {
        return clean;
    }
    let chars: Vec<char> = clean.chars().collect();
    let mut left = room - advance('…', weight) * size;
    let (mut head, mut tail) = (0, 0);
    while head + tail < chars.len() {
        let from_head = head <= tail * 2;
        let next = if from_head { chars[head] } else { chars[chars.len() - 1 - tail] };
        left -= advance(next, weight) * size;
        if left < 0.0 {
            break;
        }
        if from_head { head += 1 } else { tail += 1 }
    }
    if head == 0 {
        return String::new();
    }
    let mut short: String = chars[..head].iter().collect();
    short.push('…');
    short.extend(&chars[chars.len() - tail..]);
    short
}
