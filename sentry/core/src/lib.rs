// SPDX-FileCopyrightText: 2026 The pysc authors
// SPDX-License-Identifier: Apache-2.0
//! The native core of the sentry: what Python cannot do, or cannot do fast enough.
//!
//! Rules of this crate:
//! - std and our own `extern "C"` declarations only, no third-party crates;
//! - `unsafe` only in the modules `sys` (system calls), `abi` (the C ABI towards cffi) and `start` (making a process);
//! - memory of a task is reached by process_vm_readv/writev alone and is hostile: it is copied once into our memory;
//! - no function keeps a pointer of its caller; nothing here takes the GIL or calls back into Python.

#[allow(unsafe_code)]
pub mod abi;
pub mod memory;
pub mod notify;
#[allow(unsafe_code)]
pub mod start;
#[allow(unsafe_code)]
pub mod sys;
