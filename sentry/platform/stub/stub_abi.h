/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the stub and the sentry both read. sentry/platform/stub/abi.py takes the numbers from this very file; the
 * layout of struct plan is checked there and by _Static_assert here.
 */
#define STUB_BASE 0x200000000000
#define STUB_SIZE 0x10000      /* no instruction of the stub lies above STUB_BASE + STUB_SIZE */
#define STUB_LOADER_FD 63      /* the stub's own file, in every task's real descriptor table */
#define STUB_SOCKET_FD 62      /* ptrace platform only: the socket over which descriptors come, in the same table */
#define STUB_MARK 0x50595343   /* "PYSC": the upper half of a descriptor argument that means a real descriptor */

/* Private calls: numbers that no kernel has (and below x32's bit). They reach the sentry as any unknown number does. */
#define STUB_LOAD 0x30000001     /* (plan, size): fills in a plan for the new image; bytes */
#define STUB_EXEC 0x30000002     /* (dirfd, path, argv, envp, flags): 0, or the errno with the old image intact */
#define STUB_CLONE 0x30000003    /* (flags, stack, parent_tid): a cookie */
#define STUB_MAP 0x30000004      /* (fd, length, protection, flags, offset): a real descriptor, or STUB_ANONYMOUS */
#define STUB_CHILD 0x30000005    /* (cookie, tid): the child names itself */
#define STUB_CLONED 0x30000006   /* (cookie, result): the parent says how clone ended; waits for the child's name */
#define STUB_EXEC_FAILED 0x30000007 /* (errno): execveat of the loader failed after STUB_EXEC said yes */
#define STUB_SIGSYS 0x30000008   /* (code): a SIGSYS that no filter raised, reset to its default: raise it again */
#define STUB_SHMAT 0x3000000a    /* (id, address, flags): a real descriptor, and above bit 16 how many pages to map */
#define STUB_ATTACHED 0x3000000b /* (id, address): shmat has mapped it there */
#define STUB_SHMDT 0x3000000c    /* (address): how many bytes to unmap */
#define STUB_PIDFD 0x30000009    /* (fd): the pid of a pidfd, for waitid; bit 32: it is non-blocking */

/* Signals that the sentry sends. The kernel spoils si_pid and si_uid of a sender in another pid namespace and lets nobody
 * else say SI_USER, but leaves SI_SIGIO's layout alone (and SI_TIMER's, which execve drops): so they go as SI_SIGIO with
 * this in si_errno, the true si_code in
 * its low byte, and the stub sets them right. A SIGSYS with STUB_KICK interrupts a blocked call (answered with
 * ERESTARTNOINTR): the low bit of si_value says that the call is never restarted after a handler. */
#define STUB_SENT 0x50595300
#define STUB_KICK 0x504b4943

#define STUB_ANONYMOUS 0x7fffffff
#define STUB_PLAN_SIZE 32768

/* The load plan: this head, then maps, zeros, auxiliary values and strings, one after the other. */
#ifndef STUB_CONSTANTS_ONLY
struct plan_head {
    unsigned long entry;
    unsigned int maps;         /* struct plan_map */
    unsigned int zeros;        /* struct plan_pair: address, length to be cleared */
    unsigned int auxiliary;    /* struct plan_pair: key, value to be changed */
    unsigned int drop;         /* arguments to drop at the front of argv */
    unsigned int add;          /* strings (after the first) to put there instead */
    unsigned int string_bytes; /* NUL-terminated: AT_EXECFN, then the added arguments */
};
struct plan_map {
    unsigned long address, length, offset;
    unsigned int protection, flags;
    int fd; /* a real descriptor (marked by the stub), or -1 for anonymous memory */
    unsigned int last; /* close fd after this map */
};
struct plan_pair {
    unsigned long first, second;
};
_Static_assert(sizeof(struct plan_head) == 32, "head of the load plan");
_Static_assert(sizeof(struct plan_map) == 40, "map of the load plan");
_Static_assert(sizeof(struct plan_pair) == 16, "pair of the load plan");
#endif
