/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The frame around the cases: see check.h.
 */
#include "check.h"

#include <ftw.h>
#include <grp.h>

extern const struct check_case __start_check_cases[], __stop_check_cases[];

static const int case_seconds = 20;

void say(const char *format, ...) {
    char line[8192];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof line - 2)
        length = sizeof line - 2;
    line[length++] = '\n';
    int kept = errno;
    for (int done = 0; done < length;) {
        ssize_t count = write(STDOUT_FILENO, line + done, (size_t)(length - done));
        if (count < 0 && errno != EINTR)
            _exit(98);
        done += count > 0 ? (int)count : 0;
    }
    errno = kept;
}

void say_bytes(const char *label, const void *bytes, ssize_t count) {
    char text[4096];
    size_t length = 0;
    for (ssize_t i = 0; i < count && length < sizeof text - 8; i++) {
        unsigned char byte = ((const unsigned char *)bytes)[i];
        if (byte >= ' ' && byte < 127 && byte != '\\')
            text[length++] = (char)byte;
        else
            length += (size_t)sprintf(text + length, "\\x%02x", byte);
    }
    text[length] = 0;
    say("%s [%zd] \"%s\"", label, count, text);
}

const char *errno_name(int number) {
    static __thread char unknown[32];
    const char *name = strerrorname_np(number);
    if (name)
        return name;
    snprintf(unknown, sizeof unknown, "errno-%d", number);
    return unknown;
}

const char *signal_name(int number) {
    static __thread char text[32];
    const char *name = sigabbrev_np(number);
    if (name)
        snprintf(text, sizeof text, "SIG%s", name);
    else
        snprintf(text, sizeof text, "signal-%d", number);
    return text;
}

long check_report(const char *text, long value, int error, bool show_value) {
    if (value == -1 && error)
        say("%s = -1 %s", text, errno_name(error));
    else if (show_value)
        say("%s = %ld", text, value);
    else
        say("%s = ok", text);
    errno = error;
    return value;
}

long check_must(const char *text, long value, int error) {
    if (value == -1 && error) {
        say("cannot begin: %s = -1 %s", text, errno_name(error));
        _exit(99);
    }
    return value;
}

void say_status(const char *label, int status) {
    if (WIFEXITED(status))
        say("%s: exit %d", label, WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        say("%s: killed by %s", label, signal_name(WTERMSIG(status)));
    else if (WIFSTOPPED(status))
        say("%s: stopped by %s", label, signal_name(WSTOPSIG(status)));
    else if (WIFCONTINUED(status))
        say("%s: continued", label);
    else
        say("%s: status %#x", label, (unsigned)status);
}

void check_pause(void) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

void *edge(size_t count) {
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(pages == MAP_FAILED ? -1 : 0);
    MUST(munmap(pages + 4096, 4096));
    return pages + 4096 - count;
}

void *read_only_page(void) {
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(page == MAP_FAILED ? -1 : 0);
    return page;
}

void put(const char *path, const char *content) {
    int fd = (int)MUST(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    MUST(write(fd, content, strlen(content)));
    MUST(close(fd));
}

const char *get(const char *path) {
    static char content[65537];
    int fd = open(path, O_RDONLY);
    ssize_t length = 0, count = -1;
    while (fd >= 0 && length < 65536 && (count = read(fd, content + length, (size_t)(65536 - length))) > 0)
        length += count;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (count < 0) {
        snprintf(content, sizeof content, "<%s>", errno_name(error));
        return content;
    }
    content[length] = 0;
    return content;
}

void show(const char *path) { say("%s: \"%s\"", path, get(path)); }

static int by_name(const void *left, const void *right) { return strcmp(*(char *const *)left, *(char *const *)right); }

void list(const char *path) {
    char *names[512];
    int count = 0;
    DIR *directory = opendir(path);
    if (!directory) {
        say("%s/ <%s>", path, errno_name(errno));
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(directory)) && count < 512)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            names[count++] = strdup(entry->d_name);
    closedir(directory);
    qsort(names, (size_t)count, sizeof *names, by_name);
    char line[8000] = "";
    for (int i = 0; i < count; i++) {
        if (strlen(line) + strlen(names[i]) + 2 < sizeof line) {
            strcat(line, " ");
            strcat(line, names[i]);
        }
        free(names[i]);
    }
    say("%s/%s", path, line);
}

const char *mode_text(mode_t mode) {
    static __thread char text[32];
    const char *type = S_ISREG(mode)    ? "file"
                       : S_ISDIR(mode)  ? "directory"
                       : S_ISLNK(mode)  ? "link"
                       : S_ISFIFO(mode) ? "fifo"
                       : S_ISSOCK(mode) ? "socket"
                       : S_ISCHR(mode)  ? "character"
                       : S_ISBLK(mode)  ? "block"
                                        : "untyped";
    snprintf(text, sizeof text, "%s %04o", type, (unsigned)(mode & 07777));
    return text;
}

void become_nobody(void) {
    MUST(setgroups(0, NULL));
    MUST(setresgid(1235, 1235, 1235));
    MUST(setresuid(1234, 1234, 1234));
}

void handle(int number, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    MUST(sigaction(number, &action, NULL));
}

void tick(int milliseconds) {
    struct itimerval timer = {.it_interval = {0, milliseconds * 1000}, .it_value = {0, milliseconds * 1000}};
    MUST(setitimer(ITIMER_REAL, &timer, NULL));
}

bool asleep(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const char *stat = get(path);
    const char *end = strrchr(stat, ')');
    return end && end[1] == ' ' && end[2] == 'S';
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type, (void)walk;
    remove(path);
    return 0;
}

/* The case's own process: a session of its own, a fresh directory, default signals. */
static void enter(const struct check_case *chosen, const char *directory, const sigset_t *mask) {
    setsid();
    umask(022);
    if (chdir(directory))
        _exit(97);
    for (int number = 1; number < 32; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    chosen->run();
    _exit(0);
}

static void run_case(const struct check_case *chosen, bool in_child) {
    char directory[] = "/tmp/pysc-check-XXXXXX";
    sigset_t child, before;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    if (!mkdtemp(directory) || chmod(directory, 0755))
        _exit(97);
    say("=== %s", chosen->name);
    if (!in_child)
        enter(chosen, directory, &before);
    pid_t pid = fork();
    if (pid < 0)
        _exit(96);
    if (pid == 0)
        enter(chosen, directory, &before);

    int status = 0;
    pid_t reaped = 0;
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += case_seconds;
    while ((reaped = waitpid(pid, &status, WNOHANG)) == 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        struct timespec left = {end.tv_sec - now.tv_sec, 0};
        if (left.tv_sec <= 0)
            break;
        sigtimedwait(&child, NULL, &left);
    }
    kill(-pid, SIGKILL);
    if (reaped == 0) {
        waitpid(pid, &status, 0);
        say("=== timed out");
    } else if (WIFEXITED(status)) {
        say("=== exit %d", WEXITSTATUS(status));
    } else {
        say("=== killed by %s", signal_name(WTERMSIG(status)));
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    sigprocmask(SIG_SETMASK, &before, NULL);
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static bool wanted(const char *name, int count, char **names) {
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return true;
    return count == 0;
}

/* Whoever started us may have ignored signals, which exec keeps: a case begins with the defaults wherever it runs. */
static void default_signals(void) {
    const struct {
        void *handler;
        unsigned long flags, restorer, mask;
    } action = {0};
    for (int number = 1; number <= 64; number++)
        syscall(SYS_rt_sigaction, number, &action, NULL, 8);
}

int main(int argc, char **argv) {
    default_signals();
    bool in_child = !(argc > 1 && !strcmp(argv[1], "-1"));
    int first = in_child ? 1 : 2;
    for (const struct check_case *chosen = __start_check_cases; chosen < __stop_check_cases; chosen++)
        if (wanted(chosen->name, argc - first, argv + first))
            run_case(chosen, in_child);
    return 0;
}
