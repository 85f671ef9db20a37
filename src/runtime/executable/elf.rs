//! The machine in the header of an ELF file.

use std::fs::File;
use std::io::Read;

/// The magic number, class, byte order and machine of an ELF file are its first 20 bytes.
const HEADER: usize = 20;
const MAGIC: &[u8] = b"\x7fELF";
const LITTLE_ENDIAN: u8 = 1;

/// Returns why this process cannot load an ELF file: it is for another processor or of another size.
///
/// Returns `None` if the machine is that of this process, and for files that are not ELF.
pub(crate) fn foreign_machine(file: &mut File) -> Option<String> {
    let mut header = [0; HEADER];
    file.read_exact(&mut header).ok()?;
    let theirs = Machine::from_header(&header)?;
    let ours = Machine::of_this_process()?;
    (theirs != ours).then(|| super::reason::other_architecture(theirs, ours))
}

#[derive(PartialEq)]
struct Machine {
    bits: u32,
    little_endian: bool,
    code: u16,
}

impl Machine {
    fn from_header(header: &[u8; HEADER]) -> Option<Self> {
        if !header.starts_with(MAGIC) {
            return None;
        }
        let (bits, code) = (32 * u32::from(header[4]), [header[18], header[19]]);
        let little_endian = header[5] == LITTLE_ENDIAN;
        let code = if little_endian {
            u16::from_le_bytes(code)
        } else {
            u16::from_be_bytes(code)
        };
        Some(Self {
            bits,
            little_endian,
            code,
        })
    }

    /// Returns `None` on processors whose code is not listed.
    fn of_this_process() -> Option<Self> {
        let (_, code, _) = NAMES
            .iter()
            .find(|(arch, ..)| *arch == std::env::consts::ARCH)?;
        Some(Self {
            bits: usize::BITS,
            little_endian: cfg!(target_endian = "little"),
            code: *code,
        })
    }
}

/// Rust's name, ELF's code and the usual name of processors.
const NAMES: [(&str, u16, &str); 7] = [
    ("x86", 3, "x86"),
    ("powerpc64", 21, "PowerPC64"),
    ("s390x", 22, "S/390"),
    ("arm", 40, "Arm"),
    ("x86_64", 62, "x86-64"),
    ("aarch64", 183, "AArch64"),
    ("riscv64", 243, "RISC-V"),
];

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match NAMES.iter().find(|(_, code, _)| *code == self.code) {
            Some((_, _, name)) => write!(f, "{name}")?,
            None => write!(f, "machine {}", self.code)?,
        }
        let order = if self.little_endian {
            ""
        } else {
            ", big-endian"
        };
        write!(f, " ({} bit{order})", self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn said_of(bytes: &[u8]) -> Option<String> {
        let mut named = tempfile::NamedTempFile::new().unwrap();
        named.write_all(bytes).unwrap();
        foreign_machine(&mut named.reopen().unwrap())
    }

    fn header(class: u8, order: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend([class, order, 1, 0]);
        bytes.extend([0; 8]);
        bytes.extend([3, 0]);
        bytes.extend(machine);
        bytes
    }

    #[test]
    fn another_machine_is_named_and_what_is_not_elf_is_left_to_the_loader() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(said_of(&own), None);
        assert_eq!(said_of(b"this is no library at all"), None);
        assert_eq!(said_of(&own[..19]), None, "a file that ends early");
        let cases = [
            (header(1, 1, [3, 0]), "it is for x86 (32 bit), "),
            (header(1, 1, [40, 0]), "it is for Arm (32 bit), "),
            (
                header(2, 2, [0, 22]),
                "it is for S/390 (64 bit, big-endian), ",
            ),
            (
                header(2, 1, [0x99, 0x99]),
                "it is for machine 39321 (64 bit), ",
            ),
        ];
        for (bytes, words) in cases {
            let said = said_of(&bytes).unwrap();
            assert!(said.starts_with(words), "{said}");
            assert!(said.contains("another architecture"), "{said}");
        }
    }
}
