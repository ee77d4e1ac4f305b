"""Saturated runs: events made beforehand are let go at once. What an event costs the daemon beside the floor, by codec
and by what the daemon does; allocations and system calls; filters.
"""
import pathlib
import subprocess
import sys
import tempfile

from scene import Scene, arrived, cpu_ns, least_and_median, memory_mb, silence, thread_ns
import time

CODECS = [("TLS+zstd", "zstd-stream", True), ("TLS+zlib", "zlib-stream", True), ("TLS", "none", True), ("TCP", "none", False)]
KINDS = [("floor", "floor", {}), ("journal in memory", "daemon", {"queue__storage": "memory"}),
         ("journal on disk", "daemon", {}), ("durability power", "daemon", {"queue__durability": "power"})]


def read_counts(file):
    if file is None:
        return (0, 0)
    raw = file.read_bytes()
    return (int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:16], "little"))


def poured(build, directory, kind, codec, tls, events, **more):
    """One run: `events` made beforehand, let go at once. Returns what it took."""
    counted = more.pop("counted", False)
    with Scene(build, directory, tls=tls) as scene:
        counts = scene.directory / "counts" if counted else None
        if kind == "generator":
            # The stream with nobody between: how fast it can be at all.
            compress = "" if codec == "none" else f"&compress={codec}"
            measured, reader = scene.discord, scene.drain(scene.port, path=f"/?v=10&encoding=json{compress}")
            scene.settled()
        elif kind == "floor":
            measured = scene.floor(codec)
            reader = scene.drain(measured.port, raw=True)
            measured.first("client")
            scene.ask("emit", {"count": 1, "type": "MESSAGE_CREATE"})
            reader.first("frames")
        else:
            measured = scene.daemon(codec, count_file=counts, **more)
            reader = scene.bot(measured.port)
        silence(reader)
        scene.ask("hold", {})
        scene.ask("emit", {"count": events})
        before, counted, threads = reader.newest, read_counts(counts), thread_ns(measured.pid)
        cpu, start = cpu_ns(measured.pid), time.time()
        scene.ask("pour", {})
        last = arrived(reader, before, 0 if kind == "floor" else events)
        cpu, now = cpu_ns(measured.pid) - cpu, thread_ns(measured.pid)
        out = {"cpu_ns": cpu / events, "rate": events / (last["ms"] / 1e3 - start), "rss_anon_mb": memory_mb(measured.pid)[0],
               "threads_ns": {name: (ns - threads.get(name, 0)) / events for name, ns in now.items()}}
        if counts:
            after = read_counts(counts)
            out |= {"allocations": (after[0] - counted[0]) / events, "calls": (after[1] - counted[1]) / events}
        return out


def without(run, *threads):
    """CPU per event of the whole process but for these threads."""
    return run["cpu_ns"] - sum(run["threads_ns"].get(name, 0) for name in threads)


# What of a run a row is made of: the whole process, or less. The journal's and the keeper's work is done on threads of
# their own, so what is left without them is what the daemon would use without a journal or a mirror.
ROWS = [("floor", "floor", ()), ("journal off", "journal on disk", ("journal", "keeper")),
        ("journal on", "journal on disk", ("keeper",)), ("journal on, mirror", "journal on disk", ()),
        ("in memory, mirror", "journal in memory", ()), ("power, mirror", "durability power", ())]


def saturated(args, directory):
    rows = []
    for label, codec, tls in CODECS:
        taken = {name: [] for name, _, _ in KINDS}
        for round_ in range(args.rounds):
            for name, kind, more in KINDS:
                taken[name].append(poured(args.build, directory, kind, codec, tls, args.events, **more))
            print(f"  {label}: round {round_ + 1} of {args.rounds}", file=sys.stderr)
        floor = least_and_median([r["cpu_ns"] for r in taken["floor"]])
        for name, kind, threads in ROWS:
            cpu = least_and_median([without(r, *threads) for r in taken[kind]])
            rows.append({"codec": label, "what": name, "cpu_ns_min": round(cpu[0]), "cpu_ns_median": round(cpu[1]),
                         "ratio_min": round(cpu[0] / floor[0], 2), "ratio_median": round(cpu[1] / floor[1], 2),
                         "events_per_core": round(1e9 / cpu[0]), "rate_best": round(max(r["rate"] for r in taken[kind]))})
    return rows


def counts(args, directory):
    rows = []
    for label, codec, tls in CODECS[:2]:
        run = poured(args.build, directory, "daemon", codec, tls, args.events, counted=True)
        rows.append({"codec": label, "allocations": round(run["allocations"], 4), "calls": round(run["calls"], 4)})
    return rows


def instructions(build, directory, events, **more):
    """User instructions per event over sockets (TCP, no compression), counted by callgrind between first and last."""
    with Scene(build, directory) as scene:
        # This valgrind does not read the debug information of this compiler; the symbols stay.
        scene.stripped = pathlib.Path(tempfile.mkdtemp(dir=directory))
        subprocess.run(["llvm-strip-19", "--strip-debug", "-o", scene.stripped / "evergate", build / "bin" / "evergate"], check=True)
        scene.prefix = ["valgrind", "--tool=callgrind", "--instr-atstart=yes", "--cache-sim=no",
                        f"--callgrind-out-file={scene.directory}/callgrind.%p"]
        daemon = scene.daemon("none", **more)
        reader = scene.bot(daemon.port)
        silence(reader, 3)
        scene.ask("hold", {})
        scene.ask("emit", {"count": events})
        before = reader.newest
        subprocess.run(["callgrind_control", "--zero", str(daemon.pid)], check=True, stdout=subprocess.DEVNULL)
        scene.ask("pour", {})
        arrived(reader, before, events, 3)
        subprocess.run(["callgrind_control", "--dump", str(daemon.pid)], check=True, stdout=subprocess.DEVNULL)
        dump = max(scene.directory.glob(f"callgrind.{daemon.pid}.*"), key=lambda f: f.stat().st_mtime)
        totals = [line for line in dump.read_text().splitlines() if line.startswith(("totals:", "summary:"))]
        return int(totals[-1].split()[1]) / events


def filters(args, directory):
    """What a filter in front of the queue costs when every event passes it."""
    script = pathlib.Path(directory) / "filter.lua"
    script.write_text("function on_event(asked) return asked.type ~= 'NEVER_SENT' end\n")
    kinds = [("no filter", {}), ("declarative filter", {"filters__events_deny": ["NEVER_SENT"], "filters__guilds_deny": ["1"]}),
             ("Lua on_event filter", {"controllers__script": str(script)})]
    taken = {name: [] for name, _ in kinds}
    for _ in range(args.rounds):
        for name, more in kinds:
            taken[name].append(poured(args.build, directory, "daemon", "none", False, args.events, **more)["cpu_ns"])
    counted = {name: instructions(args.build, directory, args.instruction_events, **more) for name, more in kinds}
    bare, bare_instructions = least_and_median(taken["no filter"]), counted["no filter"]
    rows = []
    for name, _ in kinds:
        cpu = least_and_median(taken[name])
        rows.append({"what": name, "cpu_ns_min": round(cpu[0]), "ratio_min": round(cpu[0] / bare[0], 2),
                     "ratio_median": round(cpu[1] / bare[1], 2), "instructions": round(counted[name]),
                     "instructions_above": round(counted[name] - bare_instructions)})
    return rows


def ceiling(args, directory):
    """The generator alone."""
    run = poured(args.build, directory, "generator", "none", False, args.events)
    return [{"codec": "TCP", "rate": round(run["rate"])}]
