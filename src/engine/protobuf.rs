//! Protocol buffers in memory: reads the fields of a message, and writes fields that are appended to one.

/// Wire types of protocol buffers.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// The value of a field.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in memory: number and value. Ends with the first error.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// Returns whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (now, later) = self
            .0
            .split_at_checked(n)
            .ok_or("a field passes the end of its message")?;
        self.0 = later;
        Ok(now)
    }

    /// Reads a number that stands without a tag, as in a packed field.
    pub fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number has more than 64 bits".into())
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), String> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            VARINT => Value::Number(self.varint()?),
            BYTES => {
                let length = usize::try_from(self.varint()?).map_err(|e| e.to_string())?;
                Value::Bytes(self.take(length)?)
            }
            FIXED64 => Value::Bytes(self.take(8)?),
            FIXED32 => Value::Bytes(self.take(4)?),
            other => return Err(format!("wire type {other} is not known")),
        };
        // A tag has 32 bits; readers differ in what they make of more.
        match tag >> 3 {
            number @ 1..=0x1fff_ffff => Ok((number, value)),
            other => Err(format!("field {other} is not known")),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Appends a field that holds bytes: a text or a message.
pub(super) fn append_bytes(to: &mut Vec<u8>, number: u64, value: &[u8]) {
    append_varint(to, number << 3 | BYTES);
    append_varint(to, value.len() as u64);
    to.extend_from_slice(value);
}

/// Appends a field that holds a number.
pub(super) fn append_number(to: &mut Vec<u8>, number: u64, value: u64) {
    append_varint(to, number << 3 | VARINT);
    append_varint(to, value);
}

fn append_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 & 0x7f | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_read_back() {
        let mut message = Vec::new();
        let long = vec![7u8; 300];
        append_number(&mut message, 3, 1 << 40);
        append_bytes(&mut message, 1000, &long);
        append_bytes(&mut message, 1, b"");
        let found: Vec<_> = Fields(&message).collect::<Result<_, _>>().unwrap();
        assert!(matches!(found[0], (3, Value::Number(n)) if n == 1 << 40));
        assert!(matches!(found[1], (1000, Value::Bytes(b)) if b == long));
        assert!(matches!(found[2], (1, Value::Bytes(b"")) if found.len() == 3));
    }
}
