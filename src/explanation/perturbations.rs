//! The fixed list of small changes to a case: the same for every case, in the same order.

use serde::Serialize;

/// One small change of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Perturbation {
    /// Nothing: the case as it is.
    None,
    /// The centre lies elsewhere, LPS mm.
    Center([f64; 3]),
    /// The PET lies elsewhere, LPS mm, and the CT does not.
    PetShift([f64; 3]),
    /// Every SUV is multiplied by this.
    SuvScale(f64),
    /// The centre is that of another outline of the lesion.
    Outline(Outline),
    /// Noise is added; the number names the draw.
    Noise(usize),
}

/// Another outline of the lesion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outline {
    /// The lesion less all that lies within 3 mm of its border.
    Eroded,
    /// The lesion and all that lies within 3 mm of it.
    Dilated,
    /// What reaches this fraction of the SUVmax.
    Fraction(f64),
}

/// Kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The case as it is.
    None,
    /// The place of the centre.
    Center,
    /// PET against CT.
    Misregistration,
    /// The scale of the SUV.
    SuvScale,
    /// The outline of the lesion.
    Delineation,
    /// Noise of the images.
    Noise,
}

impl Kind {
    /// Kinds of changes, in the order of the list.
    pub const ALL: [Kind; 5] = [
        Kind::Center,
        Kind::Misregistration,
        Kind::SuvScale,
        Kind::Delineation,
        Kind::Noise,
    ];

    /// Returns its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::None => "none",
            Kind::Center => "center",
            Kind::Misregistration => "misregistration",
            Kind::SuvScale => "suv_scale",
            Kind::Delineation => "delineation",
            Kind::Noise => "noise",
        }
    }
}

/// Draws of noise.
const NOISE_DRAWS: usize = 8;

impl Perturbation {
    /// Returns the list: the case as it is, and the 42 changes of it.
    #[must_use]
    pub fn list() -> Vec<Self> {
        let along = |mm: f64| {
            (0..3).flat_map(move |axis| {
                [mm, -mm].map(|mm| std::array::from_fn(|a| if a == axis { mm } else { 0.0 }))
            })
        };
        let corner = |n: usize| std::array::from_fn(|a| if n >> a & 1 == 0 { 2.0 } else { -2.0 });
        let centers = along(2.0).chain(along(5.0)).chain((0..8).map(corner));
        let outlines = [
            Outline::Eroded,
            Outline::Dilated,
            Outline::Fraction(0.41),
            Outline::Fraction(0.50),
        ];
        let mut list = vec![Self::None];
        list.extend(centers.map(Self::Center));
        list.extend(along(3.0).map(Self::PetShift));
        list.extend([0.90, 0.95, 1.05, 1.10].map(Self::SuvScale));
        list.extend(outlines.map(Self::Outline));
        list.extend((0..NOISE_DRAWS).map(Self::Noise));
        list
    }

    /// Returns its kind.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::None => Kind::None,
            Self::Center(_) => Kind::Center,
            Self::PetShift(_) => Kind::Misregistration,
            Self::SuvScale(_) => Kind::SuvScale,
            Self::Outline(_) => Kind::Delineation,
            Self::Noise(_) => Kind::Noise,
        }
    }

    /// Returns what it is called in JSON.
    #[must_use]
    pub fn name(self) -> String {
        let mm = |[l, p, s]: [f64; 3]| format!("{l:+} mm L, {p:+} mm P, {s:+} mm S");
        match self {
            Self::None => "unchanged".into(),
            Self::Center(by) => format!("centre {}", mm(by)),
            Self::PetShift(by) => format!("PET {}", mm(by)),
            Self::SuvScale(by) => format!("SUV x {by:.2}"),
            Self::Outline(Outline::Eroded) => "lesion eroded by 3 mm".into(),
            Self::Outline(Outline::Dilated) => "lesion dilated by 3 mm".into(),
            Self::Outline(Outline::Fraction(f)) => {
                format!("lesion at {:.0} % of SUVmax", f * 100.0)
            }
            Self::Noise(n) => format!("noise, draw {}", n + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_42_changes_of_different_names_behind_the_case_itself() {
        let list = Perturbation::list();
        assert_eq!(list[0], Perturbation::None);
        let of = |kind: Kind| list.iter().filter(|p| p.kind() == kind).count();
        assert_eq!(Kind::ALL.map(of), [20, 6, 4, 4, 8]);
        assert_eq!(list.len(), 43);
        let names: std::collections::BTreeSet<_> = list.iter().map(|p| p.name()).collect();
        assert_eq!(names.len(), 43);
        assert!(
            names.contains("centre +2 mm L, -2 mm P, +2 mm S"),
            "{names:?}"
        );
    }
}
