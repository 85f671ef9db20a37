//! `dlnms phantom`: a synthetic PET/CT study, so that the whole path can be tried without a patient.

mod body;
mod dicom;

use crate::terminal::say;
use crate::{Failure, terminal};
use body::{TUMOUR_CENTER, TUMOUR_RADIUS};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder to make; gets ct/, pet/, rtstruct.dcm, tumour_mask.nii.gz and truth.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// A grid with axes along +L, +P, +S.
#[derive(Clone, Copy)]
pub struct Grid {
    pub columns: usize,
    pub rows: usize,
    pub slices: usize,
    /// Between columns and between rows, mm.
    pub pixel: f64,
    /// Between slices, mm.
    pub step: f64,
}

/// CT of a lung protocol.
pub const CT: Grid = Grid {
    columns: 512,
    rows: 512,
    slices: 100,
    pixel: 0.9765625,
    step: 3.0,
};
/// PET of a whole-body scanner, cut to the chest.
pub const PET: Grid = Grid {
    columns: 200,
    rows: 200,
    slices: 100,
    pixel: 4.07283,
    step: 3.0,
};

impl Grid {
    /// Centre of voxel (0,0,0), LPS mm: the middle of every grid is the origin.
    pub fn origin(&self) -> [f64; 3] {
        let half = |n: usize, d: f64| -(n as f64 - 1.0) / 2.0 * d;
        [
            half(self.columns, self.pixel),
            half(self.rows, self.pixel),
            half(self.slices, self.step),
        ]
    }

    /// LPS position of a voxel.
    pub fn at(&self, i: usize, j: usize, k: usize) -> [f64; 3] {
        let o = self.origin();
        [
            o[0] + i as f64 * self.pixel,
            o[1] + j as f64 * self.pixel,
            o[2] + k as f64 * self.step,
        ]
    }
}

pub fn run(a: &Arguments) -> Result<(), Failure> {
    for folder in ["ct", "pet"] {
        let path = a.out.join(folder);
        std::fs::create_dir_all(&path).map_err(Failure::output(&path))?;
    }
    let bar = terminal::bar("writing DICOM");
    let total = (CT.slices + PET.slices) as f64;
    for k in 0..CT.slices {
        dicom::write_ct_slice(&a.out.join(format!("ct/{k:04}.dcm")), k)?;
        terminal::advance(&bar, k as f64 / total);
    }
    for k in 0..PET.slices {
        dicom::write_pet_slice(&a.out.join(format!("pet/{k:04}.dcm")), k)?;
        terminal::advance(&bar, (CT.slices + k) as f64 / total);
    }
    bar.finish_and_clear();
    dicom::write_rtstruct(&a.out.join("rtstruct.dcm"))?;
    write_mask(&a.out.join("tumour_mask.nii.gz"))?;
    let truth = serde_json::json!({
        "tumour": { "center_lps_mm": TUMOUR_CENTER, "radius_mm": TUMOUR_RADIUS, "suv": body::TUMOUR_SUV },
        "suv_factor": dicom::suv_factor(),
        "note": "synthetic thorax phantom, not a patient; research use only",
    });
    let path = a.out.join("truth.json");
    std::fs::write(&path, format!("{truth:#}\n")).map_err(Failure::output(&path))?;
    let [x, y, z] = TUMOUR_CENTER;
    say!(
        "synthetic study in {}: {} CT and {} PET slices, RTSTRUCT, mask",
        a.out.display(),
        CT.slices,
        PET.slices
    );
    say!("tumour centre: --center={x},{y},{z}");
    Ok(())
}

/// The tumour on the PET grid as NIfTI-1.
fn write_mask(path: &Path) -> Result<(), Failure> {
    let mut header = [0u8; 352];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348i32.to_le_bytes());
    for (i, n) in [3, PET.columns, PET.rows, PET.slices, 1, 1, 1, 1]
        .into_iter()
        .enumerate()
    {
        put(40 + 2 * i, &(n as i16).to_le_bytes());
    }
    put(70, &2i16.to_le_bytes()); // unsigned 8 bit
    put(72, &8i16.to_le_bytes());
    for (i, d) in [1.0, PET.pixel, PET.pixel, PET.step]
        .into_iter()
        .enumerate()
    {
        put(76 + 4 * i, &(d as f32).to_le_bytes());
    }
    put(108, &352f32.to_le_bytes());
    put(112, &1f32.to_le_bytes());
    put(123, &[2]); // millimetres
    put(254, &1i16.to_le_bytes()); // sform: scanner coordinates, RAS = (-L, -P, S)
    let o = PET.origin();
    let rows = [
        [-PET.pixel, 0.0, 0.0, -o[0]],
        [0.0, -PET.pixel, 0.0, -o[1]],
        [0.0, 0.0, PET.step, o[2]],
    ];
    for (i, v) in rows.into_iter().flatten().enumerate() {
        put(280 + 4 * i, &(v as f32).to_le_bytes());
    }
    put(344, b"n+1\0");
    let file = std::fs::File::create(path).map_err(Failure::output(path))?;
    let mut out = GzEncoder::new(file, Compression::default());
    let voxels = (0..PET.slices).flat_map(|k| {
        (0..PET.rows).flat_map(move |j| (0..PET.columns).map(move |i| PET.at(i, j, k)))
    });
    let mask: Vec<u8> = voxels.map(|p| u8::from(body::in_tumour(p))).collect();
    let written = out
        .write_all(&header)
        .and_then(|()| out.write_all(&mask))
        .and_then(|()| out.finish().map(drop));
    written.map_err(Failure::output(path))
}
