//! The machine in the header of a Windows library.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Where a file for MS-DOS and Windows holds the offset of its header for Windows.
const HEADER_OFFSET: u64 = 0x3c;
const DOS_MAGIC: &[u8] = b"MZ";
const MAGIC: &[u8] = b"PE\0\0";

/// Rust's name, Windows's code and the usual name of processors.
const NAMES: [(&str, u16, &str); 4] = [
    ("x86", 0x14c, "x86"),
    ("arm", 0x1c4, "Arm"),
    ("x86_64", 0x8664, "x86-64"),
    ("aarch64", 0xaa64, "AArch64"),
];

/// Returns why this process cannot load a Windows library: it is for another processor.
///
/// Returns `None` if the machine is that of this process, and for files that are no Windows libraries.
pub(crate) fn foreign_machine(file: &mut File) -> Option<String> {
    let theirs = machine(file)?;
    let name = |code| NAMES.iter().find(|(_, known, _)| *known == code);
    let (_, ours, our_name) = NAMES
        .iter()
        .find(|(arch, ..)| *arch == std::env::consts::ARCH)?;
    let their_name = name(theirs).map_or(format!("machine {theirs}"), |(.., name)| (*name).into());
    (theirs != *ours).then(|| super::reason::other_architecture(their_name, our_name))
}

/// Returns the code of the machine in a file's header.
fn machine(file: &mut File) -> Option<u16> {
    let (mut dos, mut offset, mut header) = ([0; DOS_MAGIC.len()], [0; 4], [0; MAGIC.len() + 2]);
    file.read_exact(&mut dos).ok()?;
    file.seek(SeekFrom::Start(HEADER_OFFSET)).ok()?;
    file.read_exact(&mut offset).ok()?;
    file.seek(SeekFrom::Start(u32::from_le_bytes(offset).into()))
        .ok()?;
    file.read_exact(&mut header).ok()?;
    let (magic, code) = header.split_at(MAGIC.len());
    let code = u16::from_le_bytes([code[0], code[1]]);
    (dos == DOS_MAGIC && magic == MAGIC).then_some(code)
}
