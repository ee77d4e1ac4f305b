#!/usr/bin/env python3
"""User instructions per event, counted by callgrind over a replay without sockets; fails when they have changed.

    instructions.py [--build DIR]           counts, prints the table, compares with instructions.json: status 1 outside ±2 %
    instructions.py [--build DIR] --accept  writes what was counted into instructions.json
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ACCEPTED = HERE / "instructions.json"
TOLERANCE = 0.02
CODECS = ["zstd-stream", "zlib-stream"]
PATH, KEEPER = "evergate_counted_path", "evergate_counted_keeper"  # functions of evergate-replay


class Replay:
    """Streams made once, and runs of evergate-replay under callgrind."""

    def __init__(self, build, directory):
        self.directory = pathlib.Path(directory)
        self.whole = pathlib.Path(build) / "bin" / "evergate-replay"
        # This valgrind does not read the debug information of this compiler; the symbols stay.
        self.program = self.directory / "evergate-replay"
        subprocess.run(["llvm-strip-19", "--strip-debug", "-o", self.program, self.whole], check=True)
        self.streams = {}
        self.runs = 0

    def stream(self, codec):
        if codec not in self.streams:
            self.streams[codec] = self.directory / f"stream-{codec}"
            subprocess.run([self.whole, "--make", self.streams[codec], "--codec", codec], check=True)
        return self.streams[codec]

    def fingerprint(self):
        """Of the streams: when it changes, other events were counted."""
        digest = hashlib.sha256()
        for codec in CODECS:
            digest.update(self.stream(codec).read_bytes())
        return digest.hexdigest()[:16]

    def count(self, codec, over):
        """Instructions per event by function: what the path and the keeper executed, with all that they called."""
        self.runs += 1
        out = self.directory / f"callgrind.{self.runs}"
        command = ["valgrind", "--tool=callgrind", "--cache-sim=no", "--collect-atstart=no",
                   f"--toggle-collect={PATH}", f"--toggle-collect={KEEPER}", f"--callgrind-out-file={out}",
                   self.program, "--stream", self.stream(codec), "--codec", codec, "--over", over,
                   "--directory", self.directory / f"store-{self.runs}"]
        # Nothing of the caller's surroundings, which lie on the stack.
        done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"evergate-replay under callgrind: {done.stderr[-2000:]}")
        said = json.loads(done.stdout)
        if said["delivered"] < 0.99 * said["events"]:
            raise RuntimeError(f"of {said['events']} events {said['delivered']} came out")
        whole, keeper = totals(out.read_text())
        return {"path": (whole - keeper) / said["events"], "keeper": keeper / said["events"]}

    def table(self):
        out = {}
        for codec in CODECS:
            floor, daemon = self.count(codec, "floor")["path"], self.count(codec, "daemon")
            out[codec] = {"floor": round(floor), "journal": round(daemon["path"]),
                          "journal and mirror": round(daemon["path"] + daemon["keeper"])}
        return out


def totals(dump):
    """Of a callgrind file: all that was counted, and what of it was inside of the keeper."""
    whole = int(re.search(r"^totals: (\d+)", dump, re.MULTILINE)[1])
    # `fn=(ID)` begins what a function did itself and what its calls cost: a line of position and cost each.
    number = re.search(rf"fn=(\(\d+\)) {KEEPER}$", dump, re.MULTILINE)
    own, counting = 0, False
    for line in dump.splitlines():
        if line.startswith("fn="):
            counting = number is not None and line[3:].split()[0] == number[1]
        elif counting and re.match(r"[-+*\d]", line):
            own += int(line.split()[1])
    return whole, own


def counted(build):
    with tempfile.TemporaryDirectory(prefix="evergate-replay-") as directory:
        replay = Replay(build, directory)
        return {"stream": replay.fingerprint(), "instructions per event": replay.table()}


def rows(found):
    return [{"codec": codec} | figures | {"journal above floor": figures["journal"] - figures["floor"]}
            for codec, figures in found["instructions per event"].items()]


def judge(found, accepted):
    """Lines that say what is outside of the tolerance."""
    for codec, figures in found["instructions per event"].items():
        for name, now in figures.items():
            before = accepted["instructions per event"].get(codec, {}).get(name)
            if before is None:
                yield f"{codec}, {name}: {now} was never accepted"
            elif abs(now - before) > TOLERANCE * before:
                yield f"{codec}, {name}: {now} instructions per event, accepted are {before} ({(now / before - 1) * 100:+.1f} %)"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build" / "release")
    parser.add_argument("--accept", action="store_true", help="write what was counted into instructions.json")
    args = parser.parse_args()
    found = counted(args.build)
    for row in rows(found):
        print("instructions per event: " + ", ".join(f"{key} {value}" for key, value in row.items()))
    if args.accept:
        ACCEPTED.write_text(json.dumps(found, indent=2) + "\n")
        print(f"written to {ACCEPTED.relative_to(HERE.parent)}")
        return 0
    accepted = json.loads(ACCEPTED.read_text())
    breaches = list(judge(found, accepted))
    for breach in breaches:
        print(f"not within {TOLERANCE:.0%}: {breach}")
    if breaches:
        if found["stream"] != accepted["stream"]:
            print("The simulator makes other events than those the accepted figures are of.")
        print("If that is meant: ./evergate.sh test-instructions --accept, and say in the commit what it bought.")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
