# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Calls that are refused on purpose: none of them ever reaches the host.

ENOSYS where programs then use something older or go without; EPERM where they expect to be told that they may not, as
an administrator's call in a container. One list, so that it can be read as a promise (docs/security.md).
"""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.kernel.task import Task
from syscalls.numbers_x86_64 import NUMBERS
from syscalls.table import STUB, Long, Pid, syscall

_PTRACE_TRACEME = 0

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ABSENT: dict[str, str] = {
    # asynchronous input and output
    "io_setup": "no kernel AIO: libraries use threads",
    "io_destroy": "no kernel AIO",
    "io_getevents": "no kernel AIO",
    "io_submit": "no kernel AIO",
    "io_cancel": "no kernel AIO",
    "io_pgetevents": "no kernel AIO",
    "io_uring_setup": "no io_uring: libraries use epoll or threads",
    "io_uring_enter": "no io_uring",
    "io_uring_register": "no io_uring",
    # keys, tracing, file watching for virus scanners
    "add_key": "no key rings",
    "request_key": "no key rings",
    "keyctl": "no key rings",
    "kcmp": "no comparing of other processes",
    "fanotify_init": "inotify only",
    "fanotify_mark": "inotify only",
    "lookup_dcookie": "no profiling",
    # security modules and filters of the guest's own
    "seccomp": "no seccomp filters of the guest's own",
    "landlock_create_ruleset": "no Landlock",
    "landlock_add_rule": "no Landlock",
    "landlock_restrict_self": "no Landlock",
    "lsm_get_self_attr": "no security modules",
    "lsm_set_self_attr": "no security modules",
    "lsm_list_modules": "no security modules",
    # memory
    "userfaultfd": "no user-space page faults",
    "memfd_secret": "no secret memory",
    "map_shadow_stack": "no shadow stacks",
    "mseal": "no sealed mappings",
    "remap_file_pages": "mmap does it",
    "process_madvise": "no advice about other processes",
    "process_mrelease": "no releasing of other processes' memory",
    "move_pages": "one memory node",
    "cachestat": "the page cache is not shown",
    "modify_ldt": "no 16-bit segments",
    "set_thread_area": "32-bit only",
    "get_thread_area": "32-bit only",
    # futexes of more than one word, and the split calls of Linux 6.7
    "futex_waitv": "futex only",
    "futex_wake": "futex only",
    "futex_wait": "futex only",
    "futex_requeue": "futex only",
    # probes
    "uretprobe": "no probes",
    "uprobe": "no probes",
    # gone from Linux, or never there
    "uselib": "gone from Linux",
    "_sysctl": "gone from Linux",
    "create_module": "gone from Linux",
    "get_kernel_syms": "gone from Linux",
    "query_module": "gone from Linux",
    "nfsservctl": "gone from Linux",
    "getpmsg": "never in Linux",
    "putpmsg": "never in Linux",
    "afs_syscall": "never in Linux",
    "tuxcall": "never in Linux",
    "security": "never in Linux",
    "vserver": "never in Linux",
    "epoll_ctl_old": "gone from Linux",
    "epoll_wait_old": "gone from Linux",
}
"""ENOSYS, and why."""

FORBIDDEN: dict[str, str] = {
    "bpf": "no BPF programs",
    "perf_event_open": "no performance counters",
    "acct": "no process accounting",
    "swapon": "the host's business",
    "swapoff": "the host's business",
    "reboot": "the host's business",
    "kexec_load": "the host's business",
    "kexec_file_load": "the host's business",
    "init_module": "no kernel modules",
    "finit_module": "no kernel modules",
    "delete_module": "no kernel modules",
    "iopl": "no hardware",
    "ioperm": "no hardware",
    "vhangup": "terminals are hung up by their other end only",
    "quotactl": "no quotas",
    "quotactl_fd": "no quotas",
    "open_by_handle_at": "no opening by handle",
}
"""EPERM, and why."""


def _refuser(number: int) -> Callable[[Task], int]:
    def refuse(task: Task) -> int:
        raise LinuxError(number)

    return refuse


@syscall(NUMBERS["ptrace"], support=STUB, note="EPERM: no tracing")
def ptrace(task: Task, request: Long, pid: Pid) -> int:
    """ptrace(2). Raises: ESRCH, EPERM."""
    if request != _PTRACE_TRACEME and pid not in task.kernel.tasks:
        raise LinuxError(errno.ESRCH)
    raise LinuxError(errno.EPERM)


for _name, _note in ABSENT.items():
    syscall(NUMBERS[_name], name=_name, support=STUB, note=f"ENOSYS: {_note}")(_refuser(errno.ENOSYS))
for _name, _note in FORBIDDEN.items():
    syscall(NUMBERS[_name], name=_name, support=STUB, note=f"EPERM: {_note}")(_refuser(errno.EPERM))
