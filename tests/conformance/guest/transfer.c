/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * sendfile(2), copy_file_range(2), splice(2), tee(2), vmsplice(2).
 */
#include "check.h"
#include <sys/sendfile.h>
#include <sys/socket.h>

CASE(sendfile_from_file_to_file) {
    put("a", "0123456789");
    off_t offset = 2;
    int in = (int)TRY(open("a", O_RDONLY)), out = (int)TRY(open("b", O_RDWR | O_CREAT, 0644));
    TRY(sendfile(out, in, &offset, 3));
    say("offset %ld, position %ld", (long)offset, (long)lseek(in, 0, SEEK_CUR));
    TRY(sendfile(out, in, NULL, 4));
    say("position %ld", (long)lseek(in, 0, SEEK_CUR));
    TRY(sendfile(out, in, NULL, 100));
    TRY(sendfile(out, in, NULL, 100));
    show("b");
}

CASE(sendfile_to_pipes_and_sockets) {
    int pipes[2], pair[2];
    char text[16] = "";
    put("a", "0123456789");
    MUST(pipe(pipes));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    int in = (int)TRY(open("a", O_RDONLY));
    TRY(sendfile(pipes[1], in, NULL, 5));
    TRY(read(pipes[0], text, 16));
    say("%s", text);
    TRY(sendfile(pair[0], in, NULL, 5));
    TRY(read(pair[1], text, 16));
    say("%s", text);
    handle(SIGPIPE, SIG_IGN, 0);
    MUST(close(pipes[0]));
    MUST(lseek(in, 0, SEEK_SET));
    TRY(sendfile(pipes[1], in, NULL, 5));
}

CASE(sendfile_errors) {
    int pipes[2];
    off_t offset = -1;
    put("a", "0123456789");
    MUST(pipe(pipes));
    int in = (int)TRY(open("a", O_RDONLY)), out = (int)TRY(open("b", O_WRONLY | O_CREAT, 0644));
    int append = (int)TRY(open("b", O_WRONLY | O_APPEND));
    TRY(sendfile(in, in, NULL, 5));
    TRY(sendfile(out, out, NULL, 5));
    TRY(sendfile(out, 77, NULL, 5));
    TRY(sendfile(77, in, NULL, 5));
    TRY(sendfile(out, pipes[0], &offset, 5));
    TRY(sendfile(out, in, &offset, 5));
    TRY(sendfile(out, in, BAD, 5));
    TRY(sendfile(append, in, NULL, 5));
    TRY(sendfile(out, (int)MUST(open(".", O_RDONLY)), NULL, 5));
    TRY(sendfile(out, in, NULL, 0));
}

CASE(copy_file_range_copies) {
    put("a", "0123456789");
    loff_t from = 3, to = 1;
    int in = (int)TRY(open("a", O_RDONLY)), out = (int)TRY(open("b", O_RDWR | O_CREAT, 0644));
    TRY(copy_file_range(in, &from, out, &to, 4, 0));
    say("%ld %ld %ld %ld", (long)from, (long)to, (long)lseek(in, 0, SEEK_CUR), (long)lseek(out, 0, SEEK_CUR));
    TRY(copy_file_range(in, NULL, out, NULL, 2, 0));
    say("%ld %ld", (long)lseek(in, 0, SEEK_CUR), (long)lseek(out, 0, SEEK_CUR));
    TRY(copy_file_range(in, NULL, out, NULL, 100, 0));
    TRY(copy_file_range(in, NULL, out, NULL, 100, 0));
    say_bytes("b", get("b"), 10);
}

CASE(copy_file_range_errors) {
    int pipes[2];
    loff_t from = 0, to = 2;
    put("a", "0123456789");
    MUST(pipe(pipes));
    int in = (int)TRY(open("a", O_RDWR)), out = (int)TRY(open("b", O_WRONLY | O_CREAT, 0644));
    TRY(copy_file_range(in, NULL, out, NULL, 5, 1));
    TRY(copy_file_range(out, NULL, in, NULL, 5, 0));
    TRY(copy_file_range(in, NULL, pipes[1], NULL, 5, 0));
    TRY(copy_file_range(77, NULL, out, NULL, 5, 0));
    TRY(copy_file_range(in, &from, in, &to, 5, 0));
    to = 5;
    TRY(copy_file_range(in, &from, in, &to, 5, 0));
    show("a");
    TRY(copy_file_range(in, NULL, (int)MUST(open("b", O_WRONLY | O_APPEND)), NULL, 5, 0));
    TRY(copy_file_range((int)MUST(open(".", O_RDONLY)), NULL, out, NULL, 5, 0));
    TRY(copy_file_range(in, BAD, out, NULL, 5, 0));
}

CASE(splice_moves_between_pipes_and_files) {
    int one[2], two[2];
    char text[16] = "";
    loff_t offset = 4;
    put("a", "0123456789");
    MUST(pipe(one));
    MUST(pipe(two));
    int in = (int)TRY(open("a", O_RDONLY)), out = (int)TRY(open("b", O_RDWR | O_CREAT, 0644));
    TRY(splice(in, NULL, one[1], NULL, 4, 0));
    TRY(splice(in, &offset, one[1], NULL, 3, 0));
    say("%ld %ld", (long)offset, (long)lseek(in, 0, SEEK_CUR));
    TRY(splice(one[0], NULL, two[1], NULL, 5, 0));
    TRY(tee(two[0], one[1], 3, 0));
    TRY(splice(two[0], NULL, out, NULL, 100, 0));
    show("b");
    TRY(read(one[0], text, 16));
    say("%s", text);
    TRY(splice(in, NULL, out, NULL, 4, 0));
    TRY(splice(one[0], &offset, out, NULL, 4, 0));
    TRY(splice(one[0], NULL, two[1], NULL, 4, SPLICE_F_NONBLOCK));
    TRY(tee(one[0], two[1], 4, SPLICE_F_NONBLOCK));
    TRY(tee(in, two[1], 4, 0));
    TRY(splice(one[0], NULL, one[1], NULL, 4, 0));
    TRY(splice(77, NULL, one[1], NULL, 4, 0));
    TRY(splice(in, NULL, one[1], NULL, 4, 0x100));
    TRY(splice(in, NULL, one[1], NULL, 0, 0));
    MUST(close(two[1]));
    TRY(splice(two[0], NULL, out, NULL, 4, 0));
}

CASE(vmsplice_gives_memory_to_a_pipe) {
    int pipes[2];
    char text[16] = "";
    struct iovec parts[] = {{"abc", 3}, {"defg", 4}};
    MUST(pipe(pipes));
    TRY(vmsplice(pipes[1], parts, 2, 0));
    TRY(read(pipes[0], text, 16));
    say("%s", text);
    TRY(vmsplice(77, parts, 2, 0));
    TRY(vmsplice((int)MUST(open("/dev/null", O_RDWR)), parts, 2, 0));
}
