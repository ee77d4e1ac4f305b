#!/usr/bin/env python3
"""The long forms of the tests, cycle after cycle until the time is over; `./evergate.sh soak` builds first.

    soak.py [--hours H] [--only PART,PART] [--seed N] [--first-cycle-only]

Each cycle runs the simulation with seeds never run before, the kill test with more kills, the failure rows, the
restarts of bots in full count, reshardings between many counts, the corruption campaign with a fresh seed, and the fuzz targets on their grown
corpus, while one daemon lives through it all under load and its memory and descriptors are watched
(tools/soak_watch.py). A part whose program is not there is named as not run. Everything goes to var/soak: a log per part and cycle, results.jsonl, summary.txt.
Prints a line a part, a summary a cycle and one for all; status 1 when anything failed or nothing ran.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from soak_watch import Watched

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / "var/soak"
RELEASE = ROOT / "build/release/bin"
PART_SECONDS_MAX = 3 * 3600


class Part:
    """One kind of test. `lines(cycle, options)` gives its command lines, each with what it adds to the environment;
    `needs` are the files without which it cannot run; `sum_up` makes one line of all figures of a cycle."""

    def __init__(self, name, needs, lines, sum_up=None):
        self.name = name
        self.needs = needs
        self.lines = lines
        self.sum_up = sum_up

    def missing(self):
        return [str(path.relative_to(ROOT)) for path in self.needs() if not path.exists()]


def e2e(pattern):
    return sorted((ROOT / "tests/e2e").glob(pattern)) or [ROOT / "tests/e2e" / pattern]


def simulation(cycle, options):
    first = options.seed + cycle * options.seeds
    line = [RELEASE / "evergate-simulate", "--seeds", f"{first}-{first + options.seeds - 1}"]
    return [(line, {}), ([*line, "--reshard"], {})]


def kills(cycle, options):
    return [(["node", "--test", *e2e("kill_daemon.test.mjs")], {"EVERGATE_KILLS": str(options.kills)})]


def failures(cycle, options):
    return [(["node", "--test", file], {}) for file in e2e("failures*.test.mjs") for _ in range(options.repeats)]


def corruption(cycle, options):
    return [([RELEASE / "journal_flip", "--places", str(options.places), "--seed", str(options.seed + cycle)], {})]


def fuzz(cycle, options):
    return [([sys.executable, ROOT / "tools/fuzz.py", str(options.fuzz_seconds)], {})]


def restarts(cycle, options):
    counts = {"EVERGATE_RESTARTS": str(options.restarts), "EVERGATE_TAKEOVERS": str(max(1, options.restarts * 2 // 5))}
    return [(["node", "--test", *e2e("restarts.test.mjs")], counts)]


def absence(cycle, options):
    counts = {"EVERGATE_QUEUED": str(options.queued), "EVERGATE_STALLED": str(options.stalled),
              "EVERGATE_BACKLOG": str(options.backlog)}
    return [(["node", "--test", *e2e("absence.test.mjs")], counts)]


def cursors(cycle, options):
    counts = {"EVERGATE_CURSORS": str(options.cursors), "EVERGATE_SEED": str(options.seed + cycle)}
    return [(["node", "--test", *e2e("state_equality.test.mjs")], counts)]


def reshardings(cycle, options):
    """Every count of shards in turn, many seeds each, receipts to the event, then there and back; and SIGKILLs in every phase."""
    seed = {"EVERGATE_SEED": str(options.seed + cycle)}
    first = str(options.seed + cycle * options.reshard_seeds)
    seeds = [(["node", "--test", *e2e("reshard_seeds.test.mjs")],
              {"EVERGATE_SEED": first, "EVERGATE_RESHARD_SEEDS": str(options.reshard_seeds), "EVERGATE_RESHARDINGS": pair})
             for pair in options.reshardings.split(",")]
    receipts = (["node", "--test", *e2e("reshard_receipt.test.mjs")],
                {"EVERGATE_SEED": first, "EVERGATE_RECEIPT_SEEDS": "4", "EVERGATE_RESHARDINGS": options.reshardings})
    there_and_back = (["node", "--test", "--test-name-pattern", "when asked", *e2e("reshard.test.mjs")],
                      {**seed, "EVERGATE_RESHARDINGS": options.reshardings})
    kills_in_phases = (["node", "--test", *e2e("reshard_kills.test.mjs")],
                       {**seed, "EVERGATE_RESHARD_KILLS": str(options.reshard_kills)})
    return [*seeds, receipts, there_and_back, kills_in_phases, (["node", "--test", *e2e("reshard_skew.test.mjs")], seed)]


def sum_up_reshardings(figures):
    """Of all counts of shards: `2 to 3: {"seeds":50,…}` each."""
    total = {}
    for found in filter(None, (re.match(r"\d+ to \d+: ({.*})$", figure) for figure in figures)):
        for key, value in json.loads(found[1]).items():
            total[key] = total.get(key, 0) + value
    return ", ".join(f"{value} {key}" for key, value in total.items()) or "no resharding came to its end"


PARTS = [
    Part("simulation", lambda: [RELEASE / "evergate-simulate"], simulation),
    Part("kills", lambda: [*e2e("kill_daemon.test.mjs"), RELEASE / "evergate"], kills),
    Part("failures", lambda: [*e2e("failures*.test.mjs"), RELEASE / "evergate"], failures),
    Part("restarts", lambda: [*e2e("restarts.test.mjs"), RELEASE / "evergate"], restarts),
    Part("absence", lambda: [*e2e("absence.test.mjs"), RELEASE / "evergate"], absence),
    Part("cursors", lambda: [*e2e("state_equality.test.mjs"), RELEASE / "evergate"], cursors),
    Part("reshardings", lambda: [*e2e("reshard*.test.mjs"), RELEASE / "evergate"], reshardings,
         sum_up_reshardings),
    Part("corruption", lambda: [RELEASE / "journal_flip"], corruption),
    Part("fuzz", lambda: [ROOT / "build/fuzz/bin"], fuzz),
]


class Soak:
    def __init__(self, options):
        self.options = options
        self.begun = time.monotonic()
        self.ends = self.begun + options.hours * 3600
        self.totals = {}  # part -> [runs, failures]
        self.not_run = {}
        self.child = None

    def say(self, line):
        print(line, flush=True)
        with (STATE / "summary.txt").open("a") as out:
            out.write(line + "\n")

    def record(self, **fields):
        with (STATE / "results.jsonl").open("a") as out:
            out.write(json.dumps({"at_s": round(time.monotonic() - self.begun), **fields}) + "\n")

    def run_line(self, name, cycle, number, line, more):
        log = STATE / f"{cycle:04}-{name}-{number}.log"
        begun = time.monotonic()
        with log.open("w") as out:
            self.child = subprocess.Popen([str(part) for part in line], cwd=ROOT, env={**os.environ, **more}, stdout=out,
                                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
            try:
                status = self.child.wait(PART_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                status = "timeout"
            finally:
                end_group(self.child)
        said = [text for text in log.read_text(errors="replace").splitlines() if text.strip()]
        return status, said, log, time.monotonic() - begun

    def run_part(self, part, cycle):
        missing = part.missing()
        if missing:
            self.not_run[part.name] = missing
            self.say(f"  {part.name:<11} NOT RUN: {', '.join(missing)} is not there")
            self.record(cycle=cycle, part=part.name, not_run=missing)
            return
        self.not_run.pop(part.name, None)
        all_figures = []
        for number, (line, more) in enumerate(part.lines(cycle, self.options)):
            status, said, log, seconds = self.run_line(part.name, cycle, number, line, more)
            word = last_word(said)
            total = self.totals.setdefault(part.name, [0, 0])
            total[0] += 1
            total[1] += status != 0
            self.say(f"  {part.name:<11} {'passed' if status == 0 else 'FAILED'} in {seconds:.0f} s: {word}")
            figures = figures_in(said)
            all_figures += figures
            for figure in figures:
                self.say(f"              {figure}")
            if status != 0:
                self.say(f"              status {status}, see {log.relative_to(ROOT)}; again: "
                         f"{' '.join([f'{key}={value}' for key, value in more.items()] + [str(word) for word in line])}")
            self.record(cycle=cycle, part=part.name, status=status, seconds=round(seconds), word=word,
                        figures=figures)
            if status == 0:
                log.unlink()
        if part.sum_up:
            self.say(f"  {part.name:<11} in all: {part.sum_up(all_figures)}")

    def time_is_over(self):
        return time.monotonic() >= self.ends

    def run(self, parts, watched):
        cycle = 0
        while cycle == 0 or not (self.time_is_over() or self.options.first_cycle_only):
            self.say(f"cycle {cycle}, {(time.monotonic() - self.begun) / 3600:.2f} h in")
            for part in parts:
                self.run_part(part, cycle)
            if watched:
                self.say(f"  {'watch':<11} {watched.line()}")
            cycle += 1
            self.say(f"  {self.summary(cycle)}")
        return self.verdict(cycle, watched)

    def summary(self, cycles):
        runs = ", ".join(f"{name} {runs} ({failed} failed)" for name, (runs, failed) in self.totals.items())
        skipped = f"; NOT RUN: {', '.join(self.not_run)}" if self.not_run else ""
        return f"soak: {cycles} cycles, {runs or 'no part ran'}{skipped}"

    def verdict(self, cycles, watched):
        failed = sum(failures for _, failures in self.totals.values())
        growth = watched.faults() if watched else []
        for fault in growth:
            self.say(f"  watch       FAILED: {fault}")
        failed += len(growth)
        hours = (time.monotonic() - self.begun) / 3600
        watch = watched.line() if watched else "not watched"
        self.say(f"{self.summary(cycles)}; {watch}; {hours:.2f} h; {failed} failures")
        return 1 if failed or not self.totals else 0


def last_word(said):
    """The line that sums a log up: node's counts, or what came last."""
    counts = {key: count for line in said for key, count in re.findall(r"^# (pass|fail|cancelled) (\d+)$", line)}
    if not counts:
        counts = {key: count for line in said for key, count in re.findall(r"^ℹ (pass|fail|cancelled) (\d+)$", line)}
    if counts:
        return ", ".join(f"{key} {count}" for key, count in counts.items())
    return said[-1][:200] if said else "nothing was said"


def figures_in(said):
    """What a test measured: its diagnostics that begin so."""
    return [found[1] for line in said if (found := re.match(r"^\s*[#ℹ] figure: (.*)$", line))]


def end_group(child):
    """Whatever a part left behind ends with it: it has a process group of its own."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def main():
    parser = argparse.ArgumentParser(description="The long forms of the tests, until the time is over.")
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--only", default="", help="parts, separated by commas: " + ", ".join(part.name for part in PARTS) + ", watch")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="where fresh seeds begin")
    parser.add_argument("--seeds", type=int, default=2_000, help="of the simulation, a cycle")
    parser.add_argument("--kills", type=int, default=100, help="of the daemon, a cycle")
    parser.add_argument("--repeats", type=int, default=3, help="of each file of failure rows, a cycle")
    parser.add_argument("--restarts", type=int, default=50, help="of a bot, of each kind, a cycle; takeovers are two fifths")
    parser.add_argument("--queued", type=int, default=1_000_000, help="events that wait for a bot, a cycle")
    parser.add_argument("--stalled", type=int, default=240_000, help="events (2,000 a second) while a bot does not read, a cycle")
    parser.add_argument("--backlog", type=int, default=100_000, help="events that an interaction overtakes, a cycle")
    parser.add_argument("--reshardings", default="2-3,16-32,32-16,7-40,8-8", help="counts of shards, a cycle")
    parser.add_argument("--reshard-seeds", type=int, default=50, help="of each of these, a cycle")
    parser.add_argument("--reshard-kills", type=int, default=20, help="of the daemon while its shards are changed, a cycle")
    parser.add_argument("--cursors", type=int, default=100, help="at which guilds are compared, a cycle")
    parser.add_argument("--places", type=int, default=100_000, help="of the corruption campaign, a cycle")
    parser.add_argument("--fuzz-seconds", type=int, default=300, help="for each target, a cycle")
    parser.add_argument("--rate", type=int, default=200, help="events a second at the daemon that is watched")
    parser.add_argument("--first-cycle-only", action="store_true", help="one cycle, however long")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    unknown = set(only) - {part.name for part in PARTS} - {"watch"}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    STATE.mkdir(parents=True, exist_ok=True)
    parts = [part for part in PARTS if not only or part.name in only]
    soak = Soak(options)
    soak.say(f"soak: {options.hours:g} h from {time.strftime('%Y-%m-%d %H:%M:%S')}, first seed {options.seed}")
    watched = None

    def leave(number, _frame):
        raise SystemExit(f"soak: ended by {signal.Signals(number).name}")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    try:
        if not only or "watch" in only:
            watched = Watched(RELEASE, STATE / "watched", options.rate)
            missing = watched.start()
            if missing:
                soak.say(f"  watch       NOT RUN: {missing}")
                watched, soak.not_run["watch"] = None, [missing]
        return soak.run(parts, watched)
    except SystemExit:
        soak.verdict(0, watched)
        raise
    finally:
        if soak.child:
            end_group(soak.child)
        if watched:
            watched.stop()


if __name__ == "__main__":
    sys.exit(main())
