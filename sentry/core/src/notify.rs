// SPDX-FileCopyrightText: 2026 The pysc authors
// SPDX-License-Identifier: Apache-2.0
//! The seccomp notifier: receive, answer, install descriptors, and the loop's one step.
//!
//! Source: seccomp_unotify(2), include/uapi/linux/seccomp.h. Rules: no allocation, no locks.

use crate::sys::{self, EpollEvent, PollFd};

const RECV: u64 = request(3, 0, size_of::<Notification>());
const SEND: u64 = request(3, 1, size_of::<Response>());
const ID_VALID: u64 = request(1, 2, 8);
const ADDFD: u64 = request(1, 3, size_of::<AddFd>());

/// ioctl numbers: direction (1 write, 3 both), '!', number, size.
const fn request(direction: u64, number: u64, size: usize) -> u64 {
    direction << 30 | (size as u64) << 16 | 0x21 << 8 | number
}

/// struct seccomp_notif.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Notification {
    pub id: u64,
    pub tid: u32,
    pub flags: u32,
    pub nr: i32,
    pub arch: u32,
    pub ip: u64,
    pub args: [u64; 6],
}

#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

#[repr(C)]
struct AddFd {
    id: u64,
    flags: u32,
    source: u32,
    number: u32,
    number_flags: u32,
}

const _: () = assert!(
    size_of::<Notification>() == 80 && size_of::<Response>() == 24 && size_of::<AddFd>() == 24
);

/// A ready descriptor as the caller of step() sees it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Ready {
    pub token: u64,
    pub events: u32,
    pub unused: u32,
}

/// step(): a call was received (besides the count of ready descriptors in the low bits).
pub const RECEIVED: i64 = 1 << 32;

const POLLIN: i16 = 1;
const O_CLOEXEC: u32 = 0o2000000;
/// Flag of answer(): let the host run the call (SECCOMP_USER_NOTIF_FLAG_CONTINUE).
pub const CONTINUE: u32 = 1;

/// Ends a call: value, or a negative errno between -4095 and -1.
pub fn answer(listener: i32, id: u64, value: i64, flags: u32) -> i64 {
    let failed = (-4095..0).contains(&value);
    let mut response = Response {
        id,
        value: if failed || flags & CONTINUE != 0 {
            0
        } else {
            value
        },
        error: if failed && flags & CONTINUE == 0 {
            value as i32
        } else {
            0
        },
        flags: flags & CONTINUE,
    };
    sys::ioctl(listener, SEND, &mut response)
}

/// Puts a copy of fd into the calling task's table: its number there. The call stays unanswered.
pub fn install(listener: i32, id: u64, fd: i32, flags: u32) -> i64 {
    let mut add = AddFd {
        id,
        flags,
        source: fd as u32,
        number: 0,
        number_flags: O_CLOEXEC,
    };
    sys::ioctl(listener, ADDFD, &mut add)
}

/// Is the call still waiting for its answer?
pub fn still_there(listener: i32, id: u64) -> i64 {
    let mut copy = id;
    sys::ioctl(listener, ID_VALID, &mut copy)
}

/// One step of the sentry's loop: answers `reply` (0: nothing), waits, receives.
///
/// Returns the number of other ready descriptors (in `ready`), plus RECEIVED if `call` holds a new call.
#[allow(clippy::too_many_arguments)]
pub fn step(
    epoll: i32,
    listener: i32,
    reply: u64,
    value: i64,
    reply_flags: u32,
    timeout_ns: i64,
    call: &mut Notification,
    ready: &mut [Ready],
) -> i64 {
    if reply != 0 {
        // ENOENT: the task was killed meanwhile; nobody misses the answer.
        answer(listener, reply, value, reply_flags);
    }
    // The listener is polled itself, not through epoll: so the kernel wakes us on the caller's own processor, which an
    // epoll instance between would not let it do (20 us instead of 3 where the other processor sleeps).
    let mut sources = [
        PollFd {
            fd: listener,
            events: POLLIN,
            ready: 0,
        },
        PollFd {
            fd: epoll,
            events: POLLIN,
            ready: 0,
        },
    ];
    let woken = sys::ppoll(&mut sources, timeout_ns);
    if woken < 0 {
        return if woken == -sys::EINTR { 0 } else { woken };
    }
    let (mut others, mut received) = (0usize, 0i64);
    if sources[1].ready != 0 {
        let mut events = [EpollEvent::default(); 64];
        let capacity = ready.len().min(events.len());
        let count = sys::epoll_ready(epoll, &mut events[..capacity]);
        if count < 0 {
            return if count == -sys::EINTR { 0 } else { count };
        }
        for event in &events[..count as usize] {
            ready[others] = Ready {
                token: event.token,
                events: event.events,
                unused: 0,
            };
            others += 1;
        }
    }
    // POLLHUP alone: no task is left that could call.
    if sources[0].ready & POLLIN != 0 {
        *call = Notification::default();
        if sys::ioctl(listener, RECV, call) == 0 {
            received = RECEIVED;
        }
    }
    others as i64 | received
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_are_those_of_linux_seccomp_h() {
        assert_eq!(
            [RECV, SEND, ID_VALID, ADDFD],
            [0xc0502100, 0xc0182101, 0x40082102, 0x40182103]
        );
    }

    #[test]
    fn a_step_with_nothing_to_wait_for_ends_at_its_time() {
        let mut call = Notification::default();
        let mut ready = [Ready::default(); 4];
        assert_eq!(step(-1, -1, 0, 0, 0, 0, &mut call, &mut ready), 0);
    }
}
