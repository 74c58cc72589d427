# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks``: runs every row under every runtime that is there, and prints the table.

Owns the order of things: probe, then rounds, each over all groups and runtimes, then the report.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import tempfile

from benchmarks import memory, report, rows
from benchmarks.runtimes import Bundle, Native, OciRuntime, RunFailedError, Runtime, find_peers, flags_for

REPO = pathlib.Path(__file__).resolve().parent.parent
PEERS = ("runsc", "crun", "runc")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; see ``--help``."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Compare pysc with native execution and other OCI runtimes."
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds over everything (default 5)")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="an OCI runtime to compare with; its flags are those of the known runtime its name begins with",
    )
    parser.add_argument("--no-peers", action="store_true", help="leave out runtimes found on PATH")
    parser.add_argument("--pysc", default=str(REPO / ".venv/bin/pysc"), metavar="PATH", help="the pysc to measure")
    parser.add_argument(
        "--pysc-flag", action="append", default=[], metavar="FLAG", help="a further global flag of pysc"
    )
    parser.add_argument("--only", action="append", default=[], metavar="GROUP", help="these groups only")
    parser.add_argument("--json", metavar="FILE", help="also write all samples to FILE (- for standard output)")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options = parser.parse_args(arguments)
    for peer in options.peer:
        if "=" not in peer:
            parser.error(f"--peer {peer}: NAME=PATH is wanted")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    known = [group.name for group in rows.groups(pathlib.Path())]
    for name in options.only:
        if name not in known:
            parser.error(f"--only {name}: there are {', '.join(known)}")
    return options


def find_runtimes(options: argparse.Namespace, bundle: Bundle, scratch: pathlib.Path, tmpfs: str) -> list[Runtime]:
    """Native, pysc and the peers, each tried once with /bin/true; those that fail are named and left out."""
    given = dict(peer.split("=", 1) for peer in options.peer)
    candidates: list[Runtime] = [Native(bundle, tmpfs)]
    programs = {"pysc": options.pysc, **find_peers(given, [] if options.no_peers else PEERS)}
    for name, program in programs.items():
        state = scratch / f"state-{name}"
        state.mkdir()
        extra = options.pysc_flag if name == "pysc" else []
        candidates.append(OciRuntime(name, program, [*flags_for(name), *extra], bundle, state))
    usable: list[Runtime] = []
    for runtime in candidates:
        try:
            runtime.run(["/bin/true"])
        except RunFailedError as failure:
            print(f"left out: {failure}", file=sys.stderr)
        else:
            usable.append(runtime)
    return usable


def measure(runtimes: list[Runtime], groups: list[rows.Group], rounds: int) -> report.Samples:
    """All samples. In each round the runtimes take turns within each group; a group that fails is not tried again."""
    samples = report.Samples()
    for number in range(1, rounds + 1):
        for group in groups:
            print(f"round {number}/{rounds}: {group.name}", file=sys.stderr, flush=True)
            for _ in range(group.repeat):
                for runtime in runtimes:
                    if group.native_only and not isinstance(runtime, Native):
                        continue
                    if runtime.name in samples.failures.get(group.name, {}):
                        continue
                    try:
                        samples.add(runtime.name, group.measure(runtime), group.unit)
                    except RunFailedError as failure:
                        samples.fail(runtime.name, group.name, str(failure))
    return samples


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 0, or 1 if pysc itself could not be measured."""
    options = parse_arguments(arguments)
    memory.become_subreaper()
    with tempfile.TemporaryDirectory(prefix="pysc-bench-") as name, tempfile.TemporaryDirectory(dir="/dev/shm") as shm:
        scratch = pathlib.Path(name)
        scratch.chmod(0o755)
        guests = scratch / "guests"
        guests.mkdir()
        try:
            rows.build_guests(guests)
        except RunFailedError as failure:
            print(f"error: {failure}", file=sys.stderr)
            return 1
        bundle = Bundle(scratch, guests)
        groups = [
            group for group in rows.groups(bundle.work / "ready") if not options.only or group.name in options.only
        ]
        facts = report.machine()
        runtimes = find_runtimes(options, bundle, scratch, shm)
        samples = measure(runtimes, groups, options.rounds)
    names = [runtime.name for runtime in runtimes]
    facts["rounds"] = options.rounds
    if options.json:
        text = json.dumps(report.as_json(samples, names, facts), indent=1)
        if options.json == "-":
            print(text)
            return 0 if report.SUBJECT in names else 1
        pathlib.Path(options.json).write_text(text + "\n")
    print(report.as_table(samples, names, facts, options.markdown))
    return 0 if report.SUBJECT in names else 1


if __name__ == "__main__":
    sys.exit(main())
