"""A daemon that lives long under load, and what of it must not grow: used by soak.py.

It is the demonstration of `evergate.sh run` (simulated Discord, daemon, discord.js bot) in a process of its own.
A thread reads /proc every few seconds. Memory is what is the daemon's own (RssAnon): pages of the store's map come
and go as the system likes. Growth is judged over the samples behind the warm-up, and only when there are enough.
"""
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_EVERY_S = 5
WARM_UP_S = 15 * 60  # the queue, the ring of batches and the mirror's cache fill
JUDGED_FROM_S = 45 * 60  # behind the warm-up; a shorter time says nothing about a slope
GROWTH_MB_MAX = 24
GROWTH_SHARE_MAX = 0.15
FDS_GROWTH_MAX = 8
START_DEADLINE_S = 180


def own_memory_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise OSError("no RssAnon")


def slope_per_hour(samples):
    """Least squares over (seconds, value)."""
    if len(samples) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*samples)).slope * 3600


def growth_faults(memory, descriptors, warm_up_s=WARM_UP_S, judged_from_s=JUDGED_FROM_S):
    """What grew: the last third of the samples behind the warm-up against the first. Pure, for its test."""
    faults = []
    for name, samples, allowed in (
            ("memory in MB", memory, lambda first: max(GROWTH_MB_MAX, first * GROWTH_SHARE_MAX)),
            ("descriptors", descriptors, lambda first: FDS_GROWTH_MAX)):
        judged = [(at, value) for at, value in samples if at >= warm_up_s]
        if not judged or judged[-1][0] - judged[0][0] < judged_from_s:
            continue
        third = len(judged) // 3
        first = statistics.median(value for _, value in judged[:third])
        last = statistics.median(value for _, value in judged[-third:])
        if last - first > allowed(first):
            faults.append(f"{name} grew from {first:.0f} to {last:.0f} ({slope_per_hour(judged):+.1f} an hour)")
    return faults


class Watched:
    def __init__(self, programs, state, rate):
        self.programs = programs
        self.state = state
        self.rate = rate
        self.memory = []
        self.descriptors = []
        self.lives = []  # the daemon's process ids, in order
        self.done = threading.Event()
        self.demo = None
        self.thread = None

    def start(self):
        """Nothing, or why it cannot be watched."""
        for needed in (self.programs / "evergate", self.programs / "evergate-sim",
                       ROOT / "examples/sample_bot/node_modules"):
            if not needed.exists():
                return f"{needed.relative_to(ROOT)} is not there"
        self.state.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, ROOT / "tools/demo.py", "--bin", self.programs, "--state", self.state, "--port", "0",
                   "--guilds", "500", "--rate", str(self.rate)]
        with open(self.state.parent / "watched.log", "w") as log:
            self.demo = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=subprocess.STDOUT, start_new_session=True)
        deadline = time.monotonic() + START_DEADLINE_S
        while not (self.state / "demo.json").exists():
            if self.demo.poll() is not None or time.monotonic() > deadline:
                self.stop()
                return f"the demonstration did not start, see {self.state.parent.relative_to(ROOT)}/watched.log"
            time.sleep(0.1)
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return None

    def watch(self):
        begun = time.monotonic()
        with open(self.state.parent / "watched.csv", "w") as table:
            table.write("seconds,pid,own_memory_mb,descriptors\n")
            while not self.done.wait(SAMPLE_EVERY_S):
                try:
                    pid = int((self.state / "daemon.pid").read_text())
                    memory, descriptors = own_memory_mb(pid), len(os.listdir(f"/proc/{pid}/fd"))
                except (OSError, ValueError):
                    continue  # between two lives, which the next sample's process id tells
                if not self.lives or self.lives[-1] != pid:
                    self.lives.append(pid)
                at = time.monotonic() - begun
                self.memory.append((at, memory))
                self.descriptors.append((at, descriptors))
                table.write(f"{at:.0f},{pid},{memory:.1f},{descriptors}\n")
                table.flush()

    def line(self):
        if not self.memory:
            return "watched: no sample yet"
        warm = [sample for sample in self.memory if sample[0] >= WARM_UP_S]
        slope = f"{slope_per_hour(warm):+.1f} MB an hour" if len(warm) > 60 else "slope not known yet"
        return (f"watched {self.memory[-1][0] / 3600:.2f} h: own memory {self.memory[0][1]:.0f} to {self.memory[-1][1]:.0f} MB "
                f"({slope}), descriptors {self.descriptors[0][1]} to {self.descriptors[-1][1]}")

    def faults(self):
        faults = growth_faults(self.memory, self.descriptors)
        if self.demo.poll() is not None:
            faults.append(f"the demonstration ended, see {self.state.parent.relative_to(ROOT)}/watched.log")
        if len(self.lives) > 1:
            faults.append(f"the daemon died {len(self.lives) - 1} times, see {self.state.relative_to(ROOT)}/daemon.log")
        if not self.memory:
            faults.append("nothing could be sampled")
        return faults

    def stop(self):
        self.done.set()
        if self.demo and self.demo.poll() is None:
            self.demo.send_signal(signal.SIGTERM)
            try:
                self.demo.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self.demo.pid, signal.SIGKILL)
                self.demo.wait()
