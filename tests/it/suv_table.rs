//! Every PET item of the shared data: its SUVbw factor to 1e-3, or a refusal, as independent tools have it.

use crate::support;

/// Fields of one CSV line; quoted fields may hold commas.
fn fields(line: &str) -> Vec<String> {
    let (mut out, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(String::new()),
            c => out.last_mut().unwrap().push(c),
        }
    }
    out
}

#[test]
fn every_item_has_the_expected_factor_or_is_refused() {
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    let table = std::fs::read_to_string(data.join("EXPECTED_SUV.csv")).unwrap();
    let (mut refused, mut compared, mut unknown) = (0, 0, 0);
    for row in table.lines().skip(1).map(fields) {
        let (item, expect, factor) = (&row[0], &row[5], row[7].parse::<f64>().ok());
        let found = support::inspect(&[data.join(item)]).unwrap_or_else(|e| panic!("{item}: {e}"));
        let pet: Vec<_> = found.series.iter().filter_map(|s| s.suv.as_ref()).collect();
        assert_eq!(pet.len(), 1, "{item}");
        match (expect.as_str(), pet[0].factor) {
            ("REFUSE", None) => {
                println!("{item}: refused: {}", pet[0].refusal.as_deref().unwrap());
                refused += 1;
            }
            ("SUV", Some(got)) => {
                match factor {
                    Some(want) => {
                        let off = (got / want - 1.0).abs();
                        assert!(off < 1e-3, "{item}: {got} instead of {want}");
                        compared += 1;
                    }
                    None => unknown += 1,
                }
                println!("{item}: {got:.6e} ({})", pet[0].rule.as_deref().unwrap());
            }
            (_, got) => panic!(
                "{item}: expected {expect}, got {got:?} {:?}",
                pet[0].refusal
            ),
        }
    }
    // 25 items; of three the table knows that they are SUV of another kind, and no factor: the test below has their values.
    assert_eq!((compared, refused, unknown), (19, 3, 3));
}

#[test]
fn the_digital_reference_objects_read_4_00_at_their_hottest_voxel() {
    let Some(data) = support::shared("data/petct/b_pet/suv_dro") else {
        return;
    };
    let mut objects = 0;
    for entry in data
        .read_dir()
        .unwrap()
        .flatten()
        .filter(|e| e.path().is_dir())
    {
        objects += 1;
        let name = entry.file_name().into_string().unwrap();
        let folder = entry.path().join("PT");
        let series = support::series(&[folder], dlnms::readers::dicom::Modality::Pt)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let scale = series.pet_info.as_ref().unwrap().suv_scale().unwrap();
        let view = series.volume.view("pet").unwrap();
        let [nx, ny, nz] = series.volume.dims;
        let max = (0..nx * ny * nz)
            .map(|v| (v % nx, v / nx % ny, v / nx / ny))
            .map(|(i, j, k)| view.value([i, j, k]) * scale.factors[k])
            .fold(0.0, f64::max);
        println!("{name}: SUVmax {max:.4} ({})", scale.rule);
        // DRO_2_3's stored values are truncated (NUMERICS 3).
        let tolerance = if name == "DRO_2_3" { 0.03 } else { 0.005 };
        assert!((max - 4.0).abs() < tolerance, "{name}: {max}");
    }
    assert_eq!(objects, 12);
}
