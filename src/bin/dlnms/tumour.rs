//! The tumour, or several lesions, from the command line; shared by `score`, `planes` and `texture`.

use crate::input::Input;
use dlnms::imaging::roi::{Delineation, Roi, Seed};
use dlnms::imaging::{Volume, VolumeView};
use dlnms::readers::dicom::{Archive, RoiKind, RoiMask, RoiSummary, Study, find_rois};
use dlnms::scorer::{CancelToken, Case};
use dlnms::{Error, Result, readers};
use std::path::PathBuf;

/// Where the tumour is: one of several ways.
#[derive(clap::Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("tumour").required(true).multiple(true)))]
#[command(group(clap::ArgGroup::new("source")))]
pub struct TumourArguments {
    /// Centre of the tumour, LPS millimetres; write --center=-42.3,-14.6,-122.1
    #[arg(long, groups = ["tumour", "source"], value_name = "X,Y,Z", value_parser = parse_point, allow_hyphen_values = true)]
    center: Option<[f64; 3]>,
    /// A point in the tumour, LPS millimetres, from which --threshold cuts it out of the PET
    #[arg(long, groups = ["tumour", "source"], value_name = "X,Y,Z", value_parser = parse_point, allow_hyphen_values = true)]
    seed: Option<[f64; 3]>,
    /// Mask of the tumour on any grid (.nii, .nii.gz, .nrrd); its centroid is the centre
    #[arg(long, groups = ["tumour", "source"], value_name = "FILE")]
    mask: Option<PathBuf>,
    /// RT Structure Set with the tumour's contours
    #[arg(long, groups = ["tumour", "source"], value_name = "FILE")]
    rtstruct: Option<PathBuf>,
    /// Name or number of the ROI in --rtstruct, or in a structure set among PATH
    #[arg(long, group = "tumour", value_name = "NAME")]
    roi: Option<String>,
    /// DICOM Segmentation with the tumour; without FILE, with --dicom: write seg.dcm, a segmentation of the lesion
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    seg: Option<Option<PathBuf>>,
    /// Number of the segment in --seg, or in a segmentation among PATH
    #[arg(long, group = "tumour", value_name = "N")]
    segment: Option<i64>,
    /// Take every lesion, `score` ranks them: each ROI of --rtstruct, each segment of --seg, each connected part of --mask
    #[arg(long, group = "tumour", value_name = "all", value_parser = ["all"])]
    lesions: Option<String>,
    /// Cuts the lesion out of the PET for --seed, SUVmax, SUVpeak, MTV and TLG: 41% of SUVmax, or a fixed SUV
    #[arg(long, value_name = "41%|SUV", value_parser = parse_delineation, default_value = "41%")]
    pub threshold: Delineation,
    /// The lesion of a point or seed is looked for this far around it, mm
    #[arg(long, value_name = "MM", default_value_t = 40.0)]
    pub radius: f64,
}

/// A lesion with what it is called.
pub struct Lesion {
    pub name: String,
    /// Contours of one plane overlap in part and were joined.
    contours_overlap: bool,
    place: Place,
}

enum Place {
    Center([f64; 3]),
    Seed(Seed),
    Mask(Box<Volume>),
}

impl TumourArguments {
    /// Returns whether it says where the tumour is.
    pub fn is_given(&self) -> bool {
        self.center.is_some()
            || self.seed.is_some()
            || self.mask.is_some()
            || self.rtstruct.is_some()
            || self.roi.is_some()
            || self.seg.is_some()
            || self.segment.is_some()
            || self.lesions.is_some()
    }

    /// Read what was named; contours are laid on the grid of the series they were drawn on. One lesion unless all
    /// were asked for.
    pub fn read(&self, input: &Input) -> Result<Vec<Lesion>> {
        self.check_segmentation()?;
        let one = |name: &str, place| {
            vec![Lesion {
                name: name.into(),
                contours_overlap: false,
                place,
            }]
        };
        if let Some(center) = self.center {
            return Ok(one("center", Place::Center(center)));
        }
        if let Some(point) = self.seed {
            let seed = Seed {
                point,
                radius_mm: self.radius,
                delineation: self.threshold,
            };
            return Ok(one("seed", Place::Seed(seed)));
        }
        if let Some(file) = &self.mask {
            let mask = readers::read_with(file, &input.options, &CancelToken::default())?;
            return match self.lesions {
                None => Ok(one("mask", Place::Mask(Box::new(mask)))),
                Some(_) => parts(&mask),
            };
        }
        self.stored(input)
    }

    /// As [`TumourArguments::read`], for a command that writes no DICOM objects.
    pub fn read_alone(&self, input: &Input) -> Result<Vec<Lesion>> {
        if self.wants_segmentation() {
            return Err(Error::invalid("--seg", "name a file with the tumour"));
        }
        self.read(input)
    }

    /// Returns whether `--seg` names no file: it asks for an object then.
    pub fn wants_segmentation(&self) -> bool {
        self.seg == Some(None)
    }

    /// Returns the segmentation that was named.
    fn segmentation(&self) -> Option<&PathBuf> {
        self.seg.as_ref().and_then(|file| file.as_ref())
    }

    /// Returns an error if a segmentation was named beside another source of the tumour.
    fn check_segmentation(&self) -> Result<()> {
        let others = [
            self.center.is_some(),
            self.seed.is_some(),
            self.mask.is_some(),
            self.rtstruct.is_some(),
        ];
        if self.segmentation().is_some() && others.contains(&true) {
            return Err(Error::invalid(
                "--seg",
                "another option says where the tumour is",
            ));
        }
        Ok(())
    }

    /// ROIs of a file that was named, else of the study's own archives.
    fn stored(&self, input: &Input) -> Result<Vec<Lesion>> {
        let (kind, wanted) = match (&self.rtstruct, self.segmentation(), self.segment) {
            (None, Some(_), n) | (None, None, n @ Some(_)) => {
                (RoiKind::Segment, n.map(|n| n.to_string()))
            }
            _ => (RoiKind::Contours, self.roi.clone()),
        };
        if wanted.is_none() && self.lesions.is_none() {
            let flag = match kind {
                RoiKind::Contours => "--roi",
                RoiKind::Segment => "--segment",
            };
            return Err(Error::invalid(flag, "say which one, or --lesions all"));
        }
        let cancel = CancelToken::default();
        let named = self.rtstruct.as_ref().or(self.segmentation());
        let extra = match named {
            None => None,
            Some(file) => Some(Archive::open_with(
                std::slice::from_ref(file),
                &input.options,
                &cancel,
            )?),
        };
        let images: Vec<&Archive> = input.archives.iter().collect();
        let archives = extra
            .as_ref()
            .map_or(images.clone(), |archive| vec![archive]);
        let found = find_rois(&archives, &images, kind, wanted.as_deref(), &cancel)?;
        let lesion = |(roi, mask): (RoiSummary, RoiMask)| {
            mask.require_frame_of(&input.study)?;
            Ok(Lesion {
                name: roi.name,
                contours_overlap: mask.contours_overlap,
                place: Place::Mask(Box::new(mask.volume)),
            })
        };
        found.into_iter().map(lesion).collect()
    }
}

/// The connected parts of a mask, largest first.
fn parts(mask: &Volume) -> Result<Vec<Lesion>> {
    let view = mask.view("mask")?;
    let mut parts = connected_parts(&view);
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let [nx, ny, nz] = mask.dims;
    let lesion = |(n, part): (usize, Vec<[usize; 3]>)| {
        let mut volume = mask.clone();
        volume.dtype = dlnms::imaging::DType::U8;
        (volume.slopes, volume.intercept) = (vec![1.0; nz], 0.0);
        volume.data = vec![0; nx * ny * nz];
        for [i, j, k] in part {
            volume.data[(k * ny + j) * nx + i] = 1;
        }
        Lesion {
            name: format!("part {}", n + 1),
            contours_overlap: false,
            place: Place::Mask(Box::new(volume)),
        }
    };
    Ok(parts.into_iter().enumerate().map(lesion).collect())
}

fn connected_parts(view: &VolumeView<'_>) -> Vec<Vec<[usize; 3]>> {
    let [nx, ny, nz] = view.grid.dims;
    let set = |v: [usize; 3]| v[0] < nx && v[1] < ny && v[2] < nz && view.value(v) != 0.0;
    let mut seen = vec![false; nx * ny * nz];
    let mut parts = Vec::new();
    for n in 0..nx * ny * nz {
        let v = [n % nx, n / nx % ny, n / nx / ny];
        if seen[n] || !set(v) {
            continue;
        }
        let part = dlnms::evidence::pet_metrics::connected(v, set);
        for [i, j, k] in &part {
            seen[(k * ny + j) * nx + i] = true;
        }
        parts.push(part);
    }
    parts
}

impl Lesion {
    /// Returns the case of this lesion in a study.
    pub fn case<'a>(&'a self, study: &'a Study) -> Result<Case<'a>> {
        let mut case = study.case(self.roi()?)?;
        case.metadata.contours_overlap = Some(self.contours_overlap);
        Ok(case)
    }

    /// As the library wants it.
    fn roi(&self) -> Result<Roi<'_>> {
        Ok(match &self.place {
            Place::Center(center) => Roi::Point(*center),
            Place::Seed(seed) => Roi::Seed(*seed),
            Place::Mask(volume) => Roi::Mask(volume.view("mask")?),
        })
    }
}

/// `X,Y,Z` in millimetres.
pub fn parse_point(text: &str) -> std::result::Result<[f64; 3], String> {
    let values: Vec<f64> = text
        .split(',')
        .map(|s| {
            s.trim()
                .parse::<f64>()
                .map_err(|_| format!("{s:?} is not a number"))
        })
        .collect::<std::result::Result<_, _>>()?;
    let point: [f64; 3] = values
        .try_into()
        .map_err(|_| "three numbers X,Y,Z are needed".to_owned())?;
    if point.iter().all(|v| v.is_finite()) {
        Ok(point)
    } else {
        Err("the numbers must be finite".into())
    }
}

/// `41%` of SUVmax, or a fixed SUV.
pub fn parse_delineation(text: &str) -> std::result::Result<Delineation, String> {
    let (number, percent) = text.strip_suffix('%').map_or((text, false), |n| (n, true));
    match number.trim().parse::<f64>() {
        Ok(v) if percent && v > 0.0 && v <= 100.0 => Ok(Delineation::Fraction(v / 100.0)),
        Ok(v) if !percent && v.is_finite() && v > 0.0 => Ok(Delineation::Fixed(v)),
        _ => Err("write 41% or 2.5".into()),
    }
}
