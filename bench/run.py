#!/usr/bin/env python3
"""The benchmark: what an event costs the daemon, beside a floor that only receives, decrypts, inflates, copies and sends,
and how that grows with guilds, shards, lanes and consumers.

Prints tables and writes them as JSON. Everything that is compared runs in one session, in turn, so that a noisy machine
disturbs all alike; figures are the least and the median of the runs. A part that fails says so, the others go on, and the
status is 1. See docs/benchmarks.md.
"""
import argparse
import json
import os
import pathlib
import platform
import sys
import tempfile
import time
import traceback

import fanout
import instructions
import saturated
import scale
import scene
import steady

ROOT = pathlib.Path(__file__).resolve().parent.parent


def counted(args, directory):
    return instructions.rows(instructions.counted(args.build))


# Each: what is measured, and a function of the arguments and a directory that returns rows.
PARTS = {
    "ceiling": ("The generator alone, read by a client that only counts", saturated.ceiling),
    "saturated": ("Saturated: CPU per event", saturated.saturated),
    "counts": ("Saturated, journal on disk: allocations and system calls per event", saturated.counts),
    "instructions": ("User instructions per event (callgrind), a replay without sockets", counted),
    "filters": ("Filters in front of the queue, TCP, journal on disk: CPU and user instructions per event", saturated.filters),
    "steady": ("At a given rate (--rate): cores", steady.steady),
    "latency": ("Added latency at that rate, against a direct connection (TCP)", steady.latency),
    "fanout": ("Lanes and consumers, TCP+zstd, saturated", fanout.fanout),
    "workers": ("Workers: 8 shards, TCP+zstd, saturated", fanout.workers),
    "catchup": ("A bot that returns: catch-up, and an interaction in the midst of it", fanout.catch_up),
    "beside": ("Live bots beside one that catches up, and beside one that has stopped reading", fanout.beside),
    "scale": ("Guilds of 200 members, 50 channels and 30 roles; 1,000 of them a shard", scale.scale),
    "shards": ("1,000 shards", scale.shards),
}


def show(title, rows):
    print(f"\n{title}")
    if rows:
        print("| " + " | ".join(rows[0]) + " |")
        print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(f"{v:,}" if isinstance(v, int) else str(v) for v in row.values()) + " |")
    sys.stdout.flush()


def machine(args):
    model = [line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {"cores": os.cpu_count(), "processor": model[0] if model else platform.machine(), "kernel": platform.release(),
            "load": os.getloadavg()[0], "when": time.strftime("%Y-%m-%d %H:%M"), "events": args.events, "rounds": args.rounds}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--rounds", type=int, default=15, help="runs of each saturated kind, in turn (default 15)")
    parser.add_argument("--rounds-fanout", type=int, default=3, help="the same of fanout, workers and beside (default 3)")
    parser.add_argument("--events", type=int, default=200_000, help="events of a saturated run (default 200000)")
    parser.add_argument("--instruction-events", type=int, default=20_000, help="events of a run of filters under callgrind (default 20000)")
    parser.add_argument("--rate", type=int, default=10_000, help="events a second of the steady runs (default 10000)")
    parser.add_argument("--seconds", type=int, default=10, help="length of a steady run (default 10)")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="events that wait for a bot that returns (default 1000000)")
    parser.add_argument("--guilds", type=int, action="append", help="of scale; several (default 2000, 20000, 200000)")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build" / "bench.json")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; several (default: all)")
    args = parser.parse_args()
    args.guilds = args.guilds or [2_000, 20_000, 200_000]
    return args


def main():
    args = arguments()
    out = {"machine": machine(args), "failed": {}}
    args.json.parent.mkdir(parents=True, exist_ok=True)
    for name in [part for part in PARTS if not args.only or part in args.only]:
        title, measure = PARTS[name]
        started = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="evergate-bench-") as directory:
                scene.certificates(directory)
                out[name] = measure(args, directory)
            show(title, out[name])
        except Exception as failure:  # the other parts are worth having without this one
            traceback.print_exc()
            out["failed"][name] = f"{type(failure).__name__}: {failure}"
            print(f"\n{title}\nFAILED: {out['failed'][name]}", flush=True)
        out.setdefault("seconds", {})[name] = round(time.monotonic() - started)
        args.json.write_text(json.dumps(out, indent=2) + "\n")
    print(f"\nwritten to {args.json}" + (f"; failed: {', '.join(out['failed'])}" if out["failed"] else ""))
    return 1 if out["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
