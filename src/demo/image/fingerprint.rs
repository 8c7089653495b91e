//! A short hash of the executable, for the image's tag.
//!
//! It tells builds apart, and protects against nothing: FNV-1a over 64-bit words is enough and
//! costs less than reading the file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::ImageError;

/// Changes when the same executable is to give another image.
const LAYOUT_VERSION: u64 = 1;

const PRIME: u64 = 0x0000_0100_0000_01B3;
const BASIS: u64 = 0xCBF2_9CE4_8422_2325;

/// Twelve hexadecimal digits that change with the content of `path`.
pub(super) fn fingerprint(path: &Path) -> Result<String, ImageError> {
    let read = |source| ImageError::Read { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(read)?;
    hash(&mut file).map_err(read).map(|hash| format!("{:012x}", hash >> 16))
}

fn hash(from: &mut impl Read) -> std::io::Result<u64> {
    let mut hash = (BASIS ^ LAYOUT_VERSION).wrapping_mul(PRIME);
    let mut block = vec![0u8; 256 << 10];
    loop {
        let length = fill(from, &mut block)?;
        for word in block[..length].chunks(8) {
            let mut bytes = [0u8; 8];
            bytes[..word.len()].copy_from_slice(word);
            // The rotation brings the high bits, which multiplying never moves down, into play.
            hash = (hash ^ u64::from_le_bytes(bytes)).wrapping_mul(PRIME).rotate_left(29);
        }
        if length < block.len() {
            return Ok((hash ^ length as u64).wrapping_mul(PRIME));
        }
    }
}

/// Reads until `block` is full or the end is reached.
fn fill(from: &mut impl Read, block: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < block.len() {
        match from.read(&mut block[length..]) {
            Ok(0) => break,
            Ok(step) => length += step,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_byte_more_less_or_other_gives_another_tag() {
        let base = vec![7u8; 300_000];
        let mut variants = vec![base.clone(), base[1..].to_vec(), [&base[..], &[0]].concat()];
        for place in [0, 8, 150_000, 299_999] {
            let mut other = base.clone();
            other[place] ^= 0x80;
            variants.push(other);
        }
        let hashes: BTreeSet<_> = variants.iter().map(|v| hash(&mut &v[..]).unwrap()).collect();
        assert_eq!(hashes.len(), variants.len());
    }

    #[test]
    fn the_same_content_gives_the_same_tag() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, b"program").unwrap();
        std::fs::write(&two, b"program").unwrap();
        let tag = fingerprint(&one).unwrap();
        assert_eq!(tag, fingerprint(&two).unwrap());
        assert_eq!(tag.len(), 12);
    }
}
