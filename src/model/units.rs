//! Units. `MB` means 2^20 bytes everywhere, as in the predecessor's files.

/// Bytes in one KB (2^10).
pub const KB: f64 = 1024.0;

/// Bytes in one GB (2^30).
pub const GB: f64 = 1_073_741_824.0;

/// Bytes in one MB (2^20).
pub const MB: f64 = 1_048_576.0;

/// A page of memory, MB: the step in which the kernel counts it.
pub const PAGE_MB: f64 = 4096.0 / MB;

/// Bytes to MB (2^20 bytes).
#[must_use]
pub fn bytes_to_mb(bytes: f64) -> f64 {
    bytes / MB
}

/// MB (2^20 bytes) to bytes.
#[must_use]
pub fn mb_to_bytes(mb: f64) -> f64 {
    mb * MB
}

/// `value` rounded to `digits` decimal places, for files that people read.
#[must_use]
pub fn round_to(value: f64, digits: i32) -> f64 {
    let factor = 10f64.powi(digits);
    // A negative zero becomes a plain one.
    (value * factor).round() / factor + 0.0
}

/// `value` with `digits` decimal places, for people: what is zero to them has no minus sign.
#[must_use]
pub fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|b| matches!(b, b'0' | b'.')) => zero.to_string(),
        _ => text,
    }
}

/// The same with a plus sign where there is no minus sign.
#[must_use]
pub fn signed(value: f64, digits: usize) -> String {
    let text = fixed(value, digits);
    if text.starts_with('-') || value.is_nan() { text } else { format!("+{text}") }
}

/// Two figures with as many decimal places as tell them apart, `digits` at least: what falls just
/// short of a bound must not read like the bound.
#[must_use]
pub fn apart(a: f64, b: f64, digits: usize) -> (String, String) {
    let told = |digits| (fixed(a, digits), fixed(b, digits));
    (digits..digits + 6).map(told).find(|(a, b)| a != b).unwrap_or_else(|| told(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_just_short_does_not_read_like_the_bound() {
        let told = |a, b| apart(a, b, 1);
        assert_eq!(told(3.2, 4.5), ("3.2".into(), "4.5".into()));
        assert_eq!(told(4.46, 4.5), ("4.46".into(), "4.50".into()));
        assert_eq!(told(4.4996, 4.5), ("4.4996".into(), "4.5000".into()));
        assert_eq!(told(4.5, 4.5), ("4.5".into(), "4.5".into()));
    }

    #[test]
    fn a_zero_has_no_minus_sign() {
        let told = [-0.0, -0.004, -0.006, 0.004, 12.0, f64::NEG_INFINITY].map(|v| fixed(v, 2));
        assert_eq!(told, ["0.00", "0.00", "-0.01", "0.00", "12.00", "-inf"]);
        let told = [-0.0, -0.004, -0.006, 0.004, f64::NAN].map(|v| signed(v, 2));
        assert_eq!(told, ["+0.00", "+0.00", "-0.01", "+0.00", "NaN"]);
        assert_eq!(fixed(-0.4, 0), "0");
        assert!(round_to(-0.0004, 3).is_sign_positive() && round_to(-0.0, 3).is_sign_positive());
    }
}
