/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The stub's entries that C cannot write. Rules: as in stub.c.
 */
#define STUB_CONSTANTS_ONLY
#include "stub_abi.h"

#define NR_mmap 9
#define NR_munmap 11
#define NR_rt_sigreturn 15
#define NR_clone 56
#define NR_exit_group 231
#define NR_gettid 186

/* The kernel starts a new image here; the stack holds argc, argv, envp and auxv. The stub works on memory of its own
 * (the space below the stack pointer is where the rebuilt vectors go) and gives it back before it jumps. */
    .globl _start
_start:
    mov %rsp, %r12
    mov $NR_mmap, %eax
    xor %edi, %edi
    mov $(STUB_PLAN_SIZE + 32768), %esi
    mov $3, %edx
    mov $0x22, %r10d
    mov $-1, %r8
    xor %r9d, %r9d
    syscall
    cmp $-4096, %rax
    ja 9f
    mov %rax, %r13
    lea (STUB_PLAN_SIZE + 32768)(%rax), %rsp
    mov %r12, %rdi
    mov %r13, %rsi
    movabs $stub_load, %rax
    call *%rax              /* rax: new stack pointer, rdx: entry; does not return on failure */
    mov %rax, %r12
    mov %rdx, %r14
    mov $NR_munmap, %eax
    mov %r13, %rdi
    mov $(STUB_PLAN_SIZE + 32768), %esi
    syscall
    mov %r12, %rsp
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %ebp, %ebp
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r15d, %r15d
    jmp *%r14
9:  mov $NR_exit_group, %eax
    mov $127, %edi
    syscall
    hlt

/* The restorer of the stub's SIGSYS handler. */
    .globl stub_restore
stub_restore:
    mov $NR_rt_sigreturn, %eax
    syscall
    hlt

/* long stub_clone(flags, frame, parent_tid, child_tid, tls, cookie): a clone whose child has its own stack.
 * frame: a copy of the signal frame on the child's stack; the child continues by rt_sigreturn from it. */
    .globl stub_clone
stub_clone:
    push %rbx
    mov %r9, %rbx
    mov %rcx, %r10
    mov $NR_clone, %eax
    syscall
    test %rax, %rax
    jz 1f
    pop %rbx
    ret
1:  mov $NR_gettid, %eax
    syscall
    mov %rax, %rsi
    mov %rbx, %rdi
    mov $STUB_CHILD, %eax
    syscall
    add $8, %rsp            /* past the frame's return address, as the handler's ret would */
    mov $NR_rt_sigreturn, %eax
    syscall
    hlt

/* void stub_vfork(flags, cookie, frame, size, scratch, scratch_size): a clone that shares memory and stack; does not
 * return. frame: the signal frame (its rax is 0 already); scratch: its copy, which survives what the child does to the
 * stack. ptid, ctid and tls come in scratch's last three words. */
    .globl stub_vfork
stub_vfork:
    mov %rdi, %r15
    mov %rsi, %rbx          /* cookie */
    mov %rdx, %r12          /* frame */
    mov %rcx, %r13          /* size of the frame */
    mov %r8, %r14           /* scratch */
    mov %r9, %rbp           /* size of scratch */
    lea (%r14,%rbp), %rax
    mov -24(%rax), %rdx
    mov -16(%rax), %r10
    mov -8(%rax), %r8
    mov %r15, %rdi
    xor %esi, %esi
    mov $NR_clone, %eax
    syscall
    test %rax, %rax
    jnz 2f
    /* the child: the frame is still whole, continue from it */
    mov $NR_gettid, %eax
    syscall
    mov %rax, %rsi
    mov %rbx, %rdi
    mov $STUB_CHILD, %eax
    syscall
    lea 8(%r12), %rsp
    mov $NR_rt_sigreturn, %eax
    syscall
    hlt
2:  /* the parent: whatever lay below the guest's stack pointer is gone; registers and scratch are not */
    mov %rax, %r15
    mov %rbx, %rdi
    mov %rax, %rsi
    mov $STUB_CLONED, %eax
    syscall
    mov %r14, %rsi
    mov %r12, %rdi
    mov %r13, %rcx
    cld
    rep movsb
    mov %r15, 152(%r12)     /* the frame's rax: return address 8 + ucontext up to gregs 40 + 13 registers of 8 */
    mov %r14, %rdi
    mov %rbp, %rsi
    mov $NR_munmap, %eax
    syscall
    lea 8(%r12), %rsp
    mov $NR_rt_sigreturn, %eax
    syscall
    hlt

/* The entry of the guest's SA_SIGINFO handlers: sets right what the sentry cannot say (see STUB_SENT), and goes on to
 * the guest's handler with the frame as it is. */
    .globl stub_signal
stub_signal:
    cmpl $-5, 8(%rsi)            /* SI_SIGIO */
    jne 1f
    mov 4(%rsi), %eax
    mov %eax, %ecx
    and $0xffffff00, %ecx
    cmp $STUB_SENT, %ecx
    jne 1f
    movsbl %al, %eax
    mov %eax, 8(%rsi)
    movl $0, 4(%rsi)
1:  movslq %edi, %rcx
    movabs $stub_handlers, %rax
    mov (%rax,%rcx,8), %rcx
    xor %eax, %eax
    jmp *%rcx

    .section .note.GNU-stack,"",@progbits
