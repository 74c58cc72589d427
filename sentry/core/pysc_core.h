/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The C ABI of the native core: read by cffi (build_core.py) and kept in step with src/abi.rs.
 * Results are >= 0, or a negative errno. Pointers are the caller's and are not kept.
 */

/* What the kernel said of one trapped call (struct seccomp_notif of linux/seccomp.h). */
typedef struct {
    uint64_t id;
    uint32_t tid;
    uint32_t flags;
    int32_t nr;
    uint32_t arch;
    uint64_t ip;
    uint64_t args[6];
} pysc_notification;

/* One ready descriptor of an epoll instance: token as registered, events EPOLL*. */
typedef struct {
    uint64_t token;
    uint32_t events;
    uint32_t unused;
} pysc_ready;

/* How the first task is made: see src/start.rs. */
typedef struct {
    uint64_t clone_flags;
    const void *jump_filter;   /* struct sock_filter[], the instruction-pointer filter */
    uint64_t jump_filter_length;
    const void *call_filter;   /* struct sock_filter[], the one with the listener */
    uint64_t call_filter_length;
    uint64_t listener_flags;   /* SECCOMP_FILTER_FLAG_* besides NEW_LISTENER */
    int32_t loader_fd;         /* executed; not close-on-exec */
    int32_t listener;          /* out: the listener in the caller's descriptor table */
    const char *const *arguments;
    const char *const *environment;
    uint64_t loader_argument;  /* execveat's first argument: loader_fd with the stub's mark above it */
    uint64_t stack_limit;      /* RLIMIT_STACK, bytes, soft */
    uint64_t stack_limit_hard;
    int32_t gate;              /* 0, or a socket: the child writes a byte and reads one before its filters; no listener then */
    int32_t unused;
} pysc_start;

int64_t pysc_syscall(int64_t nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);
int64_t pysc_step(int32_t epoll, int32_t listener, uint64_t reply, int64_t value, uint32_t reply_flags,
                  int64_t timeout_ns, pysc_notification *call, pysc_ready *ready, uint32_t capacity);
int64_t pysc_answer(int32_t listener, uint64_t id, int64_t value, uint32_t flags);
int64_t pysc_install(int32_t listener, uint64_t id, int32_t fd, uint32_t flags);
int64_t pysc_still_there(int32_t listener, uint64_t id);
int64_t pysc_read_memory(int32_t tid, uint64_t address, uint8_t *buffer, uint64_t size);
int64_t pysc_write_memory(int32_t tid, uint64_t address, const uint8_t *buffer, uint64_t size);
int64_t pysc_read_string(int32_t tid, uint64_t address, uint8_t *buffer, uint64_t limit);
int64_t pysc_copy_out(int32_t tid, uint64_t address, uint64_t size, int32_t fd, int64_t offset);
int64_t pysc_copy_in(int32_t tid, uint64_t address, uint64_t size, int32_t fd, int64_t offset);
int64_t pysc_start_task(pysc_start *start);
