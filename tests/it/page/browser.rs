//! The page in Chromium: light, dark and printed.

use super::{Volumes, page};
use crate::support::skip;
use dlnms::imaging::IDENTITY;
use dlnms::imaging::roi::Roi;
use dlnms::report::page::PageOptions;
use std::path::{Path, PathBuf};
use std::process::Command;

fn chromium() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&folders)
        .flat_map(|f| names.map(|n| f.join(n)))
        .find(|p| p.is_file());
    if found.is_none() {
        skip(
            "the page in a browser",
            "Chromium is not installed (apt-get install chromium)",
        );
    }
    found
}

fn run(browser: &Path, folder: &Path, html: &Path, arguments: &[&str]) {
    let output = Command::new(browser)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .args(arguments)
        .arg(format!("file://{}", html.display()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Pixels of a screenshot, three or four bytes each, and how wide it is.
struct Screenshot {
    pixels: Vec<u8>,
    width: usize,
    bytes: usize,
}

impl Screenshot {
    fn read(path: &Path) -> Self {
        let file = std::fs::read(path).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        Self {
            pixels,
            width: info.width as usize,
            bytes: info.color_type.samples(),
        }
    }

    fn at(&self, [x, y]: [usize; 2]) -> [u8; 3] {
        let first = (y * self.width + x) * self.bytes;
        [0, 1, 2].map(|n| self.pixels[first + n])
    }

    /// How many pixels of a region are this colour.
    fn count(&self, [x, y]: [usize; 2], [width, height]: [usize; 2], color: [u8; 3]) -> usize {
        let rows = (y..y + height).flat_map(|y| (x..x + width).map(move |x| [x, y]));
        rows.filter(|p| self.at(*p) == color).count()
    }
}

#[test]
fn chromium_shows_the_page_light_and_dark_and_prints_it_on_one_sheet() {
    let Some(browser) = chromium() else { return };
    let volumes = Volumes::new(IDENTITY);
    let page = page(&volumes.case(Roi::Point([0.0; 3])), &PageOptions::default());
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("report.html");
    std::fs::write(&html, page.html()).unwrap();
    let shot = |name: &str, arguments: &[&str]| {
        let path = folder.path().join(name);
        let to = format!("--screenshot={}", path.display());
        let all = [arguments, &["--window-size=1048,1500", &to]].concat();
        run(&browser, folder.path(), &html, &all);
        Screenshot::read(&path)
    };
    let light = shot("light.png", &[]);
    let dark = shot("dark.png", &["--blink-settings=preferredColorScheme=0"]);
    // The sheet is 1024 wide here: one unit is one pixel, with a margin of 12.
    assert_eq!(light.at([14, 4]), [255, 255, 255]);
    assert_eq!(dark.at([14, 4]), [0x12, 0x16, 0x1b]);
    // The banner's ground: notice in light and dark.
    assert_eq!(light.at([56, 90]), [0xfd, 0xf3, 0xd7]);
    assert_eq!(dark.at([56, 90]), [0x33, 0x2a, 0x12]);
    // The outline of the lesion is drawn on the pictures of both.
    for screenshot in [&light, &dark] {
        let outline = screenshot.count([52, 300], [700, 720], [0x3d, 0xff, 0x6e]);
        assert!(outline > 100, "{outline} pixels of the lesion's outline");
    }
    let pdf = folder.path().join("print.pdf");
    let to = format!("--print-to-pdf={}", pdf.display());
    // Dark screens print in light colours.
    run(
        &browser,
        folder.path(),
        &html,
        &["--no-pdf-header-footer", &to],
    );
    let pdf = std::fs::read(pdf).unwrap();
    let text = String::from_utf8_lossy(&pdf);
    assert_eq!(text.matches("/Type /Page\n").count(), 1, "one sheet");
}
