# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""perl, git, gcc, a statically linked program."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.programs.expectations import expect, script
from tests.programs.places import Place

HELLO = """
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *run(void *text) { printf("%s\\n", (char *)text); return NULL; }

int main(int argc, char **argv) {
    pthread_t thread;
    printf("hello %d %s\\n", argc, argv[argc - 1]);
    fflush(stdout);
    pthread_create(&thread, NULL, run, "thread");
    pthread_join(thread, NULL);
    fflush(stdout);
    if (fork() == 0) { execl("/bin/echo", "echo", "executed", NULL); _exit(1); }
    wait(NULL);
    printf("%s\\n", strerror(open("/missing", 0) < 0 ? errno : 0));
    return 3;
}
"""


def test_perl(place: Place) -> None:
    script(
        place,
        r"""
        perl -e 'print join(",", map { $_ ** 2 } grep { $_ % 2 } 1..9), "\n"'
        printf 'b 2\na 1\n' | perl -lane 'push @l, "$F[1]$F[0]"; END { print for sort @l }'
        perl -e 'my $pid = fork; if (!$pid) { exit 7 } waitpid $pid, 0; print $? >> 8, "\n"; print `echo back`;
            open my $p, "|-", "tr a-z A-Z"; print $p "piped\n"'
        perl -MFile::Find -MCwd -MPOSIX -MTime::HiRes=sleep -MSocket -e '
            local $SIG{ALRM} = sub { print "alarm\n" };
            alarm 1; Time::HiRes::alarm(0.02); select undef, undef, undef, 0.2
            ; print strftime("%Y\n", gmtime 0)'
        perl -pi -e 's/x/y/g' file 2>/dev/null; echo xx > file; perl -pi -e 's/x/y/g' file; cat file
        perl -e 'socketpair my $a, my $b, 1, 1, 0; syswrite $a, "over\n"; sysread $b, my $line, 100; print $line'
        perl -e 'kill "TERM", $$; sleep 10' || echo $?
        """,
        "1,9,25,49,81\n1a\n2b\n7\nback\nPIPED\nalarm\n1970\nyy\nover\n143\n",
        err="Terminated\n",
    )


def test_git_init_add_commit_log_and_clone(place: Place) -> None:
    script(
        place,
        """
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b HOME="$PWD" \\
            GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1000000000 +0000'
        git config --global init.defaultBranch main; git config --global protocol.file.allow always
        git init -q one; cd one; seq 1000 > numbers; mkdir d; echo x > d/x; ln -s numbers link; git add .
        git commit -qm first
        echo more >> numbers; git commit -qam second; git log --format='%h %s %an'; git status --short | wc -l
        git checkout -q -b side HEAD~1; echo side > side; git add side; git commit -qm side; git checkout -q main
        git merge -q --no-edit side; git log --oneline | wc -l; git diff --stat HEAD~1 | tail -n 1
        git fsck 2>&1 | wc -l
        cd ..; git clone -q one two; git clone -q "file://$PWD/one" three; git -C two log --oneline | wc -l
        diff -r one/d three/d && echo same
        git -C one gc -q; git -C one count-objects -v | grep -E '^(count|in-pack|packs)'
        git clone -q --bare one four.git; git -C two pull -q && echo pulled
        git -C one tag v1; git -C one archive v1 | tar tf - | sort | head -n 2; git -C one stash list
        git -C one rev-parse v1 | wc -c
        """,
        """
        e5a1d2e second a
        efcbe1e first a
        0
        4
         1 file changed, 1 insertion(+)
        0
        4
        same
        count: 0
        in-pack: 14
        packs: 1
        pulled
        d/
        d/x
        41
        """,
    )


def test_gcc_compiles_links_and_runs(place: Place) -> None:
    script(
        place,
        f"""
        cat > hello.c <<'END'{HELLO}END
        gcc -O1 -pthread -o hello hello.c; ./hello a b || echo $?
        gcc -O1 -pthread -static -o still hello.c; ./still || echo $?
        printf 'int f(void) {{ return 42; }}' > f.c; gcc -shared -fPIC -o libf.so f.c
        printf 'int f(void); int main(void) {{ return f(); }}' > m.c
        gcc -o m m.c -L. -lf -Wl,-rpath,'$ORIGIN'; ./m || echo $?; gcc -c f.c; ar rcs libg.a f.o
        gcc -o n m.c libg.a; ./n || echo $?
        echo 'int main(void) {{ return x; }}' | gcc -x c - 2>&1 | grep -c "'x' undeclared" || true
        """,
        "hello 3 b\nthread\nexecuted\nNo such file or directory\n3\nhello 1 ./still\nthread\nexecuted\n"
        "No such file or directory\n3\n42\n42\n0\n",
        seconds=120,
    )


@pytest.fixture(scope="session")
def musl_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program linked statically with musl."""
    if not shutil.which("musl-gcc"):
        pytest.skip("musl-gcc is not installed (package musl-tools)")
    folder = tmp_path_factory.mktemp("musl")
    (folder / "hello.c").write_text(HELLO)
    program = folder / "hello"
    subprocess.run(["musl-gcc", "-static", "-O1", "-o", str(program), str(folder / "hello.c")], check=True)
    return program


def test_a_static_musl_program(place: Place, musl_program: Path) -> None:
    if place.name.startswith("run"):
        result = place.run("/program/hello", "x", volumes=[f"{musl_program.parent}:/program:ro"])
        assert result.out == "hello 2 x\nthread\nexecuted\nNo such file or directory\n", result
        assert result.code == 3, result
    else:
        expect(
            place,
            str(musl_program),
            "x",
            out="hello 2 x\nthread\nexecuted\nNo such file or directory\n",
            code=3,
        )
