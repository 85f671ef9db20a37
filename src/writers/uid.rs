//! UIDs that are computed from what they name.

use sha2::{Digest, Sha256};

/// Returns the UID of something by its kind and the parts that identify it: `2.25.` and the first 128 bits of their SHA-256
/// as a UUID of version 8 (RFC 9562, PS3.5 B.2).
pub fn uid(kind: &str, parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in [&[kind.as_bytes()], parts].concat() {
        // The length before each part keeps two lists of parts apart.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

/// Returns the SHA-256 of some bytes as lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_that_of_its_parts_and_of_no_others() {
        let one = uid("sr", &[b"1.2", b"3"]);
        assert_eq!(one, uid("sr", &[b"1.2", b"3"]));
        assert_ne!(one, uid("sr", &[b"1.23", b""]));
        assert_ne!(one, uid("seg", &[b"1.2", b"3"]));
        assert!(one.len() <= 64, "{one}");
        let number: u128 = one.strip_prefix("2.25.").unwrap().parse().unwrap();
        assert_eq!(number >> 76 & 0xF, 8, "the version of the UUID");
        assert_eq!(number >> 62 & 3, 2, "its variant");
    }
}
