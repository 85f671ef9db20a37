//! Owner and access control list of folders.
//!
//! Trusted are this process's user, the system, its administrators, and the service that installs Windows. A right that
//! anybody else is given counts, whatever an entry before it may deny: too strict is safe.
#![allow(unsafe_code)]

use crate::regular_file::io_reason;
use std::io::{Error, Result as IoResult};
use std::os::windows::ffi::OsStrExt;
use std::path::Path;
use windows_sys::Win32::Foundation::{CloseHandle, GENERIC_ALL, GENERIC_WRITE, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, GetNamedSecurityInfoW, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, GetAce, GetTokenInformation,
    INHERIT_ONLY_ACE, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
    SECURITY_MAX_SID_SIZE, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_ADD_FILE, FILE_ADD_SUBDIRECTORY, FILE_DELETE_CHILD, WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::SystemServices::{ACCESS_ALLOWED_ACE_TYPE, ACCESS_DENIED_ACE_TYPE};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// The system, its administrators, and the installer of Windows.
const TRUSTED: [&str; 3] = [
    "S-1-5-18",
    "S-1-5-32-544",
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
];

/// Rights to put something else in the place of a folder, or to get that right.
const REPLACE: u32 = DELETE | FILE_DELETE_CHILD | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;

/// Rights to change what is in a folder.
const WRITE: u32 = REPLACE | FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY | GENERIC_WRITE;

/// Makes the folder, and those above it, if they are not there; what the folder above gives its children is checked later.
pub fn create(folder: &Path) -> IoResult<()> {
    std::fs::create_dir_all(folder)
}

/// Checks that nobody but this user can write the folder or replace it.
///
/// # Errors
/// The reason in words.
pub fn check_access(folder: &Path) -> Result<(), String> {
    let user = user().map_err(io_reason)?;
    let is_trusted = |sid: &str| sid == user || TRUSTED.contains(&sid);
    let found = Access::of(folder).map_err(io_reason)?;
    if !is_trusted(&found.owner) {
        return Err("its folder belongs to another user".into());
    }
    if found.is_given(WRITE, is_trusted) {
        return Err("its folder can be written by other users".into());
    }
    for above in folder.ancestors().skip(1) {
        let found = Access::of(above).map_err(io_reason)?;
        if !is_trusted(&found.owner) {
            return Err("a folder above it belongs to another user".into());
        }
        if found.is_given(REPLACE, is_trusted) {
            return Err("a folder above it can be written by other users".into());
        }
    }
    Ok(())
}

/// Returns whether a file, not what it may link to, belongs to this user or to whom this user trusts.
pub fn is_own(path: &Path) -> IoResult<bool> {
    let owner = Access::of(path)?.owner;
    Ok(owner == user()? || TRUSTED.contains(&owner.as_str()))
}

/// Who owns a file or folder, and who may do what with it.
struct Access {
    owner: String,
    /// Users and groups with the rights that they are given; `None` where everybody may do everything.
    given: Option<Vec<(String, u32)>>,
}

impl Access {
    fn of(path: &Path) -> IoResult<Self> {
        let name: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
        let mut owner: PSID = std::ptr::null_mut();
        let mut list: *mut ACL = std::ptr::null_mut();
        let mut descriptor: PSECURITY_DESCRIPTOR = std::ptr::null_mut();
        let wanted = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
        // SAFETY: a NUL-terminated path; the others are written, or not asked for.
        let status = unsafe {
            GetNamedSecurityInfoW(
                name.as_ptr(),
                SE_FILE_OBJECT,
                wanted,
                &mut owner,
                std::ptr::null_mut(),
                &mut list,
                std::ptr::null_mut(),
                &mut descriptor,
            )
        };
        if status != 0 {
            return Err(Error::from_raw_os_error(status as i32));
        }
        // SAFETY: owner and list are parts of the descriptor, which is there until the next line.
        let read = unsafe { text_of(owner).and_then(|owner| Ok((owner, entries(list)?))) };
        // SAFETY: by GetNamedSecurityInfoW, for the caller to release.
        unsafe { LocalFree(descriptor) };
        let (owner, given) = read?;
        Ok(Self { owner, given })
    }

    /// Returns whether anybody who is not trusted is given one of the rights.
    fn is_given(&self, rights: u32, is_trusted: impl Fn(&str) -> bool) -> bool {
        match &self.given {
            None => true,
            Some(given) => given
                .iter()
                .any(|(whom, theirs)| theirs & rights != 0 && !is_trusted(whom)),
        }
    }
}

/// Returns who is given which rights by a list.
///
/// # Safety
/// `list` is NULL or a valid list.
unsafe fn entries(list: *const ACL) -> IoResult<Option<Vec<(String, u32)>>> {
    if list.is_null() {
        return Ok(None);
    }
    let mut given = Vec::new();
    // SAFETY: by the caller's promise.
    for n in 0..unsafe { (*list).AceCount } {
        let mut entry = std::ptr::null_mut();
        // SAFETY: by the caller's promise; `entry` is written.
        if unsafe { GetAce(list, n.into(), &mut entry) } == 0 {
            return Err(Error::last_os_error());
        }
        // SAFETY: every entry starts with this.
        let header = unsafe { *entry.cast::<ACE_HEADER>() };
        let kind = u32::from(header.AceType);
        if u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0 || kind == ACCESS_DENIED_ACE_TYPE {
            continue;
        }
        if kind != ACCESS_ALLOWED_ACE_TYPE {
            let unknown = "an entry of its access control list is of an unknown kind";
            return Err(Error::other(unknown));
        }
        let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
        // SAFETY: of this kind; the user or group lies in it from this member on.
        given.push(unsafe { (text_of((&raw mut (*entry).SidStart).cast())?, (*entry).Mask) });
    }
    Ok(Some(given))
}

/// Returns a user or group as Windows writes it, for example `S-1-5-18`.
///
/// # Safety
/// `sid` is valid.
unsafe fn text_of(sid: PSID) -> IoResult<String> {
    let mut text = std::ptr::null_mut();
    // SAFETY: by the caller's promise; `text` is written.
    if unsafe { ConvertSidToStringSidW(sid, &mut text) } == 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: NUL-terminated, so that every unit before the NUL is there.
    let units = (0..).map(|n| unsafe { *text.add(n) });
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    // SAFETY: by ConvertSidToStringSidW, for the caller to release.
    unsafe { LocalFree(text.cast()) };
    Ok(String::from_utf16_lossy(&units))
}

/// Returns this process's user.
fn user() -> IoResult<String> {
    let mut token: HANDLE = std::ptr::null_mut();
    // SAFETY: of this process; `token` is written.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) } == 0 {
        return Err(Error::last_os_error());
    }
    // Of pointers, so that it is aligned as TOKEN_USER is.
    const LENGTH: usize =
        (size_of::<TOKEN_USER>() + SECURITY_MAX_SID_SIZE as usize).div_ceil(size_of::<usize>());
    let mut buffer = [0_usize; LENGTH];
    let (bytes, mut used) = (size_of_val(&buffer) as u32, 0);
    let information = buffer.as_mut_ptr().cast();
    // SAFETY: the buffer holds so many bytes.
    let found = unsafe { GetTokenInformation(token, TokenUser, information, bytes, &mut used) };
    let error = Error::last_os_error();
    // SAFETY: opened above.
    unsafe { CloseHandle(token) };
    if found == 0 {
        return Err(error);
    }
    // SAFETY: filled and aligned; the user's number lies in the buffer.
    unsafe { text_of((*buffer.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
}
