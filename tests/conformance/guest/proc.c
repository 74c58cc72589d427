/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * /proc/self and /proc/PID: what programs read there.
 */
#include "check.h"
#include <sys/prctl.h>

static const char *field(const char *content, const char *name) {
    static char value[256];
    size_t length = strlen(name);
    for (const char *line = content; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (!strncmp(line, name, length) && line[length] == ':') {
            const char *start = line + length + 1 + strspn(line + length + 1, " \t");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(start, "\n"), start);
            return value;
        }
    return "<missing>";
}

CASE(self_and_thread_self) {
    char link[64] = "", own[64];
    ssize_t length = readlink("/proc/self", link, sizeof link - 1);
    link[length > 0 ? length : 0] = 0;
    snprintf(own, sizeof own, "%d", getpid());
    IS(!strcmp(link, own));
    memset(link, 0, sizeof link);
    MUST(readlink("/proc/thread-self", link, sizeof link - 1));
    snprintf(own, sizeof own, "%d/task/%d", getpid(), gettid());
    IS(!strcmp(link, own));
    TRY(access("/proc/0", F_OK));
    TRY(access("/proc/1", F_OK));
    TRY(access("/proc/999999999", F_OK));
    TRY(access("/proc/self/missing", F_OK));
}

CASE(descriptors) {
    char path[64], link[PATH_MAX] = "", here[PATH_MAX];
    int pipes[2];
    put("a", "content");
    MUST(getcwd(here, sizeof here) ? 0 : -1);
    int fd = (int)TRY(open("a", O_RDWR));
    MUST(lseek(fd, 3, SEEK_SET));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    MUST(readlink(path, link, sizeof link - 1));
    IS(!strncmp(link, here, strlen(here)) && !strcmp(link + strlen(here), "/a"));
    struct stat one, two;
    MUST(stat(path, &one));
    MUST(fstat(fd, &two));
    IS(one.st_ino == two.st_ino);
    MUST(lstat(path, &one));
    say("%s size %ld", mode_text(one.st_mode), (long)one.st_size);
    MUST(close((int)MUST(open(path, O_RDONLY))));
    MUST(pipe(pipes));
    list("/proc/self/fd");
    list("/proc/self/fdinfo");
    TRY(open("/proc/self/fd/77", O_RDONLY));
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    const char *info = get(path);
    say("pos %s", field(info, "pos"));
    say("flags %s", field(info, "flags"));
    MUST(fcntl(fd, F_SETFD, FD_CLOEXEC));
    MUST(rename("a", "b"));
    memset(link, 0, sizeof link);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    MUST(readlink(path, link, sizeof link - 1));
    IS(!strcmp(strrchr(link, '/'), "/b"));
}

CASE(links) {
    char link[PATH_MAX] = "", here[PATH_MAX];
    MUST(getcwd(here, sizeof here) ? 0 : -1);
    MUST(readlink("/proc/self/cwd", link, sizeof link - 1));
    IS(!strcmp(link, here));
    memset(link, 0, sizeof link);
    MUST(readlink("/proc/self/root", link, sizeof link - 1));
    say("root %s", link);
    memset(link, 0, sizeof link);
    MUST(readlink("/proc/self/exe", link, sizeof link - 1));
    IS(!strcmp(strrchr(link, '/'), "/proc"));
    put("a", "x");
    TRY(access("/proc/self/cwd/a", F_OK));
    TRY(access("/proc/self/root/proc/self/cwd/a", F_OK));
    TRY(unlink("/proc/self/cwd"));
    IN_CHILD({
        execl("/bin/readlink", "readlink", "/proc/self/exe", NULL);
    });
}

CASE(command_line_and_environment) {
    char *arguments[] = {"cat", "/proc/self/cmdline", NULL}, *environment[] = {"ONE=1", "TWO=2", NULL};
    int pipes[2];
    char bytes[256];
    MUST(pipe(pipes));
    pid_t child = CHILD({
        dup2(pipes[1], 1);
        execve("/bin/cat", arguments, environment);
    });
    JOIN(child);
    long count = MUST(read(pipes[0], bytes, sizeof bytes));
    say_bytes("cmdline", bytes, count);
    arguments[1] = "/proc/self/environ";
    child = CHILD({
        dup2(pipes[1], 1);
        execve("/bin/cat", arguments, environment);
    });
    JOIN(child);
    count = MUST(read(pipes[0], bytes, sizeof bytes));
    say_bytes("environ", bytes, count);
    say("comm %s", get("/proc/self/comm"));
    put("/proc/self/comm", "changed");
    say("comm %s", get("/proc/self/comm"));
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    say("%s", name);
}

CASE(status) {
    MUST(setresgid(1, 2, 3));
    MUST(setresuid(4, 5, 6));
    umask(037);
    handle(SIGUSR1, SIG_IGN, 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    MUST(raise(SIGUSR2));
    static char content[8192];
    strncpy(content, get("/proc/self/status"), sizeof content - 1);
    static const char *const names[] = {"Name", "Umask", "State", "Uid", "Gid", "Threads", "SigBlk", "SigIgn", "SigCgt",
                                        "SigPnd", "NoNewPrivs"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        say("%s %s", names[i], field(content, names[i]));
    IS(atoi(field(content, "Pid")) == getpid() && atoi(field(content, "Tgid")) == getpid());
    IS(atoi(field(content, "PPid")) == getppid());
    IS(atoi(field(content, "VmRSS")) > 0 && atoi(field(content, "VmSize")) > 0);
}

CASE(stat_and_its_states) {
    char name[64];
    int pid, parent, group, session;
    char state, comm[64];
    say("fields %d", sscanf(get("/proc/self/stat"), "%d (%63[^)]) %c %d %d %d", &pid, comm, &state, &parent, &group, &session));
    IS(pid == getpid() && parent == getppid() && group == getpgrp() && session == getsid(0));
    say("%s %c", comm, state);
    pid_t child = CHILD(pause());
    UNTIL(asleep(child));
    snprintf(name, sizeof name, "/proc/%d/stat", child);
    MUST(kill(child, SIGSTOP));
    int status;
    MUST(waitpid(child, &status, WUNTRACED));
    say("stopped %c", strrchr(get(name), ')')[2]);
    MUST(kill(child, SIGKILL));
    siginfo_t info;
    MUST(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    say("zombie %c", strrchr(get(name), ')')[2]);
    MUST(waitpid(child, &status, 0));
    TRY(access(name, F_OK));
}

static void *wait_here(void *argument) {
    char byte;
    return (void *)(intptr_t)read(*(int *)argument, &byte, 1);
}

CASE(threads_are_listed) {
    int pipes[2], count = 0;
    pthread_t threads[3];
    MUST(pipe(pipes));
    for (int i = 0; i < 3; i++)
        MUST(-pthread_create(&threads[i], NULL, wait_here, &pipes[0]));
    DIR *directory = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    say("threads %d, %s", count, field(get("/proc/self/status"), "Threads"));
    MUST(close(pipes[1]));
    for (int i = 0; i < 3; i++)
        MUST(-pthread_join(threads[i], NULL));
}

CASE(maps_name_what_is_mapped) {
    unsigned long low, high, offset, inode;
    char rights[8], device[16], path[PATH_MAX], line[PATH_MAX + 100];
    put("a", "0123456789");
    int fd = (int)MUST(open("a", O_RDWR)), lines = 0, wrong = 0;
    char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
    bool stack = false, heap = false, file = false, program = false;
    free(malloc(100));
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        path[0] = 0;
        lines++;
        wrong += sscanf(line, "%lx-%lx %4s %lx %15s %lu %[^\n]", &low, &high, rights, &offset, device, &inode, path) < 6;
        stack |= !strcmp(path, "[stack]") && low <= (unsigned long)&low && (unsigned long)&low < high;
        heap |= !strcmp(path, "[heap]");
        if (low == (unsigned long)area) {
            struct stat status;
            MUST(fstat(fd, &status));
            file = true;
            say("%s %lx length %lx name %s inode %d", rights, offset, high - low, strrchr(path, '/') ? strrchr(path, '/') : path,
                inode == status.st_ino);
        }
        if (low <= (unsigned long)field && (unsigned long)field < high)
            program = !strcmp(strrchr(path, '/') ? strrchr(path, '/') : "", "/proc") && !strcmp(rights, "r-xp");
    }
    say("wrong %d, stack %d heap %d file %d program %d", wrong, stack, heap, file, program);
}

CASE(mounts) {
    const char *info = get("/proc/self/mountinfo");
    int id, parent, major, minor, fields;
    char root[256], point[256];
    fields = sscanf(info, "%d %d %d:%d %255s %255s", &id, &parent, &major, &minor, root, point);
    say("fields %d", fields);
    bool slash = false, proc = false;
    static char mounts[65536];
    strncpy(mounts, get("/proc/mounts"), sizeof mounts - 1);
    for (char *line = strtok(mounts, "\n"); line; line = strtok(NULL, "\n")) {
        char source[256], target[256], type[64], options[512];
        if (sscanf(line, "%255s %255s %63s %511s", source, target, type, options) == 4) {
            slash |= !strcmp(target, "/");
            proc |= !strcmp(target, "/proc") && !strcmp(type, "proc");
        }
    }
    say("root %d proc %d", slash, proc);
}

CASE(files_about_the_system) {
    static const char *const names[] = {"/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/uptime", "/proc/loadavg",
                                        "/proc/version", "/proc/filesystems", "/proc/sys/kernel/ostype",
                                        "/proc/sys/kernel/pid_max", "/proc/self/statm", "/proc/self/limits",
                                        "/proc/self/smaps", "/proc/self/auxv", "/proc/self/cgroup", "/proc/self/oom_score_adj",
                                        "/proc/cmdline", "/proc/sys/kernel/hostname", "/proc/self/io"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *content = get(names[i]);
        say("%s: %s", names[i], content[0] == '<' ? content : content[0] ? "something" : "empty");
    }
    IS(strstr(get("/proc/meminfo"), "MemTotal:") && strstr(get("/proc/meminfo"), "MemAvailable:"));
    IS(strstr(get("/proc/cpuinfo"), "processor\t: 0") != NULL);
    show("/proc/sys/kernel/ostype");
}

CASE(proc_is_read_only_where_it_should_be) {
    TRY(open("/proc/self/status", O_WRONLY));
    TRY(open("/proc/new", O_RDWR | O_CREAT, 0644));
    TRY(mkdir("/proc/new", 0755));
    TRY(unlink("/proc/self/status"));
    TRY(rmdir("/proc/self"));
    TRY(rename("/proc/self/status", "/proc/x"));
    become_nobody();
    TRY(open("/proc/self/status", O_WRONLY));
}

CASE(files_can_be_read_in_pieces_and_again) {
    char first[8] = "", second[8] = "";
    int fd = (int)TRY(open("/proc/self/stat", O_RDONLY));
    TRY(read(fd, first, 3));
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(pread(fd, second, 3, 0));
    IS(!memcmp(first, second, 3));
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(read(fd, second, 3));
    IS(!memcmp(first, second, 3));
    struct stat status;
    MUST(fstat(fd, &status));
    say("%s size %ld", mode_text(status.st_mode), (long)status.st_size);
    TRY(read(fd, BAD, 3));
}

CASE(another_process) {
    char name[64];
    pid_t child = CHILD({
        become_nobody();
        prctl(PR_SET_NAME, "other");
        for (;;)
            pause();
    });
    snprintf(name, sizeof name, "/proc/%d/comm", child);
    UNTIL(!strcmp(get(name), "other\n"));
    struct stat status;
    snprintf(name, sizeof name, "/proc/%d", child);
    MUST(stat(name, &status));
    say("%s", mode_text(status.st_mode));
    snprintf(name, sizeof name, "/proc/%d/status", child);
    say("Uid %s", field(get(name), "Uid"));
    MUST(kill(child, SIGKILL));
    JOIN(child);
    TRY(access(name, F_OK));
}
