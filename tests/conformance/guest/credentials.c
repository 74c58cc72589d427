/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * User and group ids, groups, capabilities, and what changes when they do.
 */
#include "check.h"
#include <linux/capability.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

static void ids(const char *label) {
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    MUST(getresuid(&real, &effective, &saved));
    MUST(getresgid(&real_group, &effective_group, &saved_group));
    say("%s: uid %d %d %d gid %d %d %d", label, (int)real, (int)effective, (int)saved, (int)real_group, (int)effective_group,
        (int)saved_group);
}

/* Whether the effective set has a bit: only bits that every container has are asked for. */
static bool effective(int capability) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    MUST(syscall(SYS_capget, &header, data));
    return data[0].effective & (1u << capability);
}

CASE(setuid_by_root_sets_all_three) {
    ids("before");
    TRY(setuid(1234));
    ids("after");
    TRY(setuid(0));
    TRY(seteuid(0));
    TRY(setuid(1234));
    TRY(setgid(5));
}

CASE(setresuid_moves_between_three) {
    TRY(setresgid(10, 20, 30));
    TRY(setresuid(1, 2, 3));
    ids("set");
    TRY(setresuid(-1, 3, -1));
    ids("effective");
    TRY(setresuid(4, -1, -1));
    TRY(setresuid(2, 1, -1));
    TRY(setresuid(1, 1, 1));
    ids("last");
    TRY(setresgid(30, 20, 10));
    ids("groups");
    TRY(setresgid(40, -1, -1));
    TRY(syscall(SYS_setresuid, -1, -1, -1));
    TRY(syscall(SYS_getresuid, BAD, BAD, BAD));
    TRY(syscall(SYS_getresgid, BAD, BAD, BAD));
}

CASE(setreuid_and_the_saved_id) {
    TRY(setreuid(1, 2));
    ids("first");
    TRY(setreuid(2, 1));
    ids("swapped");
    TRY(setreuid(-1, 3));
    TRY(setregid(1, 1));
    ids("last");
}

CASE(seteuid_and_back) {
    put("a", "a");
    MUST(chmod("a", 0600));
    TRY(seteuid(1234));
    ids("down");
    TRY(open("a", O_RDONLY));
    say("DAC_OVERRIDE %d SETUID %d", effective(CAP_DAC_OVERRIDE), effective(CAP_SETUID));
    TRY(seteuid(0));
    ids("up");
    say("DAC_OVERRIDE %d SETUID %d", effective(CAP_DAC_OVERRIDE), effective(CAP_SETUID));
    TRY(open("a", O_RDONLY));
}

CASE(setfsuid_changes_files_only) {
    put("a", "a");
    MUST(chmod("a", 0600));
    TRY(setfsuid(1234));
    TRY(setfsuid(-1));
    TRY(open("a", O_RDONLY));
    ids("same");
    TRY(setfsgid(5));
    TRY(setfsgid(-1));
    TRY(setfsuid(0));
    TRY(open("a", O_RDONLY));
}

CASE(groups) {
    gid_t list[8] = {0};
    TRY(setgroups(3, (gid_t[]){7, 5, 6}));
    TRY(getgroups(0, NULL));
    TRY(getgroups(8, list));
    say("%d %d %d", list[0], list[1], list[2]);
    TRY(getgroups(2, list));
    TRY(getgroups(-1, list));
    TRY(getgroups(8, BAD));
    TRY(syscall(SYS_setgroups, 65537, list));
    TRY(syscall(SYS_setgroups, 2, BAD));
    TRY(syscall(SYS_setgroups, -1, list));
    IN_CHILD(TRY(getgroups(0, NULL)));
    TRY(setgroups(0, NULL));
    TRY(getgroups(8, list));
    MUST(setuid(1234));
    TRY(setgroups(1, list));
}

CASE(capget_and_capset) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    TRY(syscall(SYS_capget, &header, data));
    say("CHOWN %d SETUID %d KILL %d", effective(CAP_CHOWN), effective(CAP_SETUID), effective(CAP_KILL));
    header.version = 1;
    TRY(syscall(SYS_capget, &header, data));
    say("%#x", header.version);
    TRY(syscall(SYS_capget, &header, NULL));
    header.version = _LINUX_CAPABILITY_VERSION_3;
    header.pid = -1;
    TRY(syscall(SYS_capget, &header, data));
    header.pid = 0x7fffffff;
    TRY(syscall(SYS_capget, &header, data));
    TRY(syscall(SYS_capget, BAD, data));
    header.pid = 0;
    TRY(syscall(SYS_capget, &header, BAD));
    MUST(syscall(SYS_capget, &header, data));
    data[0].effective &= ~(1u << CAP_CHOWN);
    TRY(syscall(SYS_capset, &header, data));
    put("a", "a");
    TRY(chown("a", 5, 5));
    data[0].permitted &= ~(1u << CAP_CHOWN);
    TRY(syscall(SYS_capset, &header, data));
    data[0].effective |= 1u << CAP_CHOWN;
    TRY(syscall(SYS_capset, &header, data));
    data[0].permitted |= 1u << CAP_CHOWN;
    TRY(syscall(SYS_capset, &header, data));
    TRY(syscall(SYS_capset, &header, BAD));
    header.pid = 1;
    TRY(syscall(SYS_capset, &header, data));
}

CASE(capabilities_go_with_root_unless_kept) {
    IN_CHILD({
        MUST(setuid(1234));
        say("KILL %d", effective(CAP_KILL));
    });
    IN_CHILD({
        TRY(prctl(PR_SET_KEEPCAPS, 1));
        MUST(setuid(1234));
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2];
        MUST(syscall(SYS_capget, &header, data));
        say("KILL effective %d permitted %d", !!(data[0].effective & (1 << CAP_KILL)), !!(data[0].permitted & (1 << CAP_KILL)));
    });
    TRY(prctl(PR_CAPBSET_READ, CAP_KILL));
    TRY(prctl(PR_CAPBSET_READ, 99));
    TRY(prctl(PR_CAPBSET_DROP, CAP_KILL));
    TRY(prctl(PR_CAPBSET_READ, CAP_KILL));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
}

CASE(no_new_privileges) {
    TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    IN_CHILD(TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
}

CASE(children_inherit) {
    MUST(setresgid(1, 2, 3));
    MUST(setresuid(4, 5, 6));
    IN_CHILD(ids("child"));
    IN_CHILD({
        MUST(execl("/usr/bin/id", "id", "-u", NULL));
    });
}
