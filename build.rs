//! Link settings of the C library that cargo makes: its SONAME carries the ABI version, and it is never unloaded. The
//! library that is installed has symbol versions too and is linked by packaging/build.py.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/lib.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!(
            "cargo:rustc-cdylib-link-arg=-Wl,-soname,libdlnms.so.{}",
            abi_version()
        );
        // ONNX Runtime's pool threads and the host's log callback outlive any dlclose.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    #[cfg(feature = "cxx-bridge")]
    {
        println!("cargo:rerun-if-changed=src/bridge.rs");
        cxx_build::bridge("src/bridge.rs")
            .std("c++17")
            .compile("dlnms_bridge");
    }
}

/// `ABI_VERSION` of src/lib.rs: one number, one place.
fn abi_version() -> u32 {
    let source = std::fs::read_to_string("src/lib.rs").unwrap_or_default();
    let line = source
        .lines()
        .find_map(|l| l.strip_prefix("pub const ABI_VERSION: u32 = "));
    line.and_then(|v| v.trim_end_matches(';').parse().ok())
        .unwrap_or_else(|| panic!("ABI_VERSION not found in src/lib.rs"))
}
