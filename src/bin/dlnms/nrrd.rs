//! Occlusion maps as NRRD volumes of one slice each, in their place in the patient.

use crate::Failure;
use crate::terminal::say;
use dlnms::explanation::{Occlusion, OcclusionMap};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes every map to `PREFIX_MODALITY_PLANE_SCORE.nrrd`.
pub fn write_maps(prefix: &Path, occlusion: &Occlusion) -> Result<(), Failure> {
    for map in &occlusion.maps {
        for (score, values) in [("n1", &map.values.n1), ("n2", &map.values.n2)] {
            // The name of a plane is the manifest's choice: no part of a path.
            let plane: String = map
                .plane
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            let mut path = prefix.as_os_str().to_owned();
            path.push(format!("_{}_{plane}_{score}.nrrd", map.modality));
            let path = PathBuf::from(path);
            std::fs::write(&path, volume(map, score, &values.0)).map_err(Failure::output(&path))?;
            say!("{}", path.display());
        }
    }
    Ok(())
}

/// A NRRD file (teem.sourceforge.net/nrrd/format.html): columns fastest, then rows, one slice as thick as a pixel is wide.
fn volume(map: &OcclusionMap, score: &str, values: &[f32]) -> Vec<u8> {
    let grid = &map.grid;
    let [r, c] = [grid.rows, grid.columns];
    let normal: [f64; 3] =
        std::array::from_fn(|a| c[(a + 1) % 3] * r[(a + 2) % 3] - c[(a + 2) % 3] * r[(a + 1) % 3]);
    let vector = |v: [f64; 3]| {
        let [x, y, z] = v.map(|v| v * grid.spacing_mm);
        format!("({x},{y},{z})")
    };
    let [x, y, z] = grid.origin_lps_mm;
    let side = grid.side;
    let mut file = Vec::with_capacity(values.len() * 4 + 512);
    let _ = write!(
        file,
        "NRRD0004\n# Loss of the score {score} where a square of {} is hidden; research use only.\ntype: float\ndimension: 3\n\
         space: left-posterior-superior\nsizes: {side} {side} 1\nspace directions: {} {} {}\nspace origin: ({x},{y},{z})\n\
         kinds: domain domain domain\nendian: little\nencoding: raw\n\n",
        map.modality,
        vector(c),
        vector(r),
        vector(normal)
    );
    file.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    file
}
