# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""mmap(2) and friends: include/uapi/asm-generic/mman.h, include/uapi/linux/mman.h."""

PROT_READ = 1
PROT_WRITE = 2
PROT_EXEC = 4

MAP_SHARED = 1
MAP_PRIVATE = 2
MAP_SHARED_VALIDATE = 3
MAP_TYPE = 0xF
MAP_FIXED = 0x10
MAP_ANONYMOUS = 0x20
MAP_HUGETLB = 0x40000
MAP_LEGACY = 0x7C07F9F3
"""LEGACY_MAP_MASK: the flags that MAP_SHARED_VALIDATE knows whatever the file is."""

MADV_HWPOISON = 100
MADV_SOFT_OFFLINE = 101

MLOCK_ONFAULT = 1
MCL_CURRENT = 1
MCL_FUTURE = 2
MCL_ONFAULT = 4
MCL_VALID = 7
