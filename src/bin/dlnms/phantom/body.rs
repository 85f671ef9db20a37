//! The synthetic chest: what is where, its HU and its SUV. Positions in LPS mm; the patient's right is at negative x.

/// Centre of the tumour, in the right upper lobe.
pub const TUMOUR_CENTER: [f64; 3] = [-82.0, -12.0, 46.5];
/// Its radius, mm.
pub const TUMOUR_RADIUS: f64 = 14.0;
/// Its uptake.
pub const TUMOUR_SUV: f64 = 8.5;

/// Distance to the surface of an ellipsoid, negative inside; exact enough near the surface.
fn ellipsoid(p: [f64; 3], center: [f64; 3], radii: [f64; 3]) -> f64 {
    let scaled = (0..3)
        .map(|a| ((p[a] - center[a]) / radii[a]).powi(2))
        .sum::<f64>()
        .sqrt();
    (scaled - 1.0) * radii.iter().copied().fold(f64::INFINITY, f64::min)
}

fn cylinder(p: [f64; 3], center: [f64; 2], radii: [f64; 2]) -> f64 {
    ellipsoid(
        [p[0], p[1], 0.0],
        [center[0], center[1], 0.0],
        [radii[0], radii[1], 1e9],
    )
}

/// Whether a point is in the tumour.
pub fn in_tumour(p: [f64; 3]) -> bool {
    (0..3)
        .map(|a| (p[a] - TUMOUR_CENTER[a]).powi(2))
        .sum::<f64>()
        <= TUMOUR_RADIUS.powi(2)
}

/// Tissues from outside in: distance to the surface, HU, SUV. Later ones lie on top of earlier ones.
fn tissues(p: [f64; 3]) -> [(f64, f64, f64); 10] {
    [
        (cylinder(p, [0.0, 0.0], [185.0, 118.0]), -95.0, 0.25), // skin and fat
        (cylinder(p, [0.0, 0.0], [172.0, 104.0]), 45.0, 0.7),   // muscle
        (
            ellipsoid(p, [-82.0, -8.0, 20.0], [66.0, 82.0, 150.0]),
            -860.0,
            0.45,
        ), // right lung
        (
            ellipsoid(p, [82.0, -8.0, 20.0], [64.0, 80.0, 148.0]),
            -860.0,
            0.45,
        ), // left lung
        (
            ellipsoid(p, [28.0, -38.0, -30.0], [52.0, 44.0, 58.0]),
            42.0,
            2.2,
        ), // heart
        (
            ellipsoid(p, [-80.0, 5.0, -130.0], [80.0, 85.0, 62.0]),
            55.0,
            2.0,
        ), // liver
        (cylinder(p, [46.0, 28.0], [12.0, 12.0]), 42.0, 1.5),   // descending aorta
        (cylinder(p, [0.0, 66.0], [19.0, 19.0]), 330.0, 1.3),   // vertebrae
        (cylinder(p, [0.0, 62.0], [8.0, 7.0]), 30.0, 1.0),      // spinal canal
        (
            ellipsoid(p, TUMOUR_CENTER, [TUMOUR_RADIUS; 3]),
            38.0,
            TUMOUR_SUV,
        ),
    ]
}

/// Blend the tissues over `width` mm at their surfaces: 0 is outside, 1 the tissue.
fn blend(p: [f64; 3], background: f64, width: f64, pick: fn(&(f64, f64, f64)) -> f64) -> f64 {
    tissues(p).iter().fold(background, |value, tissue| {
        let share = (0.5 - tissue.0 / width).clamp(0.0, 1.0);
        value + (pick(tissue) - value) * share
    })
}

/// HU with the noise of a real scan, the same every time.
pub fn hounsfield(p: [f64; 3], voxel: u64) -> f64 {
    blend(p, -1000.0, 1.2, |t| t.1) + 18.0 * noise(voxel)
}

/// SUV as a PET scanner with 6 mm resolution would show it.
pub fn suv(p: [f64; 3], voxel: u64) -> f64 {
    let clean = blend(p, 0.0, 9.0, |t| t.2);
    clean * (1.0 + 0.06 * noise(voxel))
}

/// Roughly normal noise from the voxel's number (splitmix64, sum of uniforms).
fn noise(voxel: u64) -> f64 {
    let mut z = voxel.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    let sum: f64 = (0..4)
        .map(|i| (z >> (16 * i) & 0xFFFF) as f64 / 65_535.0)
        .sum();
    (sum - 2.0) * 1.73
}
