//! The graphics cards of this machine and their driver, on which kept engines depend.
#![cfg_attr(windows, allow(unsafe_code))]

/// Returns the NVIDIA driver and the cards it drives, as it lists them itself.
#[cfg(unix)]
pub fn describe() -> String {
    let driver = std::fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default();
    let cards = std::path::Path::new("/proc/driver/nvidia/gpus").read_dir();
    let information = cards.into_iter().flatten().flatten();
    let mut models: Vec<String> = information
        .filter_map(|card| std::fs::read_to_string(card.path().join("information")).ok())
        .filter_map(|text| Some(text.lines().find(|l| l.starts_with("Model:"))?.to_owned()))
        .collect();
    models.sort();
    format!("{driver}{}", models.join("; "))
}

/// Returns what tells one NVIDIA driver from another: each brings its own library of CUDA. An engine itself refuses another
/// card than the one it was built for.
#[cfg(windows)]
pub fn describe() -> String {
    use std::os::windows::ffi::OsStringExt;
    use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;
    let mut folder = [0; 1 << 10];
    // SAFETY: the buffer holds so many units; the length of what was written, or of what would be needed, comes back.
    let length = unsafe { GetSystemDirectoryW(folder.as_mut_ptr(), folder.len() as u32) } as usize;
    let folder = folder.get(..length).map(std::ffi::OsString::from_wide);
    let library = folder.map(|folder| std::path::PathBuf::from(folder).join("nvcuda.dll"));
    match library.and_then(|library| library.metadata().ok()) {
        Some(found) => format!("{} bytes, {:?}", found.len(), found.modified().ok()),
        None => String::new(),
    }
}
