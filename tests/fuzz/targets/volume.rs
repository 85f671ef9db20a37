//! Any bytes as a NIfTI or NRRD file.
#![no_main]

use std::sync::LazyLock;

static FOLDER: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("dlnms-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the files");
    folder
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    let name = ["v.nii", "v.nii.gz", "v.nrrd"][usize::from(*kind) % 3];
    let file = FOLDER.join(name);
    std::fs::write(&file, bytes).expect("a file to read");
    let _ = dlnms::readers::read(&file);
});
