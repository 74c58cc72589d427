# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""dash, busybox and bash."""

from __future__ import annotations

import pytest

from tests.programs.expectations import expect, script
from tests.programs.places import Place

BASH = ("/bin/bash", "-c")


def test_dash_arithmetic_loops_and_functions(place: Place) -> None:
    script(
        place,
        """
        sum() { total=0; for i in "$@"; do total=$((total + i)); done; echo "$total"; }
        sum 1 2 3 4
        i=0; while [ $i -lt 3 ]; do echo "line $i"; i=$((i + 1)); done
        case "file.tar.gz" in *.gz) echo compressed;; *) echo plain;; esac
        set -- a "b c" d; echo $#; shift; echo "$1"
        """,
        "10\nline 0\nline 1\nline 2\ncompressed\n3\nb c\n",
    )


def test_dash_pipelines_redirections_and_here_documents(place: Place) -> None:
    script(
        place,
        """
        printf 'b\\na\\nc\\n' | sort | tr 'a-c' 'A-C' > out
        cat out
        { echo one; echo two >&2; } 2> errors | cat
        cat errors
        cat <<END
        $(echo substituted) text
        END
        echo x >> out; wc -l < out
        exec 3> third; echo three >&3; exec 3>&-; cat third
        """,
        "A\nB\nC\none\ntwo\nsubstituted text\n4\nthree\n",
    )


def test_dash_traps_background_jobs_and_wait(place: Place) -> None:
    script(
        place,
        """
        trap 'echo cleaned' EXIT
        trap 'echo got usr1' USR1
        (sleep 0.05; kill -USR1 $$) &
        wait $! || true
        (exit 7) & wait $! || echo "status $?"
        sh -c 'kill -TERM $$' || echo "status $?"
        """,
        "got usr1\nstatus 7\nstatus 143\ncleaned\n",
        err="Terminated\n",
    )


def test_dash_stops_at_the_first_failure_with_set_e(place: Place) -> None:
    script(place, "echo before\nfalse\necho after\n", "before\n", code=1)


def test_dash_says_what_it_cannot_find(place: Place) -> None:
    script(place, "no-such-program", "", err="/bin/sh: 2: no-such-program: not found\n", code=127)
    script(place, ": > plain; ./plain", "", err="/bin/sh: 2: ./plain: Permission denied\n", code=126)


@pytest.mark.parametrize("applet", ["sh", "ash"])
def test_busybox_shell(place: Place, applet: str) -> None:
    script(
        place,
        """
        for i in 1 2 3; do echo $i; done | while read n; do echo $((n * n)); done
        echo "a b c" | cut -d' ' -f2
        x=$(echo hello | tr a-z A-Z); echo "${x%LO}"
        """,
        "1\n4\n9\nb\nHEL\n",
        shell=("/bin/busybox", applet, "-ec"),
    )


def test_busybox_applets(place: Place) -> None:
    script(
        place,
        """
        b=/bin/busybox
        $b mkdir -p d/e; $b echo text > d/e/f; $b find d -type f; $b cat d/e/f | $b md5sum | $b cut -c1-8
        $b seq 1 5 | $b awk '{s+=$1} END {print s}'; $b tar cf x.tar d; $b rm -r d; $b tar xf x.tar; $b cat d/e/f
        $b gzip -c d/e/f | $b gunzip; $b sed 's/t/T/' d/e/f; $b stat -c '%a %s' d/e/f; $b ls d; $b wc -c < d/e/f
        """,
        "d/e/f\ne1cbb0c3\n15\ntext\ntext\nText\n644 5\ne\n5\n",
    )


def test_bash_pipelines_and_their_statuses(place: Place) -> None:
    script(
        place,
        """
        printf '%s\\n' 3 1 2 | sort -n | paste -sd, ; echo "${PIPESTATUS[@]}"
        true | false | true; echo "${PIPESTATUS[*]} $?"
        set -o pipefail; false | true; echo $?
        for i in {1..200}; do echo $i; done | tail -n 1
        """,
        "1,2,3\n0 0 0\n0 1 0 0\n1\n200\n",
        shell=BASH,
    )


def test_bash_substitutions(place: Place) -> None:
    script(
        place,
        """
        echo "$(echo outer $(echo inner))" `echo back`
        diff <(printf 'a\\nb\\n') <(printf 'a\\nc\\n') | head -n 1
        echo written | tee >(cat > copy) > /dev/null; wait; while [ ! -s copy ]; do :; done; cat copy
        read -r first rest <<< "one two three"; echo "$rest"
        x=abcdef; echo ${x:2:3} ${x/cd/CD} ${#x} ${x^^}
        """,
        "outer inner back\n2c2\nwritten\ntwo three\ncde abCDef 6 ABCDEF\n",
        shell=BASH,
    )


def test_bash_arrays_and_regular_expressions(place: Place) -> None:
    script(
        place,
        """
        declare -A map=([one]=1 [two]=2); list=(a b c); list+=(d)
        echo "${map[two]} ${#list[@]} ${list[-1]} ${list[@]:1:2}"
        [[ key=value =~ ^([a-z]+)=(.*)$ ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
        mapfile -t lines < <(seq 3); echo "${lines[*]}"
        """,
        "2 4 d b c\nkey value\n1 2 3\n",
        shell=BASH,
    )


def test_bash_traps_and_set_e(place: Place) -> None:
    script(
        place,
        """
        trap 'echo "error in line"; exit 9' ERR
        trap 'echo leaving' EXIT
        set -eE
        f() { false; }
        f
        echo not reached
        """,
        "error in line\nleaving\n",
        code=9,
        shell=BASH,
    )


def test_bash_background_jobs(place: Place) -> None:
    script(
        place,
        """
        for i in 1 2 3; do (exit $i) & pids+=($!); done
        for p in "${pids[@]}"; do wait $p; echo $?; done
        sleep 100 & kill $!; wait $! 2>/dev/null; echo $?
        coproc cat; echo through >&${COPROC[1]}; read -r line <&${COPROC[0]}; echo "$line"
        (trap '' TERM; kill -TERM $BASHPID; echo ignored)
        wait -n 2>/dev/null & echo done
        """,
        "1\n2\n3\n143\nthrough\nignored\ndone\n",
        shell=BASH,
    )


def test_bash_here_documents_and_descriptors(place: Place) -> None:
    script(
        place,
        """
        cat <<'A' - <<B | tail -n 2
        not read
        A
        $((6 * 7))
        end
        B
        exec {fd}> file; echo to file >&$fd; exec {fd}>&-; cat file
        { echo out; echo err >&2; } 3>&1 1>&2 2>&3 2>/dev/null | cat
        exec 5<> both; echo line >&5; cat both
        """,
        "42\nend\nto file\nline\n",
        err="out\n",
        shell=BASH,
    )


def test_bash_ten_thousand_lines_through_five_processes(place: Place) -> None:
    script(
        place,
        "seq 10000 | cat | sed 's/$/ x/' | awk '{s += $1} END {print s, NR}' | cat",
        "50005000 10000\n",
        shell=BASH,
    )


def test_bash_sees_its_own_processes(place: Place) -> None:
    script(
        place,
        '[ "$(cat /proc/$$/comm)" = bash ] && echo comm; [ "$(readlink /proc/$$/cwd)" = "$PWD" ] && echo cwd; '
        "kill -0 $$ && echo alive; (echo $((BASHPID == $$)))",
        "comm\ncwd\nalive\n0\n",
        shell=BASH,
    )


def test_a_script_with_its_own_interpreter_line(place: Place) -> None:
    script(
        place,
        """
        printf '#!/bin/bash -e\\necho "$0 $BASH_VERSINFO $1" | cut -d" " -f1,3\\n' > run; chmod +x run; ./run argument
        printf '#!/usr/bin/env -S awk -f\\nBEGIN {print 1 + 1}\\n' > awk; chmod +x awk; ./awk
        """,
        "./run argument\n2\n",
    )


def test_an_unknown_program_as_the_first_one_is_named(sandboxed: Place) -> None:
    result = sandboxed.run("/no/such/program")
    assert result.code not in (0, None), result
    assert "/no/such/program" in result.err, result
    assert len(result.err.splitlines()) == 1, result


def test_echo(place: Place) -> None:
    expect(place, "/bin/echo", "hello", "world", out="hello world\n")
