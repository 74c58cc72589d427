/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2).
 */
#include "check.h"

#include <sys/ipc.h>
#include <sys/shm.h>

static void status(int id) {
    struct shmid_ds found;
    if (TRY(shmctl(id, IPC_STAT, &found)) == 0)
        say("size %zu attached %lu mode %o", found.shm_segsz, (unsigned long)found.shm_nattch, found.shm_perm.mode);
}

CASE(memory_is_shared_with_children) {
    int id = (int)MUST(shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600));
    char *here = shmat(id, NULL, 0);
    IS(here != (char *)-1);
    status(id);
    strcpy(here, "parent");
    IN_CHILD({
        say("%s", here);
        status(id);
        strcpy(here + 9000, "child");
        char *again = shmat(id, NULL, 0);
        IS(again != here && !strcmp(again + 9000, "child"));
        status(id);
        TRY(shmdt(again));
        status(id);
    });
    say("%s", here + 9000);
    status(id);
    IN_CHILD(execl("/bin/true", "true", NULL));
    status(id);
    TRY(shmctl(id, IPC_RMID, NULL));
    status(id);
    char *more = shmat(id, NULL, 0);
    IS(more != (char *)-1 && !strcmp(more, "parent"));
    TRY(shmdt(more));
    TRY(shmdt(here));
    TRY(shmdt(here));
    status(id);
}

CASE(keys_and_sizes) {
    key_t key = 0x7a000000 + getpid();
    TRY(shmget(key, 100, 0600));
    int id = (int)OK(shmget(key, 100, IPC_CREAT | 0600));
    TRY(shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600));
    IS(shmget(key, 0, 0) == id);
    TRY(shmget(key, 101, 0));
    TRY(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
    status(id);
    void *here = shmat(id, NULL, 0);
    TRY(shmctl(id, IPC_RMID, NULL));
    TRY(shmget(key, 100, 0600));
    TRY(shmdt(here));
    status(id);
    TRY(shmctl(id, 99, NULL));
    TRY(shmctl(-1, IPC_STAT, NULL));
}

CASE(addresses_and_protection) {
    int id = (int)MUST(shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600));
    char *place = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(shmat(id, place + 4096, 0));
    TRY(shmat(id, place + 5, 0));
    IS(shmat(id, place + 4096, SHM_REMAP) == place + 4096);
    TRY(shmat(id, NULL, SHM_REMAP));
    MUST(munmap(place + 16384, 16384));
    IS(shmat(id, place + 16384 + 77, SHM_RND) == place + 16384);
    place[16384] = 'x';
    say("%c", place[4096]);
    TRY(shmat(-1, NULL, 0));
    TRY(shmat(id + 12345, NULL, 0));
    char *fixed = shmat(id, NULL, SHM_RDONLY);
    say("%c", *fixed);
    TRY(mprotect(fixed, 4096, PROT_READ | PROT_WRITE));
    TRY(read((int)MUST(open("/dev/zero", O_RDONLY)), fixed, 1));
    TRY(shmdt(fixed + 1));
    TRY(shmdt(fixed + 4096));
    TRY(shmdt(fixed));
    TRY(msync(fixed, 4096, MS_SYNC));
    TRY(shmctl(id, IPC_RMID, NULL));
}

CASE(permissions) {
    int id = (int)MUST(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0644));
    IN_CHILD({
        become_nobody();
        TRY(shmat(id, NULL, 0));
        IS(shmat(id, NULL, SHM_RDONLY) != (void *)-1);
        TRY(shmctl(id, IPC_RMID, NULL));
        struct shmid_ds found;
        TRY(shmctl(id, IPC_STAT, &found));
        TRY(shmctl(id, IPC_SET, &found));
    });
    struct shmid_ds found;
    MUST(shmctl(id, IPC_STAT, &found));
    found.shm_perm.mode = 0600;
    TRY(shmctl(id, IPC_SET, &found));
    IN_CHILD({
        become_nobody();
        TRY(shmat(id, NULL, SHM_RDONLY));
        TRY(shmctl(id, IPC_STAT, &found));
    });
    TRY(shmctl(id, IPC_RMID, NULL));
    status(id);
}
