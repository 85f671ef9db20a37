//! The page outside of a browser: pixels, PNG and PDF, with the same content and the same bytes each time.

use super::{Volumes, page};
use dlnms::Error;
use dlnms::imaging::IDENTITY;
use dlnms::imaging::roi::Roi;
use dlnms::report::page::{Page, PageOptions};

fn drawn(lesion: &str) -> Page {
    let volumes = Volumes::new(IDENTITY);
    let options = PageOptions {
        lesion: Some(lesion.into()),
        ..PageOptions::default()
    };
    let mut page = page(&volumes.case(Roi::Point([0.0; 3])), &options);
    // Times differ from run to run.
    page.provenance.clear();
    page
}

#[test]
fn pixels_are_those_of_the_sheet_and_the_same_each_time() {
    let page = drawn("GTV");
    let image = page.rgb(1024).unwrap();
    assert_eq!((image.width, image.height), (1024, 1448));
    assert_eq!(image.rgb.len(), 3 * 1024 * 1448);
    assert_eq!(image, page.rgb(1024).unwrap());
    let at = |x: usize, y: usize| {
        let first = 3 * (y * 1024 + x);
        [0, 1, 2].map(|n| image.rgb[first + n])
    };
    // Paper, the ground of the notice, and text on it.
    assert_eq!(at(5, 5), [255, 255, 255]);
    assert_eq!(at(44, 80), [0xfd, 0xf3, 0xd7]);
    let dark = |p: [u8; 3]| p.iter().all(|v| *v < 130);
    let text = (200..800).flat_map(|x| (80..100).map(move |y| (x, y)));
    assert!(
        text.filter(|(x, y)| dark(at(*x, *y))).count() > 300,
        "the notice has no text"
    );
    // A bright green outline around the lesion.
    let green = |p: [u8; 3]| p[1] > 200 && p[0] < 120 && p[2] < 160;
    let all = (40..740).flat_map(|x| (280..1000).map(move |y| (x, y)));
    assert!(
        all.filter(|(x, y)| green(at(*x, *y))).count() > 200,
        "no outline"
    );
}

#[test]
fn a_name_without_shapes_in_the_font_leaves_boxes_and_no_gap() {
    let ink = |page: &Page| {
        let image = page.rgb(1024).unwrap();
        let rows = (54..70).flat_map(|y| (40..400).map(move |x| 3 * (y * 1024 + x)));
        rows.filter(|i| image.rgb[*i] < 160).count()
    };
    let (plain, kanji) = (drawn("-"), drawn("- 腫瘍腫瘍腫瘍"));
    assert!(kanji.html().contains("腫瘍"));
    assert!(ink(&kanji) > ink(&plain) + 60, "boxes are drawn");
}

#[test]
fn png_and_pdf_are_files_of_their_kind() {
    let page = drawn("GTV");
    let png = page.png().unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let info = png::Decoder::new(std::io::Cursor::new(&png))
        .read_info()
        .unwrap();
    assert_eq!((info.info().width, info.info().height), (2048, 2896));
    let pdf = page.pdf().unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.trim_ascii_end().ends_with(b"%%EOF"));
    assert_eq!(
        pdf,
        page.pdf().unwrap(),
        "the same page gives the same bytes"
    );
    assert_eq!(
        String::from_utf8_lossy(&pdf).matches("/MediaBox").count(),
        1
    );
    assert!(matches!(page.rgb(100), Err(Error::InvalidArgument { .. })));
}
