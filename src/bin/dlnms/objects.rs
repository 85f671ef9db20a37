//! DICOM objects of a result: `dlnms score --dicom DIR`.

use crate::{Failure, atomic_file};
use dlnms::imaging::StoredGrid;
use dlnms::readers::dicom::Study;
use dlnms::report::page::Page;
use dlnms::scorer::Scores;
use dlnms::writers::{self, ContentTime, Grids, Identity, Object, PageImage, Source, WriteOptions};
use dlnms::{Error, Result};
use std::path::PathBuf;

/// Which objects are to be written, and where.
#[derive(clap::Args)]
pub struct ObjectArguments {
    /// Write the result as DICOM objects into this folder; --sr, --seg and --sc if none is named
    #[arg(long, value_name = "DIR")]
    dicom: Option<PathBuf>,
    /// sr.dcm: a structured report of the scores and the lesion's measures; it refers to the segmentation
    #[arg(long, requires = "dicom")]
    sr: bool,
    /// sc.dcm: the page as a picture
    #[arg(long, requires = "dicom")]
    sc: bool,
    /// report.pdf.dcm: the page as a PDF document
    #[arg(long, requires = "dicom")]
    pdf: bool,
    /// marker.dcm: a structured report with a point on the CT, for viewers that draw a marker there
    #[arg(long, requires = "dicom")]
    marker: bool,
    /// Write results of weights that were not trained on patients; every object says so
    #[arg(long, requires = "dicom")]
    allow_not_trained: bool,
    /// When the content was made, YYYYMMDDHHMMSS [default: now]
    #[arg(long, value_name = "TIME", requires = "dicom", value_parser = parse_time)]
    content_time: Option<ContentTime>,
}

fn parse_time(text: &str) -> Result<ContentTime, String> {
    ContentTime::parse(text).map_err(|e| e.to_string())
}

/// Pixels of a row of the picture of the page.
const PAGE_WIDTH: u32 = 1024;

/// Which objects are to be written.
struct Wanted {
    sr: bool,
    seg: bool,
    marker: bool,
    sc: bool,
    pdf: bool,
}

/// Objects of one or several lesions, before they are files.
pub struct Objects<'a> {
    arguments: &'a ObjectArguments,
    folder: &'a PathBuf,
    wanted: Wanted,
    identity: Identity,
    grids: Grids,
    warnings: &'a [String],
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl ObjectArguments {
    /// Returns the objects of a study that are to be written; `None` if none are. `segmentation`: one was asked for.
    pub fn begin<'a>(
        &'a self,
        study: &'a Study,
        segmentation: bool,
    ) -> Result<Option<Objects<'a>>> {
        let Some(folder) = &self.dicom else {
            if segmentation {
                let why = "name a file with the tumour, or say --dicom";
                return Err(Error::invalid("--seg", why));
            }
            return Ok(None);
        };
        Ok(Some(Objects {
            arguments: self,
            folder,
            wanted: self.wanted(segmentation),
            identity: Identity::from_study(study)?,
            grids: Grids {
                pet: StoredGrid::new(&study.pet.volume.grid()),
                ct: StoredGrid::new(&study.ct.volume.grid()),
            },
            warnings: &study.warnings,
            files: Vec::new(),
        }))
    }

    /// Returns whether one of the objects is the page.
    pub fn wants_page(&self, segmentation: bool) -> bool {
        let wanted = self.wanted(segmentation);
        self.dicom.is_some() && (wanted.sc || wanted.pdf)
    }

    fn wanted(&self, segmentation: bool) -> Wanted {
        let none = !(self.sr || segmentation || self.marker || self.sc || self.pdf);
        Wanted {
            sr: self.sr || none,
            seg: segmentation || none,
            marker: self.marker,
            sc: self.sc || none,
            pdf: self.pdf,
        }
    }
}

impl Objects<'_> {
    /// Makes the objects of a lesion by its rank, from 1, and of its page, if it has one.
    pub fn add(&mut self, rank: u32, scores: &Scores, page: Option<&Page>) -> Result<()> {
        let wanted = &self.wanted;
        // An archive may get the same result twice: what it gets holds nothing that differs between two runs.
        let page = page.cloned().map(Page::without_durations);
        let page = page.as_ref();
        let image = page.filter(|_| wanted.sc).map(|p| p.rgb(PAGE_WIDTH));
        let image = image.transpose()?;
        let pdf = page.filter(|_| wanted.pdf).map(Page::pdf).transpose()?;
        let of_lesion = [
            (Object::ScoreReport, wanted.sr),
            (Object::Segmentation, wanted.seg),
            (Object::Marker, wanted.marker),
        ];
        let of_lesion = of_lesion.into_iter().filter(|(_, wanted)| *wanted);
        let mut objects: Vec<Object<'_>> = of_lesion.map(|(object, _)| object).collect();
        objects.extend(image.as_ref().map(|image| {
            Object::PageImage(PageImage {
                width: image.width as usize,
                height: image.height as usize,
                rgb: &image.rgb,
            })
        }));
        objects.extend(pdf.as_deref().map(Object::PageDocument));
        let source = Source {
            scores,
            grids: &self.grids,
            identity: &self.identity,
            warnings: self.warnings,
        };
        let options = WriteOptions {
            allow_not_trained: self.arguments.allow_not_trained,
            content_time: self.arguments.content_time.clone(),
            lesion: rank,
            uid_salt: String::new(),
        };
        for object in &objects {
            let name = match rank {
                1 => object.file_name().to_owned(),
                rank => object.file_name().replace(".dcm", &format!("-{rank}.dcm")),
            };
            let content = writers::write(object, &source, &options)?;
            self.files.push((self.folder.join(name), content));
        }
        Ok(())
    }

    /// Writes all of them.
    pub fn store(self) -> Result<(), Failure> {
        atomic_file::write_all(self.folder, &self.files)
    }
}
