/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The stub: the only program that tasks ever really execute. It loads guests and does, inside the task, what only the
 * task can do (clone, execve, signal masks and handlers, file mappings), asking the sentry first.
 *
 * It runs on the untrusted side: nothing depends on its good behaviour, the filters and the sentry do. Rules:
 * - freestanding, general registers only, no libc, no static per-thread state: everything lives on the stack;
 * - its SIGSYS handler runs on the guest's alternate stack where there is one: small frames, no recursion;
 * - it may be entered by threads, by vfork children that share its memory, and again from a guest's signal handler;
 * - guest pointers are handed to the kernel where possible (which gives EFAULT), else probed before they are read.
 */
#include "stub_abi.h"

typedef unsigned long u64;
typedef unsigned int u32;

enum {
    NR_mmap = 9, NR_munmap = 11, NR_close = 3, NR_rt_sigaction = 13, NR_rt_sigprocmask = 14, NR_rt_sigpending = 127,
    NR_rt_sigtimedwait = 128, NR_rt_sigsuspend = 130, NR_clone = 56, NR_fork = 57, NR_vfork = 58, NR_execve = 59, NR_shmat = 30, NR_shmdt = 67, NR_gettid = 186,
    NR_futex = 202, NR_exit_group = 231, NR_waitid = 247, NR_pselect6 = 270, NR_ppoll = 271, NR_epoll_pwait = 281,
    NR_execveat = 322, NR_epoll_pwait2 = 441,
};
enum { EINTR = 4, EAGAIN = 11, EFAULT = 14, EEXIST = 17, EINVAL = 22, ENOSYS = 38 };
enum { SIG_BLOCK = 0, SIG_SETMASK = 2, SIGSYS = 31, SYS_SECCOMP = 1, SI_SIGIO = -5 };
#define SIGSYS_BIT (1UL << (SIGSYS - 1))
#define SA_SIGINFO 4UL
#define SA_ONSTACK 0x08000000UL
#define SA_RESTART 0x10000000UL
#define SA_RESTORER 0x04000000UL
#define CLONE_VM 0x100UL
#define CLONE_VFORK 0x4000UL
#define CLONE_PIDFD 0x1000UL
#define MAP_ANONYMOUS 0x20UL
#define AT_EMPTY_PATH 0x1000UL
#define WNOHANG 1UL
#define P_PID 1
#define AT_FDCWD (-100L)
#define MARKED(fd) ((u64)STUB_MARK << 32 | (u32)(fd))

struct sigaction { u64 handler, flags, restorer, mask; };

/* The kernel's signal frame (arch/x86/include/uapi/asm/ucontext.h, sigcontext.h). */
struct context {
    u64 flags, link;
    u64 stack_pointer; int stack_flags; u64 stack_size;
    u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
    u64 selectors, error, trap, oldmask, cr2, fpstate, reserved[8];
    u64 mask;
};
_Static_assert(__builtin_offsetof(struct context, r8) == 40, "general registers in the ucontext");
_Static_assert(__builtin_offsetof(struct context, rax) + 8 == 152, "rax in the signal frame (start.S)");
_Static_assert(__builtin_offsetof(struct context, mask) == 296, "mask in the ucontext");

struct information { int signal, error, code, pad; u64 address; union { u64 value; struct { int syscall; u32 arch; }; }; };

void stub_restore(void);
long stub_clone(u64 flags, void *frame, u64 parent_tid, u64 child_tid, u64 tls, u64 cookie);
void stub_vfork(u64 flags, u64 cookie, void *frame, u64 size, void *scratch, u64 scratch_size) __attribute__((noreturn));

static inline long call6(long nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
    long result;
    register u64 r10 __asm__("r10") = d;
    register u64 r8 __asm__("r8") = e;
    register u64 r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#define call0(nr) call6(nr, 0, 0, 0, 0, 0, 0)
#define call1(nr, a) call6(nr, (u64)(a), 0, 0, 0, 0, 0)
#define call2(nr, a, b) call6(nr, (u64)(a), (u64)(b), 0, 0, 0, 0)
#define call4(nr, a, b, c, d) call6(nr, (u64)(a), (u64)(b), (u64)(c), (u64)(d), 0, 0)

static inline int failed(long result) { return (u64)result > -4096UL; }

static void copy(void *to, const void *from, u64 size) {
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}
static void clear(void *to, u64 size) {
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(0) : "memory");
}

static void __attribute__((noreturn)) die(int code) {
    for (;;)
        call1(NR_exit_group, code);
}

/* Can the word at address be read? Asked of the kernel: a futex wait compares it and comes back at once. */
static int readable(u64 address) {
    static const u64 no_time[2] = {0, 0};
    long result = call6(NR_futex, address & ~3UL, 128 /* FUTEX_WAIT_PRIVATE */, 0x5bd1e995, (u64)no_time, 0, 0);
    return result != -EFAULT;
}

/* Copies size bytes (a multiple of 4) from the guest: 0, or -EFAULT. Another thread that unmaps them meanwhile harms
 * its own process only. */
static long fetch(void *to, u64 address, u64 size) {
    if (address + size < address || !readable(address) || !readable(address + size - 1))
        return -EFAULT;
    copy(to, (const void *)address, size);
    return 0;
}

/* ---- loading ---- */

struct entry_point { u64 stack, entry; };

static void install_handler(void);

struct entry_point stub_load(u64 *stack, char *buffer) {
    long size = call2(STUB_LOAD, buffer, STUB_PLAN_SIZE);
    if (failed(size) || size < (long)sizeof(struct plan_head))
        die(127);
    struct plan_head *head = (struct plan_head *)buffer;
    struct plan_map *map = (struct plan_map *)(head + 1);
    for (u32 n = 0; n < head->maps; n++, map++) {
        u64 fd = map->fd < 0 ? (u64)-1 : MARKED(map->fd);
        long at = call6(NR_mmap, map->address, map->length, map->protection, map->flags, fd, map->offset);
        if (failed(at) || (u64)at != map->address)
            die(127);
        if (map->fd >= 0 && map->last)
            call1(NR_close, MARKED(map->fd));
    }
    struct plan_pair *pair = (struct plan_pair *)map;
    for (u32 n = 0; n < head->zeros; n++, pair++)
        clear((void *)pair->first, pair->second);
    struct plan_pair *auxiliary = pair;
    const char *strings = (const char *)(pair + head->auxiliary);

    /* The vectors move below the new strings; what the kernel put above stays where it is. */
    u64 argc = stack[0];
    u64 *end = stack + 1 + argc + 1;
    while (*end)
        end++;
    u64 *old_auxiliary = end + 1;
    end = old_auxiliary;
    while (end[0])
        end += 2;
    end += 2;
    u64 drop = head->drop < argc ? head->drop : argc;
    char *text = (char *)(((u64)stack - head->string_bytes) & ~15UL);
    copy(text, strings, head->string_bytes);
    u64 words = (u64)(end - stack) - drop + head->add;
    u64 *bottom = (u64 *)(((u64)text - words * 8) & ~15UL);
    u64 *to = bottom;
    *to++ = argc - drop + head->add;
    const char *string = text;
    for (u32 n = 0; n < head->add; n++) {
        while (*string++)
            ;
        *to++ = (u64)string;
    }
    u64 *auxiliary_at = to + (old_auxiliary - (stack + 1 + drop));
    copy(to, stack + 1 + drop, (u64)(end - (stack + 1 + drop)) * 8);
    for (u64 *pairs = auxiliary_at; pairs[0]; pairs += 2) {
        if (pairs[0] == 31 /* AT_EXECFN */)
            pairs[1] = (u64)text;
        for (u32 n = 0; n < head->auxiliary; n++)
            if (auxiliary[n].first == pairs[0])
                pairs[1] = auxiliary[n].second;
    }
    install_handler();
    struct entry_point result = {(u64)bottom, head->entry};
    return result;
}

/* ---- the traps ---- */

static u64 set_mask(u64 mask) {
    return (u64)call4(NR_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
}

static long trap_sigprocmask(struct context *c) {
    u64 how = c->rdi, mask = 0, now = c->mask;
    if (c->rdx && c->r10 == 8 && !c->rsi) {
        set_mask(now);
        return call4(NR_rt_sigprocmask, SIG_BLOCK, 0, c->rdx, 8);
    }
    if (c->r10 != 8)
        return -EINVAL;
    if (!c->rsi)
        return 0;
    if (fetch(&mask, c->rsi, 8))
        return -EFAULT;
    if ((int)how == 0)
        mask |= now;
    else if ((int)how == 1)
        mask = now & ~mask;
    else if ((int)how != SIG_SETMASK)
        return -EINVAL;
    mask &= ~SIGSYS_BIT;
    c->mask = mask;
    if (!c->rdx)
        return 0; /* rt_sigreturn sets it */
    set_mask(now);
    return call4(NR_rt_sigprocmask, SIG_SETMASK, &mask, c->rdx, 8);
}

/* The guest's own idea of SIGSYS, and its SA_SIGINFO handlers: the kernel enters those through stub_signal (start.S),
 * which makes the siginfo of a signal that the sentry sent look like kill's or tgkill's. The tables are the process's;
 * a vfork child, which shares them, only ever resets signals to the default, which writes nothing here. */
static struct sigaction guest_sigsys;
u64 stub_handlers[65];
void stub_signal(int, void *, void *);

static long trap_sigaction(struct context *c) {
    struct sigaction action, *new = 0;
    u64 number = (u32)c->rdi, before = number < 65 ? stub_handlers[number] : 0;
    if (c->r10 != 8)
        return -EINVAL;
    if (c->rsi) {
        if (fetch(&action, c->rsi, sizeof action))
            return -EFAULT;
        action.mask &= ~SIGSYS_BIT;
        new = &action;
    }
    if (number != SIGSYS) {
        if (new && action.handler > 1 && action.flags & SA_SIGINFO && number < 65) {
            stub_handlers[number] = action.handler;
            action.handler = (u64)stub_signal;
        }
        long result = call4(NR_rt_sigaction, number, new, c->rdx, 8);
        if (!failed(result) && c->rdx) { /* the kernel has just written there */
            struct sigaction *old = (struct sigaction *)c->rdx;
            if (old->handler == (u64)stub_signal)
                old->handler = before;
        }
        return result;
    }
    struct sigaction old = guest_sigsys;
    if (new)
        guest_sigsys = *new;
    if (c->rdx) {
        long result = call4(NR_rt_sigaction, SIGSYS, 0, c->rdx, 8);
        if (failed(result))
            return result;
        copy((void *)c->rdx, &old, sizeof old);
    }
    return 0;
}

static long trap_sigtimedwait(struct context *c) {
    set_mask(c->mask);
    long result = call4(NR_rt_sigtimedwait, c->rdi, c->rsi, c->rdx, c->r10);
    if (!failed(result) && c->rsi) {
        struct information *information = (struct information *)c->rsi;
        if (information->code == SI_SIGIO && (information->error & ~0xff) == STUB_SENT) {
            information->code = (signed char)information->error;
            information->error = 0;
        }
    }
    return result;
}

static long trap_sigsuspend(struct context *c) {
    u64 mask;
    if (c->rsi != 8)
        return -EINVAL;
    if (fetch(&mask, c->rdi, 8))
        return -EFAULT;
    mask &= ~SIGSYS_BIT;
    /* All signals are blocked here, so what is pending under the guest's mask stays so until the kernel swaps. */
    return call2(NR_rt_sigsuspend, &mask, 8);
}

/* ppoll, pselect6, epoll_pwait: the mask is set around the emulated call. */
static long trap_masked(struct context *c, long nr, u64 address, u64 size) {
    static const u64 no_time[2] = {0, 0};
    if (address) {
        u64 mask, pending = 0;
        if (size != 8)
            return -EINVAL;
        if (fetch(&mask, address, 8))
            return -EFAULT;
        mask &= ~SIGSYS_BIT;
        call2(NR_rt_sigpending, &pending, 8);
        if (pending & ~mask) {
            /* Linux would not sleep: what is ready is reported (and the signal stays), or its handler runs. */
            u64 r10 = c->r10, r8 = c->r8, rdx = c->rdx;
            if (nr == NR_ppoll)
                rdx = (u64)no_time;
            else if (nr == NR_pselect6)
                r8 = (u64)no_time;
            else
                r10 = nr == NR_epoll_pwait ? 0 : (u64)no_time;
            long ready = call6(nr, c->rdi, c->rsi, rdx, r10, r8, 0);
            if (ready)
                return ready;
            set_mask(mask);
            return -EINTR;
        }
        set_mask(mask);
    } else {
        set_mask(c->mask);
    }
    return call6(nr, c->rdi, c->rsi, c->rdx, c->r10, c->r8, 0);
}

static long trap_pselect(struct context *c) {
    u64 pair[2] = {0, 0};
    if (c->r9 && fetch(pair, c->r9, sizeof pair))
        return -EFAULT;
    return trap_masked(c, NR_pselect6, pair[0], pair[1]);
}

static long trap_waitid(struct context *c) {
    long pid = call1(STUB_PIDFD, c->rsi);
    if (failed(pid))
        return pid;
    set_mask(c->mask);
    u64 flags = c->r10 | (pid >> 32 ? WNOHANG : 0);
    struct information mine, *information = c->rdx ? (struct information *)c->rdx : &mine;
    long result = call6(NR_waitid, P_PID, (u32)pid, (u64)information, flags, c->r8, 0);
    if (!failed(result) && pid >> 32 && !(c->r10 & WNOHANG) && information->signal == 0)
        return -EAGAIN;
    return result;
}

static long trap_map(struct context *c) {
    long fd = call6(STUB_MAP, c->r8, c->rsi, c->rdx, c->r10, c->r9, c->rdi);
    if (failed(fd))
        return fd;
    if (fd == STUB_ANONYMOUS)
        return call6(NR_mmap, c->rdi, c->rsi, c->rdx, c->r10 | MAP_ANONYMOUS, (u64)-1, 0);
    long at = call6(NR_mmap, c->rdi, c->rsi, c->rdx, c->r10, MARKED(fd), c->r9);
    call1(NR_close, MARKED(fd));
    return at;
}

/* SHM_RDONLY, SHM_REMAP, SHM_EXEC as in <sys/shm.h>. */
static long trap_shmat(struct context *c) {
    long answer = call4(STUB_SHMAT, c->rdi, c->rsi, c->rdx, 0);
    if (failed(answer))
        return answer;
    u64 address = c->rsi & ~4095UL, length = (u64)answer >> 16 << 12, fd = MARKED(answer & 0xffff);
    u64 protection = 1UL | (c->rdx & 010000 ? 0 : 2UL) | (c->rdx & 0100000 ? 4UL : 0);
    u64 where = address == 0 ? 0 : c->rdx & 040000 ? 0x10UL : 0x100000UL; /* MAP_FIXED, MAP_FIXED_NOREPLACE */
    long at = call6(NR_mmap, address, length, protection, 1UL | where, fd, 0);
    call1(NR_close, fd);
    if (failed(at))
        return at == -EEXIST ? -EINVAL : at;
    answer = call2(STUB_ATTACHED, c->rdi, at);
    if (failed(answer)) {
        call2(NR_munmap, at, length);
        return answer;
    }
    return at;
}

static long trap_shmdt(struct context *c) {
    long length = call1(STUB_SHMDT, c->rdi);
    return failed(length) ? length : call2(NR_munmap, c->rdi, length);
}

static long trap_execve(struct context *c, u64 dirfd, u64 path, u64 argv, u64 envp, u64 flags) {
    long answer = call6(STUB_EXEC, dirfd, path, argv, envp, flags, 0);
    if (failed(answer))
        return answer;
    set_mask(c->mask); /* the new image starts with it */
    answer = call6(NR_execveat, MARKED(STUB_LOADER_FD), (u64) "", argv, envp, AT_EMPTY_PATH, 0);
    call1(STUB_EXEC_FAILED, -answer);
    return answer;
}

/* The extended register state that belongs to a signal frame: its size in bytes. */
static u64 state_size(u64 fpstate) {
    const u32 *software = (const u32 *)(fpstate + 464);
    return software[0] == 0x46505853 /* FP_XSTATE_MAGIC1 */ ? software[1] : 512;
}

static long trap_clone(struct context *c, u64 flags, u64 stack, u64 parent_tid, u64 child_tid, u64 tls) {
    long cookie = call4(STUB_CLONE, flags, stack, parent_tid, 0);
    if (failed(cookie))
        return cookie;
    flags &= ~CLONE_PIDFD; /* the sentry makes one when it hears of the child */
    char *frame = (char *)c - 8;
    u64 size = c->fpstate ? c->fpstate + state_size(c->fpstate) - (u64)frame
                          : sizeof(struct context) + sizeof(struct information) + 8;
    long result;
    if (!(flags & CLONE_VM)) {
        result = call6(NR_clone, flags, 0, parent_tid, child_tid, tls, 0);
        if (result == 0) {
            call2(STUB_CHILD, cookie, call0(NR_gettid));
            if (stack)
                c->rsp = stack;
            return 0;
        }
    } else if (stack) {
        u64 state = size - (c->fpstate ? c->fpstate - (u64)frame : size);
        u64 above = ((stack - state) & ~63UL);
        struct context *child;
        char *to = (char *)above - (size - state);
        if (!c->fpstate)
            to = (char *)(((u64)to & ~63UL) - 8);
        copy(to, frame, size);
        child = (struct context *)(to + 8);
        child->rsp = stack;
        child->rax = 0;
        if (c->fpstate)
            child->fpstate = above;
        /* A thread starts without alternate stack. On Linux a vfork child has its parent's; but our frame may lie there,
         * and the child's next trap would go over it. */
        child->stack_flags = 2;
        child->stack_pointer = child->stack_size = 0;
        result = stub_clone(flags, to, parent_tid, child_tid, tls, (u64)cookie);
    } else {
        u64 room = (size + 24 + 4095) & ~4095UL;
        long scratch = call6(NR_mmap, 0, room, 3, 0x22, (u64)-1, 0);
        if (failed(scratch)) {
            call2(STUB_CLONED, cookie, scratch);
            return scratch;
        }
        c->rax = 0;
        copy((char *)scratch, frame, size);
        u64 *words = (u64 *)(scratch + room - 24);
        words[0] = parent_tid;
        words[1] = child_tid;
        words[2] = tls;
        stub_vfork(flags, (u64)cookie, frame, size, (void *)scratch, room);
    }
    call2(STUB_CLONED, cookie, result);
    return result;
}

/* The sentry has interrupted the call that c is about to make again. If a handler of the guest's will run now, the call
 * ends with EINTR where Linux would not restart it (handle_signal() of arch/x86/kernel/signal.c). */
static void on_kick(struct context *c, u64 never_restarts) {
    u64 pending = 0;
    call2(NR_rt_sigpending, &pending, 8);
    pending &= ~c->mask;
    for (int number = 1; number <= 64; number++) {
        struct sigaction action;
        if (!(pending >> (number - 1) & 1) || call4(NR_rt_sigaction, number, 0, &action, 8))
            continue;
        if (action.handler <= 1)
            continue;
        if (never_restarts || !(action.flags & SA_RESTART)) {
            c->rip += 2; /* past the syscall instruction, to which the kernel had gone back */
            c->rax = (u64)-EINTR;
        }
        return;
    }
}

static void on_sigsys(int signal, struct information *information, struct context *c) {
    if (information->code != SYS_SECCOMP) {
        if (information->code == SI_SIGIO && information->error == STUB_KICK) {
            on_kick(c, information->value & 1);
            return;
        }
        if (guest_sigsys.handler > 1) {
            ((void (*)(int, void *, void *))guest_sigsys.handler)(signal, information, c);
            return;
        }
        if (guest_sigsys.handler == 0) {
            struct sigaction action = {0, 0, 0, 0};
            call4(NR_rt_sigaction, SIGSYS, &action, 0, 8);
            set_mask(0);
            call1(STUB_SIGSYS, information->code);
        }
        return;
    }
    long result;
    switch (information->syscall) {
    case NR_rt_sigprocmask: result = trap_sigprocmask(c); break;
    case NR_rt_sigaction: result = trap_sigaction(c); break;
    case NR_rt_sigsuspend: result = trap_sigsuspend(c); break;
    case NR_rt_sigtimedwait: result = trap_sigtimedwait(c); break;
    case NR_waitid: result = trap_waitid(c); break;
    case NR_mmap: result = trap_map(c); break;
    case NR_shmat: result = trap_shmat(c); break;
    case NR_shmdt: result = trap_shmdt(c); break;
    case NR_execve: result = trap_execve(c, (u64)AT_FDCWD, c->rdi, c->rsi, c->rdx, 0); break;
    case NR_execveat: result = trap_execve(c, c->rdi, c->rsi, c->rdx, c->r10, c->r8); break;
    case NR_clone: result = trap_clone(c, c->rdi, c->rsi, c->rdx, c->r10, c->r8); break;
    case NR_fork: result = trap_clone(c, 17, 0, 0, 0, 0); break;
    case NR_vfork: result = trap_clone(c, CLONE_VM | CLONE_VFORK | 17, 0, 0, 0, 0); break;
    case NR_ppoll: result = trap_masked(c, NR_ppoll, c->r10, c->r8); break;
    case NR_pselect6: result = trap_pselect(c); break;
    case NR_epoll_pwait: result = trap_masked(c, NR_epoll_pwait, c->r8, c->r9); break;
    case NR_epoll_pwait2: result = trap_masked(c, NR_epoll_pwait2, c->r8, c->r9); break;
    default: result = -ENOSYS;
    }
    c->rax = (u64)result;
}

static void install_handler(void) {
    struct sigaction action = {(u64)on_sigsys, SA_SIGINFO | SA_ONSTACK | SA_RESTORER, (u64)stub_restore, ~0UL};
    call4(NR_rt_sigaction, SIGSYS, &action, 0, 8);
}
