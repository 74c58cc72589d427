# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""CPython: its standard library, processes, threads, asyncio, sqlite, virtual environments."""

from __future__ import annotations

import textwrap

import pytest

from tests.programs.expectations import expect, script
from tests.programs.places import Place

PYTHON = "/usr/bin/python3"


def python(place: Place, program: str, out: str, *, code: int = 0, seconds: float = 60) -> None:
    """Run a program text; it begins in a fresh folder."""
    head = "import os, sys, tempfile\nos.chdir(tempfile.mkdtemp())\n"
    expect(place, PYTHON, "-u", "-c", head + textwrap.dedent(program), out=out, code=code, seconds=seconds)


def test_the_standard_library_imports(place: Place) -> None:
    python(
        place,
        """
        import importlib
        skipped = {"antigravity", "this", "idlelib", "tkinter", "turtle", "turtledemo", "lib2to3", "distutils"}
        windows = {"msilib", "msvcrt", "winreg", "winsound", "nt", "ntpath", "_winapi", "_overlapped", "_scproxy"}
        count, failed = 0, []
        import warnings
        warnings.simplefilter("ignore")
        for name in sorted(sys.stdlib_module_names - skipped - windows):
            if name.startswith("_"):
                continue
            try:
                importlib.import_module(name)
                count += 1
            except ImportError as error:
                if "curses" not in name and "dbm" not in name and "readline" not in name:
                    failed.append(f"{name}: {error}")
        print(count > 150, failed)
        """,
        "True []\n",
    )


def test_subprocess(place: Place) -> None:
    python(
        place,
        """
        import subprocess, signal
        print(subprocess.run(["echo", "x"], capture_output=True, text=True).stdout.strip())
        print(subprocess.run(["cat"], input=b"in" * 100000, capture_output=True).stdout == b"in" * 100000)
        print(subprocess.run("exit 3", shell=True).returncode, subprocess.call(["false"]))
        child = subprocess.Popen(["sleep", "100"]); child.terminate(); print(child.wait() == -signal.SIGTERM)
        try: subprocess.run(["sleep", "100"], timeout=0.1)
        except subprocess.TimeoutExpired: print("timeout")
        try: subprocess.run(["/no/such"])
        except FileNotFoundError as error: print(error.errno, error.filename)
        try: subprocess.run(["/tmp"])
        except PermissionError as error: print(error.errno)
        pipeline = subprocess.Popen(["seq", "1000"], stdout=subprocess.PIPE)
        print(subprocess.run(["wc", "-l"], stdin=pipeline.stdout, capture_output=True, text=True).stdout.strip())
        print(subprocess.run(["pwd"], cwd="/usr", env={"PATH": "/bin"}, capture_output=True, text=True).stdout.strip())
        print(subprocess.run(["sh", "-c", "ps() { :; }; echo $$ > /dev/null; kill -9 $$"]).returncode)
        r, w = os.pipe(); out = subprocess.run(["sh", "-c", f"echo through >&{w}"], pass_fds=[w])
        print(os.read(r, 100))
        other = subprocess.run(["id", "-u"], user=1234, capture_output=True, text=True, start_new_session=True)
        print(other.stdout.strip())
        """,
        "x\nTrue\n3 1\nTrue\ntimeout\n2 /no/such\n13\n1000\n/usr\n-9\nb'through\\n'\n1234\n",
    )


def test_threading(place: Place) -> None:
    python(
        place,
        """
        import threading, queue, concurrent.futures, time
        total, lock = 0, threading.Lock()
        def add():
            global total
            for _ in range(1000):
                with lock: total += 1
        threads = [threading.Thread(target=add) for _ in range(10)]
        [t.start() for t in threads]; [t.join() for t in threads]; print(total)
        jobs, done = queue.Queue(), queue.Queue()
        def work():
            while (item := jobs.get()) is not None: done.put(item * item)
        workers = [threading.Thread(target=work) for _ in range(4)]; [w.start() for w in workers]
        [jobs.put(i) for i in range(100)]; [jobs.put(None) for _ in workers]; [w.join() for w in workers]
        print(sum(done.get() for _ in range(100)))
        with concurrent.futures.ThreadPoolExecutor(8) as pool: print(sum(pool.map(lambda n: n * 2, range(100))))
        event, barrier = threading.Event(), threading.Barrier(3)
        others = [threading.Thread(target=lambda: (barrier.wait(), event.wait())) for _ in range(2)]
        [o.start() for o in others]; barrier.wait(); event.set(); [o.join() for o in others]
        print(event.wait(0.01), threading.active_count(), threading.Event().wait(0.01))
        timer = threading.Timer(0.01, print, ["timer"]); timer.start(); timer.join()
        """,
        "10000\n328350\n9900\nTrue 1 False\ntimer\n",
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(place: Place, method: str) -> None:
    script(
        place,
        f"""
        cat > m.py <<'END'
        import multiprocessing as mp, os
        def square(n): return n * n
        def work(inbox, outbox, shared, array, lock):
            while (item := inbox.get()) is not None:
                with lock: shared.value += item
                outbox.put(item + 1)
            array[0] = 1.5
        if __name__ == "__main__":
            mp.set_start_method("{method}")
            with mp.Pool(2) as pool: print(pool.map(square, range(10)))
            inbox, outbox, shared, array, lock = mp.Queue(), mp.Queue(), mp.Value("i", 0), mp.Array("d", 3), mp.Lock()
            child = mp.Process(target=work, args=(inbox, outbox, shared, array, lock)); child.start()
            for i in range(5): inbox.put(i)
            inbox.put(None); print(sorted(outbox.get() for _ in range(5))); child.join()
            print(child.exitcode, shared.value, array[0], child.pid != os.getpid())
            one, two = mp.Pipe(); one.send({{"a": [1, 2]}}); print(two.recv())
        END
        python3 m.py
        """,
        "[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]\n[1, 2, 3, 4, 5]\n0 10 1.5 True\n{'a': [1, 2]}\n",
        seconds=60,
    )


def test_multiprocessing_shared_memory(place: Place) -> None:
    python(
        place,
        """
        from multiprocessing import shared_memory, get_context
        memory = shared_memory.SharedMemory(create=True, size=100000)
        def change(name):
            other = shared_memory.SharedMemory(name=name); other.buf[99999] = 42; other.close()
        child = get_context("fork").Process(target=change, args=(memory.name,)); child.start(); child.join()
        print(child.exitcode, memory.buf[99999]); memory.close(); memory.unlink()
        """,
        "0 42\n",
    )


def test_asyncio(place: Place) -> None:
    python(
        place,
        """
        import asyncio, signal, socket
        async def main():
            child = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
            out, _ = await child.communicate(b"y" * 200000); print(len(out), child.returncode)
            children = [await asyncio.create_subprocess_shell(f"exit {i}") for i in range(5)]
            print([await c.wait() for c in children])
            server = await asyncio.start_unix_server(echo, "socket")
            reader, writer = await asyncio.open_unix_connection("socket")
            writer.write(b"line\\n"); print(await reader.readline()); writer.close(); server.close()
            r, w = os.pipe(); stream = asyncio.StreamReader()
            protocol = asyncio.StreamReaderProtocol(stream)
            await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(r, "rb"))
            os.write(w, b"piped\\n"); print(await stream.readline()); os.close(w)
            got = asyncio.Event(); asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, got.set)
            os.kill(os.getpid(), signal.SIGUSR1); await asyncio.wait_for(got.wait(), 5)
            print(await asyncio.gather(*(asyncio.sleep(0.01 * (3 - i), i) for i in range(3))))
            print(await asyncio.to_thread(lambda: "thread"))
            try: await asyncio.wait_for(asyncio.sleep(100), 0.05)
            except TimeoutError: print("timeout")
        async def echo(reader, writer):
            writer.write((await reader.readline()).upper()); await writer.drain(); writer.close()
        asyncio.run(main())
        """,
        "200000 0\n[0, 1, 2, 3, 4]\nb'LINE\\n'\nb'piped\\n'\n[0, 1, 2]\nthread\ntimeout\n",
    )


@pytest.mark.parametrize("journal", ["delete", "truncate", "wal", "memory"])
def test_sqlite(place: Place, journal: str) -> None:
    python(
        place,
        f"""
        import sqlite3, subprocess
        db = sqlite3.connect("data.db"); print(db.execute("pragma journal_mode={journal}").fetchone()[0])
        db.execute("create table t (id integer primary key, name text)")
        with db: db.executemany("insert into t (name) values (?)", ((f"name {{i}}",) for i in range(5000)))
        print(db.execute("select count(*), max(id) from t").fetchone())
        try:
            with db: db.execute("insert into t (id) values (1)")
        except sqlite3.IntegrityError as error: print(error)
        program = "import sqlite3; c = sqlite3.connect('data.db', timeout=0.05); "
        subprocess.run([sys.executable, "-c", program + "print(c.execute('select count(*) from t').fetchone())"])
        db.isolation_level = None; db.execute("begin exclusive")
        locked = program + "c.execute('insert into t (name) values (1)')"
        print(subprocess.run([sys.executable, "-c", locked], capture_output=True, text=True).stderr.split()[-4:])
        db.execute("rollback"); db.execute("vacuum"); print(db.execute("pragma integrity_check").fetchone()[0])
        db.close()
        """,
        f"{journal}\n(5000, 5000)\nUNIQUE constraint failed: t.id\n(5000,)\n"
        "['sqlite3.OperationalError:', 'database', 'is', 'locked']\nok\n",
    )


def test_files_and_temporary_files(place: Place) -> None:
    python(
        place,
        """
        import mmap, shutil, pathlib, glob, fcntl, stat
        with tempfile.TemporaryFile() as f: f.write(b"x" * 10); f.seek(5); print(len(f.read()))
        with tempfile.NamedTemporaryFile(suffix=".t") as f: print(os.path.exists(f.name), oct(os.stat(f.name).st_mode))
        with tempfile.TemporaryDirectory() as d: pathlib.Path(d, "a", "b").mkdir(parents=True); print(os.listdir(d))
        print(os.path.exists(d)); pathlib.Path("tree/x").mkdir(parents=True)
        pathlib.Path("tree/x/f.txt").write_text("text")
        shutil.copytree("tree", "copy"); print(glob.glob("copy/**/*.txt", recursive=True)); shutil.rmtree("tree")
        print(shutil.make_archive("arch", "zip", "copy")[-8:], shutil.disk_usage(".").total > 0)
        with open("m", "w+b") as f:
            f.truncate(10000); m = mmap.mmap(f.fileno(), 10000); m[5000:5003] = b"abc"; m.flush(); f.seek(5000)
            print(f.read(3)); m.close()
        with open("m") as f: fcntl.flock(f, fcntl.LOCK_EX); print("locked")
        print(sorted(e.name for e in os.scandir(".")), os.stat("m").st_size, os.access("/etc/passwd", os.R_OK))
        os.replace("m", "n"); os.link("n", "o"); print(os.stat("o").st_nlink, os.path.samefile("n", "o"))
        os.utime("n", ns=(1, 2)); print(os.stat("n").st_mtime_ns); os.setxattr("n", "user.a", b"v")
        print(os.getxattr("n", "user.a"))
        out = os.open("p", os.O_CREAT | os.O_RDWR)
        print(os.sendfile(out, os.open("n", os.O_RDONLY), 0, 100), os.path.getsize("p"))
        """,
        "5\nTrue 0o100600\n['a']\nFalse\n['copy/x/f.txt']\narch.zip True\nb'abc'\nlocked\n"
        "['arch.zip', 'copy', 'm'] 10000 True\n"
        "2 True\n2\nb'v'\n100 100\n",
    )


def test_signals_and_timers(place: Place) -> None:
    python(
        place,
        """
        import signal, time, select, faulthandler
        signal.signal(signal.SIGALRM, lambda n, f: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.02)
        time.sleep(0.1)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}); os.kill(os.getpid(), signal.SIGUSR1)
        print(signal.sigpending(), signal.sigwait({signal.SIGUSR1}).name)
        pid = os.fork()
        if pid == 0: signal.pause()
        os.kill(pid, signal.SIGKILL); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        r, w = os.pipe(); poller = select.epoll(); poller.register(r, select.EPOLLIN); os.write(w, b"x")
        print(poller.poll(1)[0][1])
        try: sys.exit(os.system("kill -15 $$") & 127)
        except SystemExit as e: print(e.code)
        pid = os.fork()
        if pid == 0: os.abort()
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """,
        "alarm\n{<Signals.SIGUSR1: 10>} SIGUSR1\n-9\n1\n15\n-6\n",
    )


def test_exceptions_end_with_a_traceback_and_exit_code_one(place: Place) -> None:
    result = place.run(PYTHON, "-c", "raise ValueError('broken')")
    assert result.code == 1, result
    assert result.err.endswith("ValueError: broken\n"), result


def test_a_virtual_environment_and_a_local_wheel(place: Place) -> None:
    script(
        place,
        """
        python3 -m venv env 2>&1; . env/bin/activate; mkdir -p src/greeting wheels
        echo 'def main(): print("hello from the wheel")' > src/greeting/__init__.py
        cat > wheel.py <<'END'
        import base64, hashlib, zipfile
        files = {"greeting/__init__.py": open("src/greeting/__init__.py", "rb").read(),
            "greeting-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n",
            "greeting-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
            "greeting-1.0.dist-info/entry_points.txt": b"[console_scripts]\\ngreet = greeting:main\\n"}
        record = ""
        for name, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(data)}\\n"
        files["greeting-1.0.dist-info/RECORD"] = (record + "greeting-1.0.dist-info/RECORD,,\\n").encode()
        with zipfile.ZipFile("wheels/greeting-1.0-py3-none-any.whl", "w") as archive:
            for name, data in files.items(): archive.writestr(name, data)
        END
        python wheel.py; pip --disable-pip-version-check -q install --no-index --find-links wheels greeting 2>&1
        greet; python -c 'import greeting, sys; print(sys.prefix != sys.base_prefix)'
        pip list 2>/dev/null | grep -c greeting
        pip -q uninstall -y greeting 2>&1; python -c 'import greeting' 2>/dev/null || echo gone
        """,
        "hello from the wheel\nTrue\n1\ngone\n",
        seconds=120,
    )


def test_a_module_is_compiled_to_the_cache_once(place: Place) -> None:
    script(
        place,
        """
        echo 'print("imported")' > mod.py; python3 -c 'import mod'; ls __pycache__ | grep -c 'mod.cpython.*pyc'
        python3 -m compileall -q -f . ; python3 -c 'import mod'; python3 -m zipfile -c z.zip mod.py
        PYTHONPATH=z.zip python3 -P -c 'import mod'
        echo 'print(1 + 1)' | python3; echo '{}' | python3 -m json.tool
        """,
        "imported\n1\nimported\nimported\n2\n{}\n",
    )
