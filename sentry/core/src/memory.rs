// SPDX-FileCopyrightText: 2026 The pysc authors
// SPDX-License-Identifier: Apache-2.0
//! Copies between a task's memory, our memory and host files.
//!
//! Rules: no allocation (fixed buffers on the stack); a task's memory is read once; lengths are ours.

use crate::sys;

const PAGE: u64 = 4096;
const CHUNK: usize = 64 * 1024;

/// Reads up to buffer.len() bytes; stops at the first page that is not there. Returns bytes, or -EFAULT for none.
pub fn read(tid: i32, address: u64, buffer: &mut [u8]) -> i64 {
    let mut done = 0;
    while done < buffer.len() {
        let got = sys::process_vm_read(tid, address.wrapping_add(done as u64), &mut buffer[done..]);
        if got <= 0 {
            return if done > 0 { done as i64 } else { got.min(-1) };
        }
        done += got as usize;
    }
    done as i64
}

/// Writes buffer; stops at the first page that cannot be written. Returns bytes, or -EFAULT for none.
pub fn write(tid: i32, address: u64, buffer: &[u8]) -> i64 {
    let mut done = 0;
    while done < buffer.len() {
        let got = sys::process_vm_write(tid, address.wrapping_add(done as u64), &buffer[done..]);
        if got <= 0 {
            return if done > 0 { done as i64 } else { got.min(-1) };
        }
        done += got as usize;
    }
    done as i64
}

/// Reads up to a NUL: the length without it, or buffer.len() if there is none so early, or -EFAULT.
///
/// Never reads past the page that holds the NUL, so that a string at the end of memory is whole.
pub fn read_string(tid: i32, address: u64, buffer: &mut [u8]) -> i64 {
    let mut done = 0usize;
    while done < buffer.len() {
        let at = address.wrapping_add(done as u64);
        // Most strings are short: stop the first read early, later ones at the end of the page.
        let want = (PAGE - at % PAGE).min(if done == 0 { 256 } else { PAGE });
        let end = (done + want as usize).min(buffer.len());
        let got = sys::process_vm_read(tid, at, &mut buffer[done..end]);
        if got <= 0 {
            return got.min(-1);
        }
        if let Some(length) = buffer[done..done + got as usize]
            .iter()
            .position(|byte| *byte == 0)
        {
            return (done + length) as i64;
        }
        done += got as usize;
    }
    done as i64
}

/// pread(fd) into a task: bytes, or a negative errno (-EFAULT only if nothing arrived).
pub fn copy_out(tid: i32, address: u64, size: u64, fd: i32, offset: i64) -> i64 {
    let mut buffer = [0u8; CHUNK];
    let mut done = 0u64;
    while done < size {
        let want = (size - done).min(CHUNK as u64) as usize;
        let got = sys::pread(fd, &mut buffer[..want], offset + done as i64);
        if got <= 0 {
            return if done > 0 { done as i64 } else { got };
        }
        let put = write(tid, address.wrapping_add(done), &buffer[..got as usize]);
        if put < 0 {
            return if done > 0 { done as i64 } else { -sys::EFAULT };
        }
        done += put as u64;
        if put < got || (got as usize) < want {
            break;
        }
    }
    done as i64
}

/// pwrite(fd) from a task: bytes, or a negative errno (-EFAULT only if nothing was written).
pub fn copy_in(tid: i32, address: u64, size: u64, fd: i32, offset: i64) -> i64 {
    let mut buffer = [0u8; CHUNK];
    let mut done = 0u64;
    while done < size {
        let want = (size - done).min(CHUNK as u64) as usize;
        let got = read(tid, address.wrapping_add(done), &mut buffer[..want]);
        if got < 0 {
            return if done > 0 { done as i64 } else { -sys::EFAULT };
        }
        let put = sys::pwrite(fd, &buffer[..got as usize], offset + done as i64);
        if put <= 0 {
            return if done > 0 { done as i64 } else { put };
        }
        done += put as u64;
        if put < got || (got as usize) < want {
            break;
        }
    }
    done as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_tid() -> i32 {
        std::process::id() as i32
    }

    #[test]
    fn a_string_is_read_up_to_its_nul() {
        let text = b"hello\0world\0";
        let mut buffer = [0u8; 64];
        assert_eq!(read_string(own_tid(), text.as_ptr() as u64, &mut buffer), 5);
        assert_eq!(&buffer[..5], b"hello");
    }

    #[test]
    fn a_string_without_nul_fills_the_limit() {
        let text = [b'x'; 600];
        let mut buffer = [0u8; 500];
        assert_eq!(
            read_string(own_tid(), text.as_ptr() as u64, &mut buffer),
            500
        );
    }

    #[test]
    fn a_wild_address_is_a_fault() {
        let mut buffer = [0u8; 16];
        assert_eq!(read(own_tid(), 8, &mut buffer), -sys::EFAULT);
        assert_eq!(write(own_tid(), u64::MAX - 4, &buffer), -sys::EFAULT);
        assert_eq!(read_string(own_tid(), 8, &mut buffer), -sys::EFAULT);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut target = vec![0u8; 200_000];
        let source: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
        assert_eq!(
            write(own_tid(), target.as_mut_ptr() as u64, &source),
            200_000
        );
        let mut back = vec![0u8; 200_000];
        assert_eq!(read(own_tid(), target.as_ptr() as u64, &mut back), 200_000);
        assert_eq!(back, source);
    }

    /// Two pages of which the second cannot be read, filled with 'x': the address of the first.
    fn page_before_a_hole() -> u64 {
        // SAFETY: a fresh mapping of two pages, the second of which is given up at once; only the first is written.
        #[allow(unsafe_code)]
        unsafe {
            let at = sys::syscall(9, [0, 8192, 3, 0x22, u64::MAX, 0]);
            assert!(at > 0);
            sys::syscall(10, [at as u64 + 4096, 4096, 0, 0, 0, 0]);
            std::ptr::write_bytes(at as *mut u8, b'x', 4096);
            at as u64
        }
    }

    #[test]
    fn copies_stop_where_the_memory_ends() {
        let page = page_before_a_hole();
        for tail in [1u64, 7, 255, 256, 257, 4095] {
            let mut buffer = vec![0u8; 8192];
            assert_eq!(
                read(own_tid(), page + 4096 - tail, &mut buffer),
                tail as i64
            );
            assert_eq!(
                write(own_tid(), page + 4096 - tail, &vec![b'x'; 8192]),
                tail as i64
            );
            // No NUL before the hole: a fault, and never a string that was made up.
            assert_eq!(
                read_string(own_tid(), page + 4096 - tail, &mut buffer),
                -sys::EFAULT
            );
        }
    }

    #[test]
    fn a_string_may_end_at_the_end_of_memory() {
        let page = page_before_a_hole();
        assert_eq!(write(own_tid(), page + 4095, b"\0"), 1);
        for length in [0u64, 1, 255, 256, 300, 4000] {
            let mut buffer = vec![0u8; 4096];
            assert_eq!(
                read_string(own_tid(), page + 4095 - length, &mut buffer),
                length as i64
            );
        }
    }
}
