//! NumPy's .npy, version 1.0: float32 little-endian in C order.

use crate::Failure;
use ndarray::Array3;
use std::path::Path;

/// Write one tensor.
pub fn write(path: &Path, tensor: &Array3<f32>) -> Result<(), Failure> {
    let (a, b, c) = tensor.dim();
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({a}, {b}, {c}), }}");
    // The data starts at a multiple of 64 bytes; magic and length take 10.
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(tensor.iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(path, bytes).map_err(Failure::output(path))
}
