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
/// What happens, once per object.
pub const DLNMS_LOG_INFO: u32 = 3;
/// For finding faults.
pub const DLNMS_LOG_DEBUG: u32 = 4;
/// Everything.
pub const DLNMS_LOG_TRACE: u32 = 5;

/// Where log lines go; fill with dlnms_logger_init(). Without a logger the library is silent: it never writes to
/// stdout or stderr. Lines hold nothing a patient could be known by.
///
/// `callback` gets a DLNMS_LOG_ level, a target such as "dlnms::runtime", the message and `user_data`; both texts
/// live for the call alone. It may be called from any thread, several at once, and must not throw.
/// `drop`, if not NULL, is called exactly once, after the last call of `callback`, when the logger is replaced.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_logger {
    /// Set by dlnms_logger_init().
    pub struct_size: u32,
    /// Most talkative level that is wanted, a DLNMS_LOG_ constant.
    pub level: u32,
    /// Required.
    pub callback: Option<
        unsafe extern "C" fn(
            level: u32,
            target: *const c_char,
            message: *const c_char,
            user_data: *mut c_void,
        ),
    >,
    /// Handed to both functions.
    pub user_data: *mut c_void,
    /// May be NULL.
    pub drop: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}

versioned!(dlnms_logger, 32, { struct_size, level, callback, user_data, drop } reserved {  });

/// Write defaults (level DLNMS_LOG_WARN) into `logger`; `struct_size` is sizeof(dlnms_logger) as the caller sees it.
/// Any thread.
///
/// # Safety
/// `logger` is NULL or has `struct_size` writable bytes.
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

/// Send log lines of the whole process to `logger` from now on; NULL makes the library silent again. The struct is
/// copied. Any thread.
/// Errors: DLNMS_E_STRUCT_SIZE, DLNMS_E_NULL_ARGUMENT (callback), DLNMS_E_INVALID_ARGUMENT (level).
///
/// # Safety
/// `logger` is NULL or points to an initialised struct; `err` is NULL or writable.
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

/// Send a line of the host to the logger, with target "dlnms::host": what a callback has to report and has no caller for.
/// Without a logger, or above its level, nothing happens. Bytes that are not UTF-8 are replaced. Any thread.
/// Errors: DLNMS_E_INVALID_ARGUMENT (level), DLNMS_E_NULL_ARGUMENT (message).
///
/// # Safety
/// `message` is a NUL-terminated string; `err` is NULL or writable.
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
