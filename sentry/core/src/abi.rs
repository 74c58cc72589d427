// SPDX-FileCopyrightText: 2026 The pysc authors
// SPDX-License-Identifier: Apache-2.0
//! The C ABI towards cffi (pysc_core.h). Native because Python has no cheap way to these calls; safe because every
//! pointer comes from cffi with its length, is used during the call only, and is checked for null.

use crate::notify::{Notification, Ready};
use crate::{memory, notify, start, sys};

/// A raw system call for what Python's standard library lacks; the caller answers for its arguments.
///
/// # Safety
/// As for the system call itself.
#[no_mangle]
pub unsafe extern "C" fn pysc_syscall(
    nr: i64,
    a0: u64,
    a1: u64,
    a2: u64,
    a3: u64,
    a4: u64,
    a5: u64,
) -> i64 {
    // SAFETY: passed on to the caller.
    unsafe { sys::syscall(nr as u64, [a0, a1, a2, a3, a4, a5]) }
}

/// See notify::step.
///
/// # Safety
/// `call` is a pysc_notification, `ready` an array of `capacity` pysc_ready.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn pysc_step(
    epoll: i32,
    listener: i32,
    reply: u64,
    value: i64,
    reply_flags: u32,
    timeout_ns: i64,
    call: *mut Notification,
    ready: *mut Ready,
    capacity: u32,
) -> i64 {
    if call.is_null() || ready.is_null() || capacity == 0 {
        return -sys::EINVAL;
    }
    // SAFETY: not null, of the caller's stated sizes, borrowed for this call only.
    let (call, ready) = unsafe {
        (
            &mut *call,
            std::slice::from_raw_parts_mut(ready, capacity as usize),
        )
    };
    notify::step(
        epoll,
        listener,
        reply,
        value,
        reply_flags,
        timeout_ns,
        call,
        ready,
    )
}

#[no_mangle]
pub extern "C" fn pysc_answer(listener: i32, id: u64, value: i64, flags: u32) -> i64 {
    notify::answer(listener, id, value, flags)
}

#[no_mangle]
pub extern "C" fn pysc_install(listener: i32, id: u64, fd: i32, flags: u32) -> i64 {
    notify::install(listener, id, fd, flags)
}

#[no_mangle]
pub extern "C" fn pysc_still_there(listener: i32, id: u64) -> i64 {
    notify::still_there(listener, id)
}

/// # Safety
/// `buffer` has room for `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn pysc_read_memory(
    tid: i32,
    address: u64,
    buffer: *mut u8,
    size: u64,
) -> i64 {
    if buffer.is_null() {
        return -sys::EINVAL;
    }
    // SAFETY: of the caller's stated size, borrowed for this call only.
    memory::read(tid, address, unsafe {
        std::slice::from_raw_parts_mut(buffer, size as usize)
    })
}

/// # Safety
/// `buffer` holds `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn pysc_write_memory(
    tid: i32,
    address: u64,
    buffer: *const u8,
    size: u64,
) -> i64 {
    if buffer.is_null() {
        return -sys::EINVAL;
    }
    // SAFETY: of the caller's stated size, borrowed for this call only.
    memory::write(tid, address, unsafe {
        std::slice::from_raw_parts(buffer, size as usize)
    })
}

/// # Safety
/// `buffer` has room for `limit` bytes.
#[no_mangle]
pub unsafe extern "C" fn pysc_read_string(
    tid: i32,
    address: u64,
    buffer: *mut u8,
    limit: u64,
) -> i64 {
    if buffer.is_null() {
        return -sys::EINVAL;
    }
    // SAFETY: of the caller's stated size, borrowed for this call only.
    memory::read_string(tid, address, unsafe {
        std::slice::from_raw_parts_mut(buffer, limit as usize)
    })
}

#[no_mangle]
pub extern "C" fn pysc_copy_out(tid: i32, address: u64, size: u64, fd: i32, offset: i64) -> i64 {
    memory::copy_out(tid, address, size, fd, offset)
}

#[no_mangle]
pub extern "C" fn pysc_copy_in(tid: i32, address: u64, size: u64, fd: i32, offset: i64) -> i64 {
    memory::copy_in(tid, address, size, fd, offset)
}

/// See start::start_task.
///
/// # Safety
/// `start` is a pysc_start whose pointers are what their comments say.
#[no_mangle]
pub unsafe extern "C" fn pysc_start_task(start: *mut start::Start) -> i64 {
    if start.is_null() {
        return -sys::EINVAL;
    }
    // SAFETY: the caller's structure, borrowed for this call only.
    unsafe { start::start_task(&mut *start) }
}
