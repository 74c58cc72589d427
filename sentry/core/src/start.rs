// SPDX-FileCopyrightText: 2026 The pysc authors
// SPDX-License-Identifier: Apache-2.0
//! Making the first task: clone into its namespaces, two filters, execveat of the loader.
//!
//! Why native: between the filters and the execveat no other system call may happen. The child is a copy of the
//! (single-threaded) caller but shares its descriptor table until execveat, so that the listener appears at the
//! caller's; CLONE_VFORK keeps the caller still meanwhile. Rules for the child: no allocation, raw calls only, no return.
//!
//! With a gate (the ptrace platform) there is no listener: the child waits at it, on its own descriptors, until the caller
//! has made itself the tracer. Why it failed is then its exit status alone.

use crate::sys::{self, syscall};
use std::sync::atomic::{AtomicI32, Ordering};

/// pysc_start of pysc_core.h.
#[repr(C)]
pub struct Start {
    clone_flags: u64,
    jump_filter: u64,
    jump_filter_length: u64,
    call_filter: u64,
    call_filter_length: u64,
    listener_flags: u64,
    loader_fd: i32,
    listener: i32,
    arguments: u64,
    environment: u64,
    loader_argument: u64,
    stack_limit: u64,
    stack_limit_hard: u64,
    gate: i32,
    unused: i32,
}

#[repr(C)]
struct Program {
    length: u16,
    padding: [u16; 3],
    filter: u64,
}

const CLONE_FILES: u64 = 0x400;
const CLONE_VFORK: u64 = 0x4000;
const SIGCHLD: u64 = 17;
const SIGSYS: u64 = 31;
const PR_SET_DUMPABLE: u64 = 4;
const PR_CAPBSET_DROP: u64 = 24;
const PR_SET_SECUREBITS: u64 = 28;
const PR_SET_NO_NEW_PRIVS: u64 = 38;
const RLIMIT_STACK: u64 = 3;
/// NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE and their locks: being uid 0 means nothing.
const SECUREBITS: u64 = 0b1100_1111;
const SECCOMP_SET_MODE_FILTER: u64 = 1;
const NEW_LISTENER: u64 = 1 << 3;
const AT_EMPTY_PATH: u64 = 0x1000;

/// Makes the task: its pid, or a negative errno. start.listener is set, unless there is a gate.
///
/// # Safety
/// The pointers in `start` are filters of the stated lengths and NULL-terminated arrays of C strings, and the calling
/// process has one thread.
pub unsafe fn start_task(start: &mut Start) -> i64 {
    // The page through which the child tells the listener's number and its error.
    const PROT_RW: u64 = 3;
    const MAP_SHARED_ANONYMOUS: u64 = 0x21;
    // SAFETY: a fresh mapping that nobody else knows.
    let page = unsafe { syscall(9, [0, 4096, PROT_RW, MAP_SHARED_ANONYMOUS, u64::MAX, 0]) };
    if page < 0 {
        return page;
    }
    // SAFETY: the page is mapped, aligned, zeroed and lives until the munmap below; both sides use it atomically.
    let told = unsafe { &*(page as *const [AtomicI32; 2]) };
    told[0].store(-1, Ordering::SeqCst);
    let shared = if start.gate > 0 {
        0
    } else {
        CLONE_FILES | CLONE_VFORK
    };
    let flags = start.clone_flags | shared | SIGCHLD;
    // SAFETY: without CLONE_VM and with a null stack the child continues on its own copy of this stack.
    let pid = unsafe { syscall(sys::CLONE, [flags, 0, 0, 0, 0, 0]) };
    if pid == 0 {
        // SAFETY: we are the child, alone in our memory.
        let error = unsafe { child(start, told) };
        told[1].store(error as i32, Ordering::SeqCst);
        loop {
            // SAFETY: ends this process.
            unsafe { syscall(sys::EXIT, [127, 0, 0, 0, 0, 0]) };
        }
    }
    start.listener = told[0].load(Ordering::SeqCst);
    let error = told[1].load(Ordering::SeqCst);
    // SAFETY: `told` is not used after this.
    unsafe { syscall(11, [page as u64, 4096, 0, 0, 0, 0]) };
    if pid > 0 && error < 0 {
        return i64::from(error);
    }
    pid
}

/// The child: returns only on failure, with the negative errno.
unsafe fn child(start: &Start, told: &[AtomicI32; 2]) -> i64 {
    // SAFETY: raw calls on values, on `start`'s arrays (the caller's promise) and on locals.
    unsafe {
        syscall(sys::SETSID, [0; 6]);
        // Python ignores SIGPIPE and SIGXFSZ and handles SIGINT: the guest starts with defaults.
        let default_action = [0u64; 4];
        for signal in 1..=64 {
            syscall(
                sys::RT_SIGACTION,
                [signal, default_action.as_ptr() as u64, 0, 8, 0, 0],
            );
        }
        let empty = 0u64;
        syscall(
            sys::RT_SIGPROCMASK,
            [2, &raw const empty as u64, 0, 8, 0, 0],
        );
        if start.stack_limit != 0 {
            let limit = [start.stack_limit, start.stack_limit_hard];
            syscall(
                sys::PRLIMIT64,
                [0, RLIMIT_STACK, limit.as_ptr() as u64, 0, 0, 0],
            );
        }
        for capability in 0..64 {
            if syscall(sys::PRCTL, [PR_CAPBSET_DROP, capability, 0, 0, 0, 0]) == -sys::EINVAL {
                break;
            }
        }
        let steps = [
            [sys::PRCTL, PR_SET_SECUREBITS, SECUREBITS, 0],
            [sys::PRCTL, PR_SET_DUMPABLE, 1, 0],
            [sys::PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0],
        ];
        for step in steps {
            let result = syscall(step[0], [step[1], step[2], step[3], 0, 0, 0]);
            if result < 0 {
                return result;
            }
        }
        if start.gate > 0 {
            // From here on we are dumpable, which the tracer has to wait for.
            let mut word = [0u8];
            syscall(
                sys::WRITE,
                [start.gate as u64, word.as_ptr() as u64, 1, 0, 0, 0],
            );
            if syscall(
                sys::READ,
                [start.gate as u64, word.as_mut_ptr() as u64, 1, 0, 0, 0],
            ) != 1
            {
                return -sys::EINVAL;
            }
        }
        let jump = Program {
            length: start.jump_filter_length as u16,
            padding: [0; 3],
            filter: start.jump_filter,
        };
        let call = Program {
            length: start.call_filter_length as u16,
            padding: [0; 3],
            filter: start.call_filter,
        };
        let first = syscall(
            sys::SECCOMP,
            [SECCOMP_SET_MODE_FILTER, 0, &raw const jump as u64, 0, 0, 0],
        );
        if first < 0 {
            return first;
        }
        let flags = if start.gate > 0 {
            0
        } else {
            NEW_LISTENER | start.listener_flags
        };
        let second = syscall(
            sys::SECCOMP,
            [
                SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const call as u64,
                0,
                0,
                0,
            ],
        );
        if second < 0 {
            return second;
        }
        told[0].store(second as i32, Ordering::SeqCst);
        let empty_path = [0u8];
        syscall(
            sys::EXECVEAT,
            [
                start.loader_argument,
                empty_path.as_ptr() as u64,
                start.arguments,
                start.environment,
                AT_EMPTY_PATH,
                0,
            ],
        )
    }
}

const _: () = assert!(size_of::<Start>() == 104 && SIGSYS == 31);
