// SPDX-FileCopyrightText: 2026 The pysc authors
// SPDX-License-Identifier: Apache-2.0
//! System calls, without libc's errno: every result is the kernel's own (negative errno).
//!
//! Rules: no allocation, no locks; usable after fork. Safe wrappers take slices and own their lengths.

use std::arch::asm;

pub const READ: u64 = 0;
pub const WRITE: u64 = 1;
pub const PREAD64: u64 = 17;
pub const PWRITE64: u64 = 18;
pub const IOCTL: u64 = 16;
pub const EPOLL_WAIT: u64 = 232;
pub const PPOLL: u64 = 271;
pub const PROCESS_VM_READV: u64 = 310;
pub const PROCESS_VM_WRITEV: u64 = 311;
pub const CLONE: u64 = 56;
pub const EXIT: u64 = 60;
pub const PRCTL: u64 = 157;
pub const SECCOMP: u64 = 317;
pub const EXECVEAT: u64 = 322;
pub const SETSID: u64 = 112;
pub const RT_SIGPROCMASK: u64 = 14;
pub const RT_SIGACTION: u64 = 13;
pub const PRLIMIT64: u64 = 302;

pub const EINTR: i64 = 4;
pub const EFAULT: i64 = 14;
pub const EINVAL: i64 = 22;

/// One raw system call of x86-64.
///
/// # Safety
/// The caller answers for every pointer among the arguments, as for the call itself.
pub unsafe fn syscall(nr: u64, args: [u64; 6]) -> i64 {
    let result: i64;
    // SAFETY: the instruction clobbers rax, rcx and r11 only; memory effects are those of the call, which the
    // caller answers for; the compiler assumes memory may change (no `nomem`).
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") nr as i64 => result,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    }
    result
}

#[repr(C)]
struct IoVec {
    base: u64,
    length: u64,
}

/// Copies from the memory of thread `tid` into `buffer`: bytes copied.
pub fn process_vm_read(tid: i32, address: u64, buffer: &mut [u8]) -> i64 {
    let local = IoVec {
        base: buffer.as_mut_ptr() as u64,
        length: buffer.len() as u64,
    };
    let remote = IoVec {
        base: address,
        length: buffer.len() as u64,
    };
    // SAFETY: the local vector is the exclusive slice; the remote one is another process's memory.
    unsafe {
        syscall(
            PROCESS_VM_READV,
            [
                tid as u64,
                &raw const local as u64,
                1,
                &raw const remote as u64,
                1,
                0,
            ],
        )
    }
}

/// Copies `buffer` into the memory of thread `tid`: bytes copied.
pub fn process_vm_write(tid: i32, address: u64, buffer: &[u8]) -> i64 {
    let local = IoVec {
        base: buffer.as_ptr() as u64,
        length: buffer.len() as u64,
    };
    let remote = IoVec {
        base: address,
        length: buffer.len() as u64,
    };
    // SAFETY: the local vector is only read by the kernel; the remote one is another process's memory.
    unsafe {
        syscall(
            PROCESS_VM_WRITEV,
            [
                tid as u64,
                &raw const local as u64,
                1,
                &raw const remote as u64,
                1,
                0,
            ],
        )
    }
}

/// pread64 into a slice; offset -1 reads at the descriptor's own position.
pub fn pread(fd: i32, buffer: &mut [u8], offset: i64) -> i64 {
    let (nr, at) = if offset < 0 {
        (READ, 0)
    } else {
        (PREAD64, offset as u64)
    };
    // SAFETY: the kernel writes at most buffer.len() bytes into the exclusive slice.
    unsafe {
        syscall(
            nr,
            [
                fd as u64,
                buffer.as_mut_ptr() as u64,
                buffer.len() as u64,
                at,
                0,
                0,
            ],
        )
    }
}

/// pwrite64 from a slice.
pub fn pwrite(fd: i32, buffer: &[u8], offset: i64) -> i64 {
    // SAFETY: the kernel reads at most buffer.len() bytes of the slice.
    unsafe {
        syscall(
            PWRITE64,
            [
                fd as u64,
                buffer.as_ptr() as u64,
                buffer.len() as u64,
                offset as u64,
                0,
                0,
            ],
        )
    }
}

/// An ioctl whose argument is a structure that the kernel reads and writes.
pub fn ioctl<T>(fd: i32, request: u64, argument: &mut T) -> i64 {
    // SAFETY: callers in this crate pair each request with its own structure (notify.rs), repr(C) of that size.
    unsafe {
        syscall(
            IOCTL,
            [fd as u64, request, argument as *mut T as u64, 0, 0, 0],
        )
    }
}

/// epoll_event of linux/eventpoll.h, packed on x86-64.
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
pub struct EpollEvent {
    pub events: u32,
    pub token: u64,
}

/// The events that are there now; does not wait.
pub fn epoll_ready(epoll: i32, events: &mut [EpollEvent]) -> i64 {
    // SAFETY: the kernel writes at most events.len() entries into the exclusive slice.
    unsafe {
        syscall(
            EPOLL_WAIT,
            [
                epoll as u64,
                events.as_mut_ptr() as u64,
                events.len() as u64,
                0,
                0,
                0,
            ],
        )
    }
}

/// struct pollfd.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PollFd {
    pub fd: i32,
    pub events: i16,
    pub ready: i16,
}

/// Waits for descriptors: timeout in ns, negative without end.
pub fn ppoll(sources: &mut [PollFd], timeout_ns: i64) -> i64 {
    let mut time = [timeout_ns / 1_000_000_000, timeout_ns % 1_000_000_000];
    let time_address = if timeout_ns < 0 {
        0
    } else {
        time.as_mut_ptr() as u64
    };
    // SAFETY: the kernel reads and writes sources.len() entries of the exclusive slice, and `time`.
    unsafe {
        syscall(
            PPOLL,
            [
                sources.as_mut_ptr() as u64,
                sources.len() as u64,
                time_address,
                0,
                0,
                0,
            ],
        )
    }
}
