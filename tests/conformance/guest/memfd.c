/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * memfd_create(2) and the seals of files in memory.
 */
#include "check.h"

CASE(a_file_without_a_name) {
    char text[16] = "", path[64], link[64] = "";
    struct stat status;
    int fd = (int)TRY(memfd_create("name", 0));
    TRY(write(fd, "content", 7));
    TRY(fstat(fd, &status));
    say("%s size %ld links %ld", mode_text(status.st_mode), (long)status.st_size, (long)status.st_nlink);
    TRY(pread(fd, text, 16, 0));
    say("%s", text);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    MUST(readlink(path, link, sizeof link - 1));
    say("%s", link);
    int again = (int)TRY(open(path, O_RDONLY));
    TRY(read(again, text, 3));
    TRY(ftruncate(fd, 100));
    TRY(lseek(again, 0, SEEK_END));
    TRY(fcntl(fd, F_GETFD));
    TRY(fcntl((int)MUST(memfd_create("", MFD_CLOEXEC)), F_GETFD));
}

CASE(errors) {
    static char name[300];
    memset(name, 'n', 299);
    TRY(memfd_create(name, 0));
    name[249] = 0;
    TRY(memfd_create(name, 0));
    TRY(memfd_create(BAD, 0));
    TRY(memfd_create("x", 0x8000));
    TRY(memfd_create("same", 0));
    TRY(memfd_create("same", 0));
}

CASE(seals) {
    char byte = 'x';
    int plain = (int)TRY(memfd_create("plain", 0));
    TRY(fcntl(plain, F_GET_SEALS));
    TRY(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE));
    int fd = (int)TRY(memfd_create("sealed", MFD_ALLOW_SEALING));
    TRY(fcntl(fd, F_GET_SEALS));
    TRY(ftruncate(fd, 4096));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    TRY(ftruncate(fd, 100));
    TRY(ftruncate(fd, 8192));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    TRY(ftruncate(fd, 10000));
    TRY(pwrite(fd, &byte, 1, 8192));
    TRY(pwrite(fd, &byte, 1, 0));
    void *area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    MUST(munmap(area, 4096));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    TRY(pwrite(fd, &byte, 1, 0));
    IS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
    IS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
    IS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    TRY(fcntl(fd, F_GET_SEALS));
    TRY(fcntl(fd, F_ADD_SEALS, 0x10000));
    put("a", "a");
    TRY(fcntl((int)MUST(open("a", O_RDWR)), F_GET_SEALS));
    int pipes[2];
    MUST(pipe(pipes));
    TRY(fcntl(pipes[0], F_GET_SEALS));
}

CASE(shared_between_processes) {
    int fd = (int)TRY(memfd_create("shared", 0));
    TRY(ftruncate(fd, 4096));
    char *area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    IN_CHILD({
        area[0] = 'x';
        MUST(pwrite(fd, "y", 1, 1));
    });
    say_bytes("area", area, 3);
}

CASE(a_program_can_be_run_from_it) {
    static char data[1 << 20];
    int in = (int)MUST(open("/bin/true", O_RDONLY)), fd = (int)MUST(memfd_create("program", MFD_CLOEXEC));
    MUST(write(fd, data, (size_t)MUST(read(in, data, sizeof data))));
    char *arguments[] = {"program", NULL};
    IN_CHILD({
        fexecve(fd, arguments, arguments + 1);
        _exit(111);
    });
}
