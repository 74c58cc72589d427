/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * execve(2), execveat(2): errors, scripts, arguments, environment, what is kept and what is not.
 */
#include "check.h"
#include <elf.h>
#include <spawn.h>
#include <sys/auxv.h>

static char *const no_environment[] = {NULL};

/* Runs it in a child, so that a success ends in the child only. */
#define EXEC(...)                                                                                                    \
    IN_CHILD({                                                                                                       \
        TRY(__VA_ARGS__);                                                                                            \
        _exit(111);                                                                                                  \
    })

static void script(const char *path, const char *content) {
    put(path, content);
    MUST(chmod(path, 0755));
}

CASE(errors) {
    char *arguments[] = {"x", NULL};
    script("empty", "");
    script("text", "no program at all\n");
    put("plain", "#!/bin/sh\nexit 3\n");
    MUST(mkdir("dir", 0755));
    MUST(symlink("loop", "loop"));
    MUST(symlink("missing", "dangling"));
    EXEC(execve("missing", arguments, no_environment));
    EXEC(execve("", arguments, no_environment));
    EXEC(execve("dangling", arguments, no_environment));
    EXEC(execve("plain", arguments, no_environment));
    EXEC(execve("dir", arguments, no_environment));
    EXEC(execve("text", arguments, no_environment));
    EXEC(execve("empty", arguments, no_environment));
    EXEC(execve("text/x", arguments, no_environment));
    EXEC(execve("text/", arguments, no_environment));
    EXEC(execve("loop", arguments, no_environment));
    EXEC(execve("/dev/null", arguments, no_environment));
    EXEC(execve(BAD, arguments, no_environment));
    EXEC(execve("/bin/true", BAD, no_environment));
    EXEC(execve("/bin/true", (char *[]){BAD, NULL}, no_environment));
    EXEC(execve("/bin/true", arguments, BAD));
    EXEC(execve("/bin/true", arguments, (char *[]){BAD, NULL}));
    EXEC(execve("/bin/true", arguments, NULL));
    EXEC(execve("missing", BAD, BAD));
}

CASE(permissions) {
    char *arguments[] = {"x", NULL};
    script("script", "#!/bin/sh\nexit 3\n");
    script("unreadable", "#!/bin/sh\nexit 3\n");
    MUST(chmod("unreadable", 0711));
    script("theirs", "#!/bin/sh\nexit 3\n");
    MUST(chmod("theirs", 0700));
    MUST(mkdir("closed", 0700));
    script("closed/script", "#!/bin/sh\nexit 3\n");
    EXEC(execve("theirs", arguments, no_environment));
    MUST(dup2(1, 2));
    become_nobody();
    EXEC(execve("script", arguments, no_environment));
    EXEC(execve("unreadable", arguments, no_environment));
    EXEC(execve("theirs", arguments, no_environment));
    EXEC(execve("closed/script", arguments, no_environment));
}

CASE(truncated_and_foreign_programs_give_ENOEXEC) {
    static char image[4096];
    char *arguments[] = {"x", NULL};
    int fd = (int)MUST(open("/proc/self/exe", O_RDONLY));
    MUST(read(fd, image, sizeof image));
#define WITH(size, ...)                                                                                              \
    do {                                                                                                             \
        static char copy[4096];                                                                                      \
        memcpy(copy, image, sizeof copy);                                                                            \
        Elf64_Ehdr *elf = (void *)copy;                                                                              \
        (void)elf;                                                                                                   \
        __VA_ARGS__;                                                                                                 \
        int out_ = (int)MUST(open("image", O_WRONLY | O_CREAT | O_TRUNC, 0755));                                     \
        MUST(write(out_, copy, size));                                                                               \
        MUST(close(out_));                                                                                           \
        EXEC(execve("image", arguments, no_environment));                                                            \
    } while (0)
    WITH(4);
    WITH(16);
    WITH(63);
    WITH(4096, elf->e_machine = EM_AARCH64);
    WITH(4096, elf->e_type = ET_REL);
    WITH(4096, elf->e_type = ET_CORE);
    WITH(4096, elf->e_phnum = 0);
    WITH(4096, elf->e_phentsize = 1);
    WITH(4096, elf->e_phnum = 65535);
    WITH(4096, elf->e_phoff = 1ul << 40);
    WITH(4096, elf->e_ident[0] = 0);
}

CASE(arguments_and_environment_arrive) {
    script("show", "#!/bin/sh\necho \"$0|$#|$*|$ONE|$TWO\"\n");
    char *arguments[] = {"ignored", "a b", "", "c", NULL}, *environment[] = {"ONE=1", "TWO=2=3", NULL};
    EXEC(execve("./show", arguments, environment));
    char *shell[] = {"my-name", "-c", "echo \"$0|$*\"", NULL};
    EXEC(execve("/bin/sh", shell, environment));
    char *named[] = {"my-name", "-c", "echo \"$0|$*\"", "zero", "one", NULL};
    EXEC(execve("/bin/sh", named, no_environment));
}

CASE(an_empty_argument_list_becomes_one_empty_argument) {
    script("show", "#!/bin/sh\necho \"$0|$#|$*\"\n");
    EXEC(execve("./show", no_environment, no_environment));
    EXEC(execve("./show", NULL, no_environment));
}

CASE(script_lines) {
    script("plain", "#!/bin/sh\necho \"$0 $*\"\n");
    script("spaced", "#!  /bin/sh  \necho \"$0 $*\"\n");
    script("tabbed", "#!\t/bin/sh\t-e\t\necho \"$0 $* $-\" | tr -d ims\n");
    script("argument", "#!/bin/echo one two  three \n");
    script("unfinished", "#!/bin/echo last");
    script("nested", "#!./argument more\n");
    script("missing", "#!/missing/interpreter\n");
    script("directory", "#!/tmp\n");
    script("nothing", "#!\n");
    script("blanks", "#!   \t \n");
    script("looping", "#!./looping\n");
    script("notscript", " #!/bin/sh\necho yes\n");
    char *arguments[] = {"zero", "first", "second", NULL};
    EXEC(execve("./plain", arguments, no_environment));
    EXEC(execve("./spaced", arguments, no_environment));
    EXEC(execve("./tabbed", arguments, no_environment));
    EXEC(execve("./argument", arguments, no_environment));
    EXEC(execve("./unfinished", arguments, no_environment));
    EXEC(execve("./nested", arguments, no_environment));
    EXEC(execve("./missing", arguments, no_environment));
    EXEC(execve("./directory", arguments, no_environment));
    EXEC(execve("./nothing", arguments, no_environment));
    EXEC(execve("./blanks", arguments, no_environment));
    EXEC(execve("./looping", arguments, no_environment));
    EXEC(execve("./notscript", arguments, no_environment));
}

CASE(long_script_lines) {
    static char line[600];
    char *arguments[] = {"zero", NULL};
    strcpy(line, "#!/bin/echo ");
    memset(line + 12, 'a', 200);
    strcpy(line + 212, "\n");
    script("fits", line);
    memset(line + 12, 'a', 400);
    strcpy(line + 412, "\n");
    script("cut", line);
    memset(line + 2, '/', 400);
    strcpy(line + 402, "bin/echo\n");
    script("path", line);
    EXEC(execve("./fits", arguments, no_environment));
    EXEC(execve("./cut", arguments, no_environment));
    EXEC(execve("./path", arguments, no_environment));
}

CASE(interpreters_nest_four_deep) {
    char name[8], content[32], *arguments[] = {"zero", NULL};
    script("s0", "#!/bin/echo end\n");
    for (int i = 1; i <= 6; i++) {
        snprintf(name, sizeof name, "s%d", i);
        snprintf(content, sizeof content, "#!./s%d\n", i - 1);
        script(name, content);
    }
    EXEC(execve("./s3", arguments, no_environment));
    EXEC(execve("./s4", arguments, no_environment));
    EXEC(execve("./s5", arguments, no_environment));
    EXEC(execve("./s6", arguments, no_environment));
}

CASE(too_much_gives_E2BIG) {
    static char large[200000];
    char *arguments[] = {"/bin/true", large, NULL};
    memset(large, 'x', 131071);
    EXEC(execve("/bin/true", arguments, no_environment));
    large[131071] = 'x';
    EXEC(execve("/bin/true", arguments, no_environment));
    static char *many[4000];
    large[100000] = 0;
    for (int i = 0; i < 3999; i++)
        many[i] = large;
    EXEC(execve("/bin/true", many, no_environment));
}

CASE(descriptors_stay_open_unless_marked) {
    int kept = (int)MUST(open("/dev/null", O_RDONLY));
    int marked = (int)MUST(open("/dev/null", O_RDONLY | O_CLOEXEC));
    MUST(dup2(kept, 9));
    say("%d %d", kept, marked);
    EXEC(execl("/bin/sh", "sh", "-c", "for i in 0 1 2 3 4 9; do [ -e /proc/self/fd/$i ] && echo $i; done; true", NULL));
    MUST(lseek(kept, 0, SEEK_SET));
}

CASE(what_exec_keeps) {
    sigset_t set, mask;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    handle(SIGUSR1, SIG_IGN, 0);
    MUST(mkdir("dir", 0755));
    MUST(chdir("dir"));
    umask(017);
    struct rlimit limit = {50, 60};
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    EXEC(execl("/bin/sh", "sh", "-c",
               "umask; basename \"$(pwd)\"; ulimit -n; grep -E '^SigIgn' /proc/self/status; kill -USR1 $$; echo alive", NULL));
    MUST(sigprocmask(SIG_BLOCK, NULL, &mask));
}

static void handler(int number) { (void)number; }

CASE(what_exec_resets) {
    static char area[65536];
    stack_t stack = {.ss_sp = area, .ss_size = sizeof area};
    handle(SIGUSR1, handler, 0);
    MUST(sigaltstack(&stack, NULL));
    EXEC(execl("/bin/sh", "sh", "-c", "grep -E '^SigCgt' /proc/self/status | tr -d '[:space:]'; echo; kill -USR1 $$; echo alive",
               NULL));
}

CASE(a_pending_signal_and_an_alarm_survive) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    EXEC(MUST(raise(SIGUSR2)), execl("/bin/grep", "grep", "-E", "^(ShdPnd|SigPnd|SigBlk)", "/proc/self/status", NULL));
    EXEC(alarm(0), ualarm(50000, 0), execl("/bin/sleep", "sleep", "100", NULL));
}

CASE(execveat_variants) {
    char *arguments[] = {"zero", "one", NULL};
    script("show", "#!/bin/sh\necho \"$*\"\n");
    MUST(symlink("show", "link"));
    int dir = (int)MUST(open(".", O_RDONLY | O_DIRECTORY));
    int echo = (int)MUST(open("/bin/echo", O_RDONLY | O_CLOEXEC));
    int path = (int)MUST(open("/bin/echo", O_PATH));
    int fd = (int)MUST(open("show", O_RDONLY));
    int marked = (int)MUST(open("show", O_RDONLY | O_CLOEXEC));
    EXEC(syscall(SYS_execveat, dir, "show", arguments, no_environment, 0));
    EXEC(syscall(SYS_execveat, dir, "link", arguments, no_environment, AT_SYMLINK_NOFOLLOW));
    EXEC(syscall(SYS_execveat, echo, "", arguments, no_environment, AT_EMPTY_PATH));
    EXEC(syscall(SYS_execveat, path, "", arguments, no_environment, AT_EMPTY_PATH));
    EXEC(syscall(SYS_execveat, fd, "", arguments, no_environment, AT_EMPTY_PATH));
    EXEC(syscall(SYS_execveat, marked, "", arguments, no_environment, AT_EMPTY_PATH));
    EXEC(syscall(SYS_execveat, echo, "", arguments, no_environment, 0));
    EXEC(syscall(SYS_execveat, dir, "", arguments, no_environment, AT_EMPTY_PATH));
    EXEC(syscall(SYS_execveat, 77, "show", arguments, no_environment, 0));
    EXEC(syscall(SYS_execveat, dir, "show", arguments, no_environment, 0x4000000));
    EXEC(fexecve(echo, arguments, (char *const *)no_environment));
}

static void *exec_here(void *argument) {
    (void)argument;
    execl("/bin/sh", "sh", "-c", "echo from a thread; echo $(( $$ == $PPID ))", NULL);
    return NULL;
}

static void *spin(void *argument) {
    for (;;)
        (*(volatile long *)argument)++;
    return NULL;
}

CASE(exec_from_a_thread_ends_the_others) {
    static long counter;
    IN_CHILD({
        pthread_t thread;
        MUST(-pthread_create(&thread, NULL, spin, &counter));
        MUST(-pthread_create(&thread, NULL, exec_here, NULL));
        pause();
    });
    pid_t child = CHILD({
        pthread_t thread;
        MUST(-pthread_create(&thread, NULL, exec_here, NULL));
        pthread_join(thread, NULL);
    });
    JOIN(child);
}

CASE(a_failed_exec_leaves_everything_as_it_was) {
    int marked = (int)MUST(open("/dev/null", O_RDONLY | O_CLOEXEC));
    handle(SIGUSR1, handler, 0);
    TRY(execl("/missing", "x", NULL));
    TRY(execl("/tmp", "x", NULL));
    TRY(fcntl(marked, F_GETFD));
    MUST(raise(SIGUSR1));
    say("alive");
}

CASE(posix_spawn_and_its_errors) {
    pid_t child;
    char *arguments[] = {"sh", "-c", "echo spawned; exit 5", NULL};
    int error = posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, no_environment);
    JOIN(child);
    IS(error == 0);
    TRY_CODE(posix_spawn(&child, "/missing", NULL, NULL, arguments, no_environment));
    TRY_CODE(posix_spawn(&child, "/tmp", NULL, NULL, arguments, no_environment));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "out", O_WRONLY | O_CREAT, 0644);
    posix_spawn_file_actions_addclose(&actions, 0);
    TRY_CODE(posix_spawn(&child, "/bin/sh", &actions, NULL, arguments, no_environment));
    JOIN(child);
    show("out");
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    error = posix_spawn(&child, "/bin/sh", NULL, &attributes, arguments, no_environment);
    bool leader = getpgid(child) == child;
    JOIN(child);
    IS(error == 0);
    IS(leader);
}

CASE(the_auxiliary_vector) {
    IS(getauxval(AT_PAGESZ) == 4096);
    IS(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid());
    IS(getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
    IS(getauxval(AT_SECURE) == 0);
    IS(getauxval(AT_CLKTCK) == 100);
    IS(getauxval(AT_PHENT) == sizeof(Elf64_Phdr));
    IS(getauxval(AT_RANDOM) != 0);
    IS(!strcmp((char *)getauxval(AT_PLATFORM), "x86_64"));
    const char *name = (char *)getauxval(AT_EXECFN);
    char link[PATH_MAX] = "";
    MUST(readlink("/proc/self/exe", link, sizeof link - 1));
    IS(!strcmp(name, link));
    const Elf64_Phdr *headers = (void *)getauxval(AT_PHDR);
    int loads = 0;
    for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
        loads += headers[i].p_type == PT_LOAD;
    IS(loads >= 2);
    IS(getauxval(AT_SYSINFO_EHDR) != 0);
    const unsigned char *random = (void *)getauxval(AT_RANDOM);
    int sum = 0;
    for (int i = 0; i < 16; i++)
        sum |= random[i];
    IS(sum != 0);
}

CASE(set_user_id_programs) {
    MUST(chmod(".", 0777));
    script("copy", "");
    int in = (int)MUST(open("/usr/bin/id", O_RDONLY)), out = (int)MUST(open("copy", O_WRONLY));
    static char data[1 << 20];
    MUST(write(out, data, (size_t)MUST(read(in, data, sizeof data))));
    MUST(close(out));
    MUST(chown("copy", 4321, 4322));
    MUST(chmod("copy", 06755));
    become_nobody();
    EXEC(execl("copy", "id", NULL));
    EXEC(execl("copy", "id", "-ur", NULL));
}
