//! The Radiopharmaceutical Information Sequence (PS3.3 C.8.9.2): dose, half-life, nuclide and administration.

use super::attributes::{Attributes, Stated, decimal, first_item, items, parsed, text};
use super::time::{self, Moment};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// What was injected, how much of it and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracer {
    /// Items of the sequence; more than one cannot be told apart by the images.
    pub items: usize,
    pub dose_bq: Stated<f64>,
    pub half_life_s: Stated<f64>,
    /// The coded radionuclide, where it is one whose half-life is known here.
    pub nuclide: Stated<&'static Nuclide>,
    /// The tracer is FDG; `None` if nothing says.
    pub fdg: Option<bool>,
    pub injection: Stated<Moment>,
    pub injection_time_of_day: Stated<f64>,
}

impl Tracer {
    /// Reads the first item of the sequence; every value is missing without one.
    pub fn read(attributes: &impl Attributes) -> Self {
        let nothing = InMemDicomObject::new_empty();
        let drug = radiopharmaceutical(attributes).unwrap_or(&nothing);
        Self {
            items: items(attributes, tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE).len(),
            dose_bq: decimal(drug, tags::RADIONUCLIDE_TOTAL_DOSE),
            half_life_s: decimal(drug, tags::RADIONUCLIDE_HALF_LIFE),
            nuclide: nuclide(drug),
            fdg: fdg(drug),
            injection: parsed(
                drug,
                tags::RADIOPHARMACEUTICAL_START_DATE_TIME,
                time::date_time,
            ),
            injection_time_of_day: parsed(
                drug,
                tags::RADIOPHARMACEUTICAL_START_TIME,
                time::time_of_day,
            ),
        }
    }
}

/// Returns the first item of the radiopharmaceutical sequence.
pub fn radiopharmaceutical(attributes: &impl Attributes) -> Option<&InMemDicomObject> {
    first_item(attributes, tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE)
}

/// A radionuclide whose half-life a header is compared with.
#[derive(Debug, PartialEq)]
pub struct Nuclide {
    pub name: &'static str,
    pub half_life_s: f64,
    /// SNOMED RT and SNOMED CT (PS3.16 CID 4020), UMLS.
    codes: &'static [&'static str],
}

/// Half-lives as NUMERICS 3.1 has them.
const NUCLIDES: [Nuclide; 7] = [
    Nuclide {
        name: "F-18",
        half_life_s: crate::imaging::suv::F18_HALF_LIFE_S,
        codes: &["C-111A1", "77004003", "C0016330"],
    },
    Nuclide {
        name: "Ga-68",
        half_life_s: 4062.6,
        codes: &["C-131A3", "35337001"],
    },
    Nuclide {
        name: "Cu-64",
        half_life_s: 45_723.6,
        codes: &["C-127A2", "3932008"],
    },
    Nuclide {
        name: "Zr-89",
        half_life_s: 282_276.0,
        codes: &["C-168A4", "63360001"],
    },
    Nuclide {
        name: "C-11",
        half_life_s: 1223.4,
        codes: &["C-105A1", "40565003"],
    },
    Nuclide {
        name: "O-15",
        half_life_s: 122.24,
        codes: &["C-B1038", "129504001"],
    },
    Nuclide {
        name: "Rb-82",
        half_life_s: 75.5,
        codes: &["C-159A2", "79197006"],
    },
];

impl Nuclide {
    /// Returns whether it is F-18, the only one whose half-life may be missing in a header.
    pub fn is_f18(&self) -> bool {
        self.name == "F-18"
    }
}

/// Reads the coded radionuclide; refuses codes of two.
fn nuclide(drug: &InMemDicomObject) -> Stated<&'static Nuclide> {
    let codes = items(drug, tags::RADIONUCLIDE_CODE_SEQUENCE);
    let of = |code: &InMemDicomObject| {
        let value = text(code, tags::CODE_VALUE)?;
        NUCLIDES.iter().find(|n| n.codes.contains(&value.as_str()))
    };
    let mut named = codes.iter().map(of);
    let first = named.next().flatten();
    if named.all(|other| other == first) {
        Ok(first)
    } else {
        Err("RadionuclideCodeSequence (0054,0300) names two nuclides".into())
    }
}

/// Returns whether the tracer is FDG, by its code or its name; `None` if neither is there.
fn fdg(drug: &InMemDicomObject) -> Option<bool> {
    let code = first_item(drug, tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE);
    let of_code = |tag: Tag| code.and_then(|c| text(c, tag));
    // SNOMED RT and CT (PS3.16 CID 4021), and what GE wrote before there were codes.
    const CODES: [&str; 3] = ["C-B1031", "35321007", "Y-X1743"];
    if of_code(tags::CODE_VALUE).is_some_and(|c| CODES.contains(&c.as_str())) {
        return Some(true);
    }
    let names = [
        of_code(tags::CODE_MEANING),
        text(drug, tags::RADIOPHARMACEUTICAL),
    ];
    let mut names = names.iter().flatten().peekable();
    names.peek()?;
    Some(names.any(|name| {
        let name = name.to_ascii_lowercase();
        ["fdg", "fluorodeoxyglucose", "deoxyglucose"]
            .iter()
            .any(|known| name.contains(known))
    }))
}

#[cfg(test)]
mod tests;
