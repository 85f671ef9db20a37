//! Any bytes as a DICOM file: listed, decoded, laid out; an error or a result.
#![no_main]

use dlnms::readers::dicom::{Archive, Modality};
use dlnms::cancel::CancelToken;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let cancel = CancelToken::default();
    let Ok(archive) = Archive::from_buffers(vec![data.into()], &cancel) else {
        return;
    };
    let _ = archive.inspect();
    for modality in [Modality::Ct, Modality::Pt] {
        let _ = archive.series(modality, None, &|_, _| true, &cancel);
    }
    for image in 0..archive.image_count().min(2) {
        let _ = archive.image(image);
    }
});
