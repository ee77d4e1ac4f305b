#!/usr/bin/env python3
"""The benchmark: what an event costs the daemon, beside a floor that only receives, decrypts, inflates, copies and sends.

Prints a table and writes it as JSON. Everything that is compared runs in one session, in turn, so that a noisy machine
disturbs all alike; figures are the least and the median of the runs. See docs/benchmarks.md.
"""
import argparse
import json
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAwMA.bench.bench"
INTENTS = 53608447
QUIET_S = 0.3
WAIT_S = 120


def cpu_ns(pid):
    """CPU time of a whole process, all its threads, in nanoseconds."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def rss_anon_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])
    return 0


def get(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        text = answer.read()
    return json.loads(text) if text else None


class Program:
    """A child whose lines of JSON are read as they come."""

    def __init__(self, args, where, env=None):
        self.log = open(pathlib.Path(where) / (pathlib.Path(args[0]).name + ".log"), "a")
        self.child = subprocess.Popen([str(a) for a in args], stdout=subprocess.PIPE, stderr=self.log, env=env)
        self.pid = self.child.pid
        self.lines = queue.Queue()
        self.newest = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            self.newest = value
            self.lines.put(value)

    def first(self, key):
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            try:
                value = self.lines.get(timeout=0.2)
            except queue.Empty:
                if self.child.poll() is not None:
                    break
                continue
            if key in value:
                return value
        said = pathlib.Path(self.log.name).read_text()[-500:]
        raise RuntimeError(f"{self.log.name}: no {key}: {said}")

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()


class Scene:
    """Simulated Discord, whatever stands between, and the reader."""

    def __init__(self, build, directory, **options):
        self.bin = build / "bin"
        self.build = build
        self.directory = pathlib.Path(directory)
        self.programs = []
        self.prefix = []  # what the measured program runs under
        self.stripped = self.bin  # where it is
        self.tls = options.pop("tls", False)
        args = {"guilds": 500, "members": 20, "seed": 7, "token": TOKEN, "shards": 1, "max-concurrency": 16,
                "heartbeat-interval-ms": 600000, "identify-interval-ms": 10, "guild-create-rate": 100000,
                "replay-max": 1000, "ledger-max": 1000, "message-bytes": 1200, "port": 0, "control-port": 0} | options
        if self.tls:
            args |= {"tls-cert": self.directory / "server.pem", "tls-key": self.directory / "server.key",
                     "public-host": "localhost"}
        self.discord = self.start([self.bin / "evergate-sim"] + [w for k, v in args.items() for w in (f"--{k}", v)])
        ports = self.discord.first("gateway")
        self.port, self.control = ports["gateway"], f"http://127.0.0.1:{ports['control']}/control/"

    def start(self, args, env=None):
        program = Program(args, self.directory, env)
        self.programs.append(program)
        return program

    def ask(self, verb, body=None):
        return get(self.control + verb, body)

    def settled(self):
        """Waits until simulated Discord has said all it had to say."""
        before = None
        while (now := self.ask("status")["dispatches"]) != before or now == 0:
            before = now
            time.sleep(QUIET_S)

    def daemon(self, codec, count_file=None, **more):
        data = tempfile.mkdtemp(dir=self.directory)
        scheme, host = ("https", "localhost") if self.tls else ("http", "127.0.0.1")
        tables = {
            "discord": {"rest": f"{scheme}://{host}:{self.port}/api", "compression": codec},
            "listen": {"port": 0}, "log": {"level": "info"}, "interactions": {"expired": "deliver"},
            "downstream": {"ack_window": 4_000_000, "heartbeat_interval": "60s"},
        }
        if self.tls:
            tables["discord"]["ca_file"] = str(self.directory / "ca.pem")
        for key, value in more.items():
            table, name = key.split("__")
            tables.setdefault(table, {})[name] = value
        text = f'token = "{TOKEN}"\nintents = {INTENTS}\ndata_dir = "{data}"\n'
        for table, values in tables.items():
            text += f"[{table}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in values.items())
        file = pathlib.Path(data) / "evergate.toml"
        file.write_text(text)
        env = dict(os.environ)
        if count_file:
            env |= {"LD_PRELOAD": str(self.build / "bench" / "libevergate-counter.so"),
                    "EVERGATE_COUNT_FILE": str(count_file)}
        log = open(pathlib.Path(data) / "log", "w+")
        child = subprocess.Popen([*self.prefix, self.stripped / "evergate", "--config", file], stderr=log, stdout=log, env=env)
        self.programs.append(Ended(child))
        deadline = time.monotonic() + WAIT_S
        while "fleet.ready" not in (said := pathlib.Path(log.name).read_text()):
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(said[-2000:])
            time.sleep(0.02)
        port = next(int(w.split("=")[1].strip('"')) for w in said.split() if w.startswith("port="))
        self.settled()
        return child.pid, port

    def floor(self, codec):
        scheme, host = ("wss", "localhost") if self.tls else ("ws", "127.0.0.1")
        compress = "" if codec == "none" else f"&compress={codec}"
        floor = self.start([*self.prefix, self.stripped / "evergate-floor", "--gateway", f"{scheme}://{host}:{self.port}/?v=10&encoding=json{compress}",
                            "--ca", self.directory / "ca.pem", "--codec", codec, "--token", TOKEN, "--intents", INTENTS])
        port = floor.first("port")["port"]
        self.settled()
        self.passed_on = floor
        return floor.pid, port

    def drain(self, port, raw=False, path="/?v=10&encoding=json", arrivals=None):
        args = [self.bin / "evergate-drain", "--port", port, "--path", path, "--token", TOKEN, "--intents", INTENTS]
        args += ["--raw"] if raw else []
        args += ["--arrivals", arrivals] if arrivals else []
        return self.start(args)

    def end(self):
        for program in reversed(self.programs):
            program.stop()


class Ended:
    def __init__(self, child):
        self.child = child

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(30)


def silence(reader, quiet_s=QUIET_S):
    """Waits until the reader counts no more; returns its last line."""
    last, since = reader.newest, time.monotonic()
    while time.monotonic() - since < quiet_s:
        time.sleep(0.02)
        if reader.newest != last:
            last, since = reader.newest, time.monotonic()
    return last


def arrived(reader, before, events, quiet_s=QUIET_S):
    """Waits for so many more frames, and for silence; returns the reader's last line."""
    deadline = time.monotonic() + WAIT_S
    while reader.newest == before or reader.newest["frames"] - before["frames"] < events:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{events} events were sent and {reader.newest['frames'] - before['frames']} came")
        time.sleep(0.01)
    return silence(reader, quiet_s)


def poured(build, directory, kind, codec, tls, events, **more):
    """One run: `events` made beforehand, let go at once. Returns what it took."""
    scene = Scene(build, directory, tls=tls)
    try:
        counts = scene.directory / "counts" if more.pop("counted", False) else None
        if kind == "generator":
            # The stream with nobody between: how fast it can be at all.
            pid, port = scene.discord.pid, scene.port
            compress = "" if codec == "none" else f"&compress={codec}"
            reader = scene.drain(port, path=f"/?v=10&encoding=json{compress}")
            scene.settled()
        elif kind == "floor":
            pid, port = scene.floor(codec)
            reader = scene.drain(port, raw=True)
            scene.passed_on.first("client")
        else:
            pid, port = scene.daemon(codec, count_file=counts, **more)
            reader = scene.drain(port)
            reader.first("frames")
            silence(reader)
            time.sleep(1.2)  # the gate that holds queued events back while bots start
        if kind == "floor":
            scene.ask("emit", {"count": 1, "type": "MESSAGE_CREATE"})
            reader.first("frames")
        silence(reader)
        scene.ask("hold", {})
        scene.ask("emit", {"count": events})
        before = reader.newest
        counted = read_counts(counts)
        cpu, start = cpu_ns(pid), time.time()
        scene.ask("pour", {})
        last = arrived(reader, before, 0 if kind == "floor" else events)
        cpu = cpu_ns(pid) - cpu
        out = {"cpu_ns": cpu / events, "rate": events / (last["ms"] / 1e3 - start), "rss_anon_kb": rss_anon_kb(pid)}
        if counts:
            now = read_counts(counts)
            out |= {"allocations": (now[0] - counted[0]) / events, "calls": (now[1] - counted[1]) / events}
        return out
    finally:
        scene.end()


def instructions(build, directory, kind, codec, tls, events, **more):
    """User instructions per event, counted by callgrind between the first and the last of them."""
    scene = Scene(build, directory, tls=tls)
    try:
        # This valgrind does not read the debug information of this compiler; the symbols stay.
        scene.stripped = pathlib.Path(tempfile.mkdtemp(dir=directory))
        for name in ("evergate", "evergate-floor"):
            subprocess.run(["llvm-strip-19", "--strip-debug", "-o", scene.stripped / name, build / "bin" / name], check=True)
        scene.prefix = ["valgrind", "--tool=callgrind", "--instr-atstart=yes", "--cache-sim=no",
                        f"--callgrind-out-file={scene.directory}/callgrind.%p"]
        if kind == "floor":
            pid, port = scene.floor(codec)
            reader = scene.drain(port, raw=True)
            scene.passed_on.first("client")
            scene.ask("emit", {"count": 1, "type": "MESSAGE_CREATE"})
        else:
            pid, port = scene.daemon(codec, **more)
            reader = scene.drain(port)
        reader.first("frames")
        silence(reader, 3)
        scene.ask("hold", {})
        scene.ask("emit", {"count": events})
        before = reader.newest
        control = ["callgrind_control", "--zero", str(pid)]
        subprocess.run(control, check=True, stdout=subprocess.DEVNULL)
        scene.ask("pour", {})
        arrived(reader, before, 0 if kind == "floor" else events, 3)
        subprocess.run(["callgrind_control", "--dump", str(pid)], check=True, stdout=subprocess.DEVNULL)
        dump = max(scene.directory.glob(f"callgrind.{pid}.*"), key=lambda f: f.stat().st_mtime)
        kept = build / f"callgrind.{kind}.{codec}"
        kept.write_bytes(dump.read_bytes())
        totals = [line for line in dump.read_text().splitlines() if line.startswith(("totals:", "summary:"))]
        return int(totals[-1].split()[1]) / events
    finally:
        scene.end()


def read_counts(file):
    if file is None:
        return (0, 0)
    raw = file.read_bytes()
    return (int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:16], "little"))


def steady(build, directory, codec, rate, seconds, **more):
    """CPU at a given rate."""
    scene = Scene(build, directory, tls=True)
    try:
        pid, port = scene.daemon(codec, **more)
        through = scene.drain(port)
        through.first("frames")
        silence(through)
        time.sleep(1.2)
        scene.ask("rate", {"events_per_second": rate})
        time.sleep(1)
        frames, cpu, start = through.newest["frames"], cpu_ns(pid), time.monotonic()
        time.sleep(seconds)
        cpu, took, frames = cpu_ns(pid) - cpu, time.monotonic() - start, through.newest["frames"] - frames
        scene.ask("rate", {"events_per_second": 0})
        return {"cores": cpu / took / 1e9, "rate": frames / took}
    finally:
        scene.end()


def latency(build, directory, rate, seconds, **more):
    """Added latency in microseconds, against a client that is connected to Discord itself: both read plain."""
    scene = Scene(build, directory)
    try:
        _, port = scene.daemon("none", **more)
        files = [scene.directory / f"arrivals-{side}" for side in ("direct", "through")]
        readers = [scene.drain(scene.port, arrivals=files[0]), scene.drain(port, arrivals=files[1])]
        scene.settled()
        time.sleep(1.5)
        scene.ask("rate", {"events_per_second": rate})
        time.sleep(seconds)
        scene.ask("rate", {"events_per_second": 0})
        for reader in readers:
            silence(reader)
        times = []
        for file in files:
            pairs = (line.split() for line in file.read_text().splitlines())
            times.append({int(p[0]): int(p[1]) for p in pairs if len(p) == 2 and p[0] != "0"})
        newest = max(times[0])
        last = [s for s in times[0] if s in times[1] and s > newest - rate * (seconds - 1)]
        added = sorted((times[1][s] - times[0][s]) / 1e3 for s in last)
        return {"p50_us": added[len(added) // 2], "p99_us": added[int(len(added) * 0.99)], "events": len(added)}
    finally:
        scene.end()


def certificates(directory):
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Evergate bench CA")
    openssl("req", "-new", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (pathlib.Path(directory) / "names.cnf").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem",
            "-days", "2", "-extfile", "names.cnf")


PARTS = ["saturated", "counts", "instructions", "filters", "steady", "latency"]
CODECS = [("TLS+zstd", "zstd-stream", True), ("TLS+zlib", "zlib-stream", True), ("TLS", "none", True), ("TCP", "none", False)]
KINDS = [("floor", "floor", {}), ("journal in memory", "daemon", {"queue__storage": "memory"}),
         ("journal on disk", "daemon", {}), ("durability power", "daemon", {"queue__durability": "power"})]


def least_and_median(values):
    return min(values), statistics.median(values)


def saturated(build, directory, rounds, events):
    rows = []
    for label, codec, tls in CODECS:
        taken = {name: [] for name, _, _ in KINDS}
        for round_ in range(rounds):
            for name, kind, more in KINDS:
                taken[name].append(poured(build, directory, kind, codec, tls, events, **more))
            print(f"  {label}: round {round_ + 1} of {rounds}", file=sys.stderr)
        floor = least_and_median([r["cpu_ns"] for r in taken["floor"]])
        for name, _, _ in KINDS:
            cpu = least_and_median([r["cpu_ns"] for r in taken[name]])
            rows.append({"codec": label, "what": name, "cpu_ns_min": round(cpu[0]), "cpu_ns_median": round(cpu[1]),
                         "ratio_min": round(cpu[0] / floor[0], 2), "ratio_median": round(cpu[1] / floor[1], 2),
                         "events_per_core": round(1e9 / cpu[0]),
                         "rate_best": round(max(r["rate"] for r in taken[name]))})
    return rows


def filters(build, directory, rounds, events, instruction_events):
    """What a filter in front of the queue costs when every event passes it."""
    script = pathlib.Path(directory) / "filter.lua"
    script.write_text("function on_event(asked) return asked.type ~= 'NEVER_SENT' end\n")
    kinds = [("no filter", {}), ("declarative filter", {"filters__events_deny": ["NEVER_SENT"], "filters__guilds_deny": ["1"]}),
             ("Lua on_event filter", {"controllers__script": str(script)})]
    taken = {name: [] for name, _ in kinds}
    for _ in range(rounds):
        for name, more in kinds:
            taken[name].append(poured(build, directory, "daemon", "none", False, events, **more)["cpu_ns"])
    counted = {name: instructions(build, directory, "daemon", "none", False, instruction_events, **more) for name, more in kinds}
    bare, bare_instructions = least_and_median(taken["no filter"]), counted["no filter"]
    rows = []
    for name, _ in kinds:
        cpu = least_and_median(taken[name])
        rows.append({"what": name, "cpu_ns_min": round(cpu[0]), "ratio_min": round(cpu[0] / bare[0], 2),
                     "ratio_median": round(cpu[1] / bare[1], 2), "instructions": round(counted[name]),
                     "instructions_above": round(counted[name] - bare_instructions)})
    return rows


def show(title, rows):
    print(f"\n{title}")
    if not rows:
        return
    keys = list(rows[0])
    print("| " + " | ".join(keys) + " |")
    print("|" + "---|" * len(keys))
    for row in rows:
        print("| " + " | ".join(f"{v:,}" if isinstance(v, int) else str(v) for v in row.values()) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--rounds", type=int, default=15, help="runs of each, in turn (default 15)")
    parser.add_argument("--events", type=int, default=200_000, help="events of a saturated run (default 200000)")
    parser.add_argument("--instruction-events", type=int, default=20_000, help="events of a run under callgrind (default 20000)")
    parser.add_argument("--rate", type=int, default=10_000, help="events a second of the steady runs (default 10000)")
    parser.add_argument("--seconds", type=int, default=10, help="length of a steady run (default 10)")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build" / "bench.json")
    parser.add_argument("--only", choices=PARTS, action="append")
    args = parser.parse_args()
    wanted = set(args.only or PARTS)
    out = {"machine": {"cores": os.cpu_count(), "events": args.events, "rounds": args.rounds}}
    with tempfile.TemporaryDirectory(prefix="evergate-bench-") as directory:
        certificates(directory)
        generator = [poured(args.build, directory, "generator", codec, False, args.events) for codec in ("none",)]
        out["generator_ceiling"] = [{"codec": "TCP", "rate": round(g["rate"])} for g in generator]
        show("The generator alone, read by a client that only counts", out["generator_ceiling"])
        if "saturated" in wanted:
            out["saturated"] = saturated(args.build, directory, args.rounds, args.events)
            show("Saturated: CPU per event of the whole process", out["saturated"])
        if "counts" in wanted:
            out["counts"] = []
            for label, codec, tls in CODECS[:2]:
                run = poured(args.build, directory, "daemon", codec, tls, args.events, counted=True)
                out["counts"].append({"codec": label, "allocations": round(run["allocations"], 4), "calls": round(run["calls"], 4)})
            show("Saturated, journal on disk: allocations and system calls per event", out["counts"])
        if "instructions" in wanted:
            out["instructions"] = []
            for label, codec, tls in CODECS[:2]:
                floor, daemon = (instructions(args.build, directory, kind, codec, tls, args.instruction_events) for kind in ("floor", "daemon"))
                out["instructions"].append({"codec": label, "floor": round(floor), "daemon": round(daemon), "above": round(daemon - floor)})
            show("User instructions per event (callgrind), journal on disk", out["instructions"])
        if "filters" in wanted:
            out["filters"] = filters(args.build, directory, args.rounds, args.events, args.instruction_events)
            show("Filters in front of the queue, TCP, journal on disk: CPU and user instructions per event", out["filters"])
        if "steady" in wanted:
            out["steady"] = []
            for tick in ("0ms", "1ms"):
                run = steady(args.build, directory, "zstd-stream", args.rate, args.seconds, queue__tick=tick)
                out["steady"].append({"codec": "TLS+zstd", "tick": tick, "rate": round(run["rate"]), "cores": round(run["cores"], 3)})
            show(f"At {args.rate} events a second", out["steady"])
        if "latency" in wanted:
            out["latency"] = []
            for tick in ("0ms", "1ms"):
                run = latency(args.build, directory, args.rate, args.seconds, queue__tick=tick)
                out["latency"].append({"tick": tick} | {k: round(v, 1) if isinstance(v, float) else v for k, v in run.items()})
            show(f"Added latency at {args.rate} events a second, against a direct connection (TCP)", out["latency"])
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(out, indent=2) + "\n")
    print(f"\nwritten to {args.json}")


if __name__ == "__main__":
    main()
