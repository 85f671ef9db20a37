//! Section "logging".

use super::callbacks::UserData;
use super::error_object::{dlnms_error, dlnms_status};
use super::guard::guard;
use super::strings;
use super::structs::{self, versioned};
use crate::error::{Error, Result};
use crate::logging;
use log::{Level, LevelFilter};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Something failed.
pub const DLNMS_LOG_ERROR: u32 = 1;
/// Something is unusual.
pub const DLNMS_LOG_WARN: u32 = 2;
/// Something happened, at most once for each object.
pub const DLNMS_LOG_INFO: u32 = 3;
/// Details for finding faults.
pub const DLNMS_LOG_DEBUG: u32 = 4;
/// Every detail.
pub const DLNMS_LOG_TRACE: u32 = 5;

/// Receives log lines; fill with dlnms_logger_init(). Without a logger the library is silent: it never writes to
/// stdout or stderr. Lines hold nothing a patient could be known by.
///
/// `callback` receives a DLNMS_LOG_ level, a target such as "dlnms::runtime", the message and `user_data`; both texts
/// live for the call alone. It may be called from any thread, several at once, and must not throw.
/// `drop`, if not NULL, is called exactly once, after the last call of `callback`, when the logger is replaced.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_logger {
    /// Size of the struct in bytes, set by dlnms_logger_init().
    pub struct_size: u32,
    /// The most detailed level that is wanted, a DLNMS_LOG_ constant.
    pub level: u32,
    /// The function to call. Required.
    pub callback: Option<
        unsafe extern "C" fn(
            level: u32,
            target: *const c_char,
            message: *const c_char,
            user_data: *mut c_void,
        ),
    >,
    /// Passed to `callback` and `drop`; the library does not look at it.
    pub user_data: *mut c_void,
    /// Called once with `user_data` when the library no longer needs it; may be NULL.
    pub drop: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}

versioned!(dlnms_logger, 32, { struct_size, level, callback, user_data, drop } reserved {  });

/// Writes defaults into a logger: level DLNMS_LOG_WARN and no callback.
///
/// # Safety
/// - `logger`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_logger) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_logger_init(logger: *mut dlnms_logger, struct_size: u32) {
    let defaults = dlnms_logger {
        struct_size,
        level: DLNMS_LOG_WARN,
        callback: None,
        user_data: std::ptr::null_mut(),
        drop: None,
    };
    // SAFETY: handed on from the caller.
    unsafe { structs::init(logger, struct_size, &defaults) };
}

/// Sends the log lines of the whole process to a logger from now on.
///
/// # Safety
/// - `logger`: an initialised struct, which is copied; NULL makes the library silent again.
///
/// # Errors
/// DLNMS_E_STRUCT_SIZE, DLNMS_E_NULL_ARGUMENT (callback), DLNMS_E_INVALID_ARGUMENT (level).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_logger_set(
    logger: *const dlnms_logger,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        if logger.is_null() {
            logging::set_sink(LevelFilter::Off, None);
            return Ok(());
        }
        // SAFETY: handed on from the caller.
        let raw = unsafe { structs::read(logger) }?;
        let callback = raw
            .callback
            .ok_or(Error::NullArgument("dlnms_logger.callback"))?;
        let level = filter("dlnms_logger.level", raw.level)?;
        let data = UserData::new(raw.user_data, raw.drop);
        let sink = move |level: Level, target: &str, message: &str| {
            let (target, message) = (strings::owned(target), strings::owned(message));
            let data = &data; // the whole struct is captured, so that its drop runs with the sink's
            // SAFETY: the host's function with the host's pointer; both strings outlive the call.
            unsafe {
                callback(
                    level as u32,
                    target.as_ptr(),
                    message.as_ptr(),
                    data.pointer,
                )
            };
        };
        logging::set_sink(level, Some(Arc::new(sink)));
        Ok(())
    })
}

/// Sends a line of the host to the logger, with the target "dlnms::host". It is meant for what a callback has to report and has
/// no caller for. Nothing happens without a logger, or where the logger's level is lower.
///
/// # Safety
/// - `level`: a DLNMS_LOG_ constant.
/// - `message`: a NUL-terminated string; bytes that are not UTF-8 are replaced.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (level), DLNMS_E_NULL_ARGUMENT (message).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_logger_write(
    level: u32,
    message: *const c_char,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let level = filter("level", level)?;
        // SAFETY: handed on from the caller.
        let message = unsafe { strings::lossy(message, "message") }?;
        if let Some(level) = level.to_level() {
            log::log!(target: "dlnms::host", level, "{message}");
        }
        Ok(())
    })
}

fn filter(field: &str, level: u32) -> Result<LevelFilter> {
    match level {
        DLNMS_LOG_ERROR => Ok(LevelFilter::Error),
        DLNMS_LOG_WARN => Ok(LevelFilter::Warn),
        DLNMS_LOG_INFO => Ok(LevelFilter::Info),
        DLNMS_LOG_DEBUG => Ok(LevelFilter::Debug),
        DLNMS_LOG_TRACE => Ok(LevelFilter::Trace),
        other => Err(Error::invalid(
            field,
            format!("{other} is not a DLNMS_LOG_ constant"),
        )),
    }
}
