# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""coreutils, grep, sed, awk, find, tar, gzip, xz."""

from __future__ import annotations

from tests.programs.expectations import script
from tests.programs.places import Place


def test_files_are_made_listed_copied_moved_and_removed(place: Place) -> None:
    script(
        place,
        """
        mkdir -p a/b; echo one > a/1; cp -r a c; mv c/1 c/2; ln c/2 c/3; ln -s 2 c/4; touch -d @1000000000 c/2
        ls -R c; stat -c '%n %F %h %s %Y %a' c/2; cat c/4; rm -r a; ls; rmdir c/b; chmod 600 c/2; stat -c %A c/2
        readlink c/4; realpath --relative-to=. c/4; install -m 750 c/2 d; stat -c %a d; cmp c/2 d && echo same
        """,
        """
        c:
        2
        3
        4
        b

        c/b:
        c/2 regular file 2 4 1000000000 644
        one
        c
        -rw-------
        2
        c/2
        750
        same
        """,
    )


def test_text_tools(place: Place) -> None:
    script(
        place,
        """
        printf 'b 2\\na 1\\nc 3\\na 1\\n' > t
        sort -u t | head -n 2; sort t | uniq -c | sort -rn | head -n 1 | tr -s ' '; cut -d' ' -f2 t | paste -sd+
        wc t | tr -s ' '; tac t | tail -n 1; nl -ba t | tail -n 1 | tr -s ' \\t' ' '
        sort t | comm -12 - t 2>/dev/null | wc -l
        """,
        "a 1\nb 2\n 2 a 1\n2+1+3+1\n 4 8 16 t\nb 2\n 4 a 1\n2\n",
    )


def test_checksums_of_known_texts(place: Place) -> None:
    script(
        place,
        "printf abc | sha256sum; printf abc | md5sum; printf abc | cksum; seq 100000 | sha1sum",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n"
        "900150983cd24fb0d6963f7d28e17f72  -\n"
        "1219131554 3\n"
        "9dc4a47b7b3c9a36667a2ce402baf429afb9c17f  -\n",
    )


def test_dd_truncate_and_sparse_files(place: Place) -> None:
    script(
        place,
        """
        dd if=/dev/zero of=z bs=1M count=8 status=none; stat -c %s z; truncate -s 100M big; stat -c %s big
        dd if=/dev/urandom of=r bs=64K count=16 status=none; cp r s; cmp r s && echo same
        dd if=r of=part bs=1 skip=1000 count=10 status=none; wc -c < part; split -b 300K r piece; ls piece* | wc -l
        cat piece* | cmp - r && echo whole; head -c 5 /dev/zero | od -An -tx1; tail -c 3 z | od -An -tx1
        """,
        "8388608\n104857600\nsame\n10\n4\nwhole\n 00 00 00 00 00\n 00 00 00\n",
    )


def test_ids_environment_and_time(place: Place) -> None:
    script(
        place,
        """
        id -u; id -un; env -i A=1 env; TZ=UTC date -d @0 '+%F %T'; nproc | grep -c '^[1-9]'; uname -s -m
        timeout 0.1 sleep 100 || echo $?; expr 6 \\* 7; basename /a/b.c .c; dirname /a/b.c; seq -s, 1 2 9
        printf '%05.1f\\n' 3.14159
        test -e /etc/passwd && echo there; yes | head -n 2; nice -n 5 nice; pwd | grep -c '^/'
        """,
        "0\nroot\nA=1\n1970-01-01 00:00:00\n1\nLinux x86_64\n124\n42\nb\n/a\n1,3,5,7,9\n003.1\nthere\ny\ny\n5\n1\n",
    )


def test_grep(place: Place) -> None:
    script(
        place,
        """
        mkdir d; printf 'alpha\\nBeta\\ngamma 123\\n' > d/one; printf 'delta\\n' > d/two
        grep -rn a d | sort; grep -ic BETA d/one; grep -oE '[0-9]+' d/one; grep -q zeta d/one || echo none
        grep -L alpha d/*; grep -Pv '^[a-z]+$' d/one
        """,
        "d/one:1:alpha\nd/one:2:Beta\nd/one:3:gamma 123\nd/two:1:delta\n1\n123\nnone\nd/two\nBeta\ngamma 123\n",
    )


def test_sed(place: Place) -> None:
    script(
        place,
        """
        seq 5 > n; sed -n '2,4p' n | tr '\\n' ' '; sed 's/\\([0-9]\\)/<\\1>/;3d' n | tr '\\n' ' '; echo
        sed -i.old 's/5/five/' n; tail -n 1 n n.old; sed -E '$!N;s/(.*)\\n(.*)/\\2 \\1/' n
        """,
        "2 3 4 <1> <2> <4> <5> \n==> n <==\nfive\n\n==> n.old <==\n5\n2 1\n4 3\nfive\n",
    )


def test_awk(place: Place) -> None:
    script(
        place,
        """
        printf 'x 1\\ny 2\\nx 3\\n' | awk '{s[$1] += $2} END {for (k in s) print k, s[k]}' | sort
        awk 'BEGIN {while (("echo from a command" | getline line) > 0) print line}'
        awk 'BEGIN {printf "%.3f\\n", exp(1); system("echo shell")}'
        awk -F: '$1 == "root" {print $3}' /etc/passwd
        awk 'BEGIN {print length("abc"), substr("hello", 2, 3), toupper("x")}'
        """,
        "x 4\ny 2\nfrom a command\n2.718\nshell\n0\n3 ell X\n",
    )


def test_find_and_xargs(place: Place) -> None:
    script(
        place,
        """
        mkdir -p t/a/b t/c; touch t/1 t/a/2.txt t/a/b/3.txt; ln -s 1 t/l; truncate -s 5K t/big
        touch -d '2001-01-01' t/1
        find t -name '*.txt' | sort; find t -type d | wc -l; find t -size +4k; find t -newermt 2020-01-01 -name 1
        find t -type l -printf '%f %l\\n'
        find t -name '*.txt' -print0 | xargs -0 -n 1 basename | sort
        find t -name '*.txt' -exec sh -c 'echo "$#"' x {} +
        find t -depth -delete; ls; seq 20 | xargs -P 4 -n 5 echo | wc -l; find /proc/self/ -maxdepth 1 -name status
        """,
        "t/a/2.txt\nt/a/b/3.txt\n4\nt/big\nl 1\n2.txt\n3.txt\n2\n4\n/proc/self/status\n",
    )


def test_tar_gzip_and_xz_give_back_what_they_took(place: Place) -> None:
    script(
        place,
        """
        mkdir -p t/deep; seq 20000 > t/numbers; echo x > t/deep/file; ln -s ../numbers t/deep/link
        ln t/numbers t/hard; chmod 640 t/deep/file
        find t -type f -exec touch -d @1500000000 {} +
        for z in '' z J
        do tar c${z}f x.tar t; mkdir out; tar x${z}f x.tar -C out; diff -r t out/t && echo "same$z"
        stat -c '%a %Y' out/t/deep/file; rm -r out; done
        cp t/numbers n; gzip -k n; gunzip -c n.gz | cmp - n && echo gzip; xz -k n; xz -dc n.xz | tail -n 1
        zcat n.gz | wc -l
        """,
        "same\n640 1500000000\nsamez\n640 1500000000\nsameJ\n640 1500000000\ngzip\n20000\n20000\n",
    )


def test_archiving_a_folder_of_the_system(place: Place) -> None:
    script(
        place,
        """
        tar cf all.tar -C / etc; tar tf all.tar | grep -c '^etc/passwd$'
        mkdir x; tar xf all.tar -C x; cmp x/etc/passwd /etc/passwd && echo same
        """,
        "1\nsame\n",
    )


def test_ls_and_df_read_the_whole_tree(place: Place) -> None:
    script(
        place,
        """
        ls -laR /usr/bin > listing; test $(wc -l < listing) -gt 100 && echo many; df -P . | tail -n 1 | wc -w
        du -s . | cut -f2
        ls -l /proc/self/fd | grep -c '^l'; stat -f -c %T / | wc -w
        """,
        "many\n6\n.\n4\n1\n",
    )
