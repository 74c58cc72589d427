/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2).
 */
#include "check.h"
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static const char *mask_text(uint32_t mask) {
    static char text[256];
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{IN_ACCESS, "ACCESS"},
                 {IN_MODIFY, "MODIFY"},
                 {IN_ATTRIB, "ATTRIB"},
                 {IN_CLOSE_WRITE, "CLOSE_WRITE"},
                 {IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
                 {IN_OPEN, "OPEN"},
                 {IN_MOVED_FROM, "MOVED_FROM"},
                 {IN_MOVED_TO, "MOVED_TO"},
                 {IN_CREATE, "CREATE"},
                 {IN_DELETE, "DELETE"},
                 {IN_DELETE_SELF, "DELETE_SELF"},
                 {IN_MOVE_SELF, "MOVE_SELF"},
                 {IN_ISDIR, "ISDIR"},
                 {IN_IGNORED, "IGNORED"},
                 {IN_Q_OVERFLOW, "Q_OVERFLOW"}};
    text[0] = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mask & names[i].bit)
            strcat(strcat(text, " "), names[i].name);
    return text;
}

static void drain(int fd) {
    static char buffer[8192] __attribute__((aligned(8)));
    ssize_t count;
    uint32_t cookie = 0;
    while ((count = read(fd, buffer, sizeof buffer)) > 0)
        for (ssize_t at = 0; at < count;) {
            struct inotify_event *event = (void *)(buffer + at);
            const char *pairing = !event->cookie ? "" : event->cookie == cookie ? " same cookie" : " cookie";
            cookie = event->cookie;
            say("  wd %d%s \"%s\"%s", event->wd, mask_text(event->mask), event->len ? event->name : "", pairing);
            at += (ssize_t)sizeof *event + event->len;
        }
    say("  then %s", count ? errno_name(errno) : "end");
}

CASE(what_happens_in_a_directory) {
    int fd = (int)TRY(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    MUST(mkdir("dir", 0755));
    MUST(mkdir("other", 0755));
    TRY(inotify_add_watch(fd, "dir", IN_ALL_EVENTS));
    drain(fd);
    int file = (int)TRY(open("dir/a", O_RDWR | O_CREAT, 0644));
    TRY(write(file, "x", 1));
    TRY(close(file));
    drain(fd);
    TRY(chmod("dir/a", 0600));
    TRY(rename("dir/a", "dir/b"));
    drain(fd);
    TRY(rename("dir/b", "other/b"));
    TRY(rename("other/b", "dir/c"));
    TRY(link("dir/c", "dir/d"));
    TRY(symlink("x", "dir/e"));
    drain(fd);
    TRY(mkdir("dir/sub", 0755));
    TRY(rmdir("dir/sub"));
    TRY(unlink("dir/c"));
    TRY(unlink("dir/d"));
    TRY(unlink("dir/e"));
    drain(fd);
    TRY(rmdir("dir"));
    drain(fd);
}

CASE(what_happens_to_a_file) {
    char byte;
    put("a", "abc");
    int fd = (int)TRY(inotify_init1(IN_NONBLOCK));
    TRY(inotify_add_watch(fd, "a", IN_ALL_EVENTS));
    int file = (int)TRY(open("a", O_RDWR));
    TRY(read(file, &byte, 1));
    TRY(write(file, "x", 1));
    drain(fd);
    TRY(ftruncate(file, 0));
    TRY(fchmod(file, 0600));
    TRY(rename("a", "b"));
    drain(fd);
    TRY(unlink("b"));
    drain(fd);
    TRY(close(file));
    drain(fd);
}

CASE(watches_and_masks) {
    put("a", "a");
    MUST(symlink("a", "link"));
    int fd = (int)TRY(inotify_init1(IN_NONBLOCK));
    TRY(inotify_add_watch(fd, "a", IN_OPEN));
    TRY(inotify_add_watch(fd, ".", IN_CREATE));
    TRY(inotify_add_watch(fd, "a", IN_MODIFY));
    close((int)MUST(open("a", O_RDWR)));
    drain(fd);
    TRY(inotify_add_watch(fd, "a", IN_OPEN | IN_MASK_ADD));
    put("a", "b");
    drain(fd);
    TRY(inotify_add_watch(fd, "a", IN_OPEN | IN_ONESHOT));
    close((int)MUST(open("a", O_RDONLY)));
    close((int)MUST(open("a", O_RDONLY)));
    drain(fd);
    TRY(inotify_rm_watch(fd, 2));
    drain(fd);
    TRY(inotify_rm_watch(fd, 2));
    TRY(inotify_add_watch(fd, "a", IN_OPEN | IN_MASK_CREATE));
    TRY(inotify_add_watch(fd, "a", IN_OPEN | IN_MASK_CREATE));
    TRY(inotify_add_watch(fd, "link", IN_OPEN | IN_DONT_FOLLOW));
}

CASE(same_events_in_a_row_are_one) {
    put("a", "");
    int fd = (int)TRY(inotify_init1(IN_NONBLOCK));
    int waiting = 0;
    MUST(inotify_add_watch(fd, "a", IN_MODIFY));
    int file = (int)MUST(open("a", O_RDWR));
    for (int i = 0; i < 5; i++)
        MUST(write(file, "x", 1));
    TRY(ioctl(fd, FIONREAD, &waiting));
    say("%d", waiting);
    drain(fd);
}

CASE(errors) {
    char small[8];
    put("a", "a");
    TRY(inotify_init1(12345));
    int fd = (int)TRY(inotify_init1(0));
    TRY(inotify_add_watch(fd, "missing", IN_OPEN));
    TRY(inotify_add_watch(fd, "a", 0));
    TRY(inotify_add_watch(fd, "a", IN_ONLYDIR | IN_OPEN));
    TRY(inotify_add_watch(77, "a", IN_OPEN));
    TRY(inotify_add_watch(1, "a", IN_OPEN));
    TRY(inotify_add_watch(fd, BAD, IN_OPEN));
    TRY(inotify_rm_watch(fd, 9));
    TRY(inotify_rm_watch(77, 1));
    TRY(inotify_rm_watch(1, 1));
    TRY(inotify_add_watch(fd, "a", IN_OPEN));
    close((int)MUST(open("a", O_RDONLY)));
    TRY(read(fd, small, sizeof small));
}

CASE(a_sleeper_is_woken) {
    int fd = (int)TRY(inotify_init1(IN_NONBLOCK));
    MUST(inotify_add_watch(fd, ".", IN_CREATE));
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(mkdir("new", 0755));
    });
    struct pollfd entry = {fd, POLLIN, 0};
    TRY(poll(&entry, 1, -1));
    drain(fd);
    JOIN(child);
}
