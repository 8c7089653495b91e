//! The texts of the driver's files.

/// A file with one number in it.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // `f64` takes words such as "nan" too.
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    text.parse::<f64>().ok().filter(|v| is_number && v.is_finite())
}

/// A percentage; anything else is no reading.
#[must_use]
pub fn percent(text: &str) -> Option<f64> {
    number(text).filter(|v| (0.0..=100.0).contains(v))
}

/// The value of a line `KEY=value` of a `uevent` file.
#[must_use]
pub fn uevent<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::trim)
}

/// The number of a card by the name of its folder: `card1` is one, its output `card1-HDMI-A-1` is
/// none.
#[must_use]
pub fn card(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("card")?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// What `/proc/PID/fdinfo/FD` says of an open GPU device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Client {
    /// PCI address of the card.
    pub pci: String,
    /// Number of the opening: duplicated descriptors, also of other processes, share it.
    pub id: u64,
    /// Video memory, bytes; absent where the kernel does not say it.
    pub vram: Option<u64>,
}

/// Parses `/proc/PID/fdinfo/FD`; none where it is not one of amdgpu.
#[must_use]
pub fn client(text: &str) -> Option<Client> {
    let value = |key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
    };
    if value("drm-driver")? != "amdgpu" {
        return None;
    }
    // The first is the newer word for the same.
    let vram = value("drm-resident-vram").or_else(|| value("drm-memory-vram")).and_then(bytes);
    Some(Client {
        pci: value("drm-pdev")?.to_string(),
        id: value("drm-client-id")?.parse().ok()?,
        vram,
    })
}

/// `1024 KiB` as bytes; without a unit they are bytes.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let factor = match unit.trim() {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FDINFO: &str = "pos:\t0\nflags:\t02100002\nmnt_id:\t27\nino:\t1173\n\
        drm-driver:\tamdgpu\ndrm-client-id:\t42\ndrm-pdev:\t0000:03:00.0\npasid:\t32770\n\
        drm-memory-vram:\t1536 KiB\ndrm-memory-gtt: \t2052 KiB\ndrm-engine-gfx:\t123 ns\n";

    #[test]
    fn fdinfo_tells_the_opening_and_its_memory() {
        let client = client(FDINFO).expect("one of amdgpu");
        assert_eq!((client.pci.as_str(), client.id), ("0000:03:00.0", 42));
        assert_eq!(client.vram, Some(1536 << 10));
    }

    #[test]
    fn the_newer_word_goes_first_and_a_missing_one_is_absent() {
        let newer = format!("{FDINFO}drm-resident-vram:\t2 MiB\n");
        assert_eq!(client(&newer).and_then(|c| c.vram), Some(2 << 20));
        let without = FDINFO.replace("drm-memory-vram", "drm-memory-cpu");
        assert_eq!(client(&without).map(|c| c.vram), Some(None));
        assert_eq!(client(&FDINFO.replace("amdgpu", "i915")), None);
        assert_eq!(client("pos:\t0\n"), None);
    }

    #[test]
    fn outputs_of_a_card_are_no_cards() {
        assert_eq!(
            ["card0", "card12", "card0-DP-1", "renderD128", "card"].map(card),
            [Some(0), Some(12), None, None, None]
        );
    }

    #[test]
    fn a_number_is_a_number_and_a_percentage_is_one() {
        assert_eq!(number("8589934592\n"), Some(8_589_934_592.0));
        for text in ["", "nan", "inf", "12 %", "0x10"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!((percent("99\n"), percent("101\n"), percent("-1")), (Some(99.0), None, None));
        assert_eq!(uevent("DRIVER=amdgpu\nPCI_SLOT_NAME=0000:03:00.0\n", "DRIVER"), Some("amdgpu"));
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in any::<String>(), more in "(drm-[a-z-]{0,12}:\\s?[0-9a-zA-Z ]{0,30}\n){0,6}") {
            let _ = (number(&text), percent(&text), card(&text), uevent(&text, "DRIVER"));
            let _ = client(&text);
            let _ = client(&format!("drm-driver:\tamdgpu\n{more}"));
        }

        #[test]
        fn what_was_written_is_read(pci in "[0-9a-f:.]{1,12}", id in any::<u64>(), kib in 0..u64::MAX >> 10) {
            let text = format!("drm-driver: amdgpu\ndrm-pdev: {pci}\ndrm-client-id: {id}\ndrm-memory-vram: {kib} KiB\n");
            prop_assert_eq!(client(&text), Some(Client { pci, id, vram: Some(kib << 10) }));
        }
    }
}
