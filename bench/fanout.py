"""More than one reader: lanes, consumers, workers; a bot that returns to a queue; live bots beside it."""
import os
import signal
import sys
import time

from scene import WAIT_S, Scene, Watch, cpu_ns, least_and_median, memory_mb, percentile, silence, thread_ns, until
from steady import arrivals


def settled_bots(scene, port, bots):
    """Starts readers, each given its options of evergate-drain, and waits until all have their guilds and flow."""
    made = [scene.drain(port, **options) for options in bots]
    for one in made:
        one.first("frames")
    for one in made:
        silence(one)
    time.sleep(1.2)  # the gate that holds queued events back while bots start
    return made


def poured(scene, daemon, bots, events, deliveries):
    """Lets `events` made beforehand go at once; what each cost, and how fast they came to all."""
    scene.ask("hold", {})
    scene.ask("emit", {"count": events})
    before, cpu = sum(b.frames for b in bots), cpu_ns(daemon.pid)
    threads, start = thread_ns(daemon.pid), time.time()
    scene.ask("pour", {})
    until(lambda: sum(b.frames for b in bots) - before >= deliveries, WAIT_S)
    for one in bots:
        silence(one)
    cpu, now = cpu_ns(daemon.pid) - cpu, thread_ns(daemon.pid)
    took = max(b.newest["ms"] for b in bots) / 1e3 - start
    return {"cpu_ns": cpu / events, "rate": events / took,
            "workers_ns": (now.get("worker", 0) - threads.get("worker", 0)) / events}


def compared(kinds, rounds, run, label):
    """Runs every kind in turn, `rounds` times; the least and the median of each, and to the first one."""
    taken = {name: [] for name in kinds}
    for round_ in range(rounds):
        for name, kind in kinds.items():
            taken[name].append(run(kind))
        print(f"  {label}: round {round_ + 1} of {rounds}", file=sys.stderr)
    rows = []
    for name in kinds:
        cpu = least_and_median([r["cpu_ns"] for r in taken[name]])
        rows.append({"what": name, "cpu_ns_min": round(cpu[0]), "cpu_ns_median": round(cpu[1]),
                     "workers_ns_min": round(min(r["workers_ns"] for r in taken[name])),
                     "rate_best": round(max(r["rate"] for r in taken[name]))})
    for row in rows:
        row["ratio_min"] = round(row["cpu_ns_min"] / rows[0]["cpu_ns_min"], 2)
    return rows


def fanout(args, directory):
    kinds = {f"{n} lane{'s' * (n > 1)}": (1, n) for n in (1, 4, 16)} | {"4 consumers": (4, 1)}

    def run(kind):
        consumers, lanes = kind
        with Scene(args.build, directory) as scene:
            daemon = scene.daemon("zstd-stream")
            bots = settled_bots(scene, daemon.port, [{"consumer": f"c{c}" if c else None, "shard": f"{i},{lanes}"}
                                                     for c in range(consumers) for i in range(lanes)])
            return poured(scene, daemon, bots, args.events, args.events * consumers)

    return compared(kinds, args.rounds_fanout, run, "fan-out")


def workers(args, directory):
    """Scaling over loops: the same shards and lanes, on one worker, then on as many as there are cores."""
    kinds = {f"{n} worker{'s' * (n > 1)}": n for n in dict.fromkeys((1, 2, os.cpu_count()))}

    def run(count):
        with Scene(args.build, directory, shards=8) as scene:
            daemon = scene.daemon("zstd-stream", workers=count)
            bots = settled_bots(scene, daemon.port, [{"shard": f"{i},4"} for i in range(4)])
            return poured(scene, daemon, bots, args.events, 0.99 * args.events)

    return compared(kinds, args.rounds_fanout, run, "workers")


def queued(scene, daemon, bot, events):
    """The bot goes away and so many events wait for it."""
    bot.stop()
    before = daemon.admin("/v1/status")["journal"]["head"]
    scene.ask("emit", {"count": events}, wait_s=900)
    until(lambda: daemon.admin("/v1/status")["journal"]["head"] - before >= 0.99 * events, 300, 0.1)


def caught_up(scene, daemon, events):
    """A reader that only discards comes back to a queue: rate, bytes, CPU and memory."""
    filled = scene.ask("status")["guilds"] + 1  # READY and, at most, every guild
    bot = scene.drain(daemon.port)
    with Watch(daemon.pid) as memory:
        until(lambda: bot.frames > filled, WAIT_S, 0.001)
        cpu, at = cpu_ns(daemon.pid), bot.frames
        until(lambda: bot.frames - filled >= 0.98 * events, 600)
        cpu = (cpu_ns(daemon.pid) - cpu) / (bot.frames - at)
        silence(bot)
    first, last = next(line for line in bot.history if line["frames"] > filled), bot.newest
    took = (last["ms"] - first["ms"]) / 1e3
    row = {"what": f"{events:,} events wait, a reader that discards", "events_per_s": round((last["frames"] - first["frames"]) / took),
           "mb_per_s": round((last["bytes"] - first["bytes"]) / took / 1e6), "cpu_ns": round(cpu),
           "rss_anon_mb_most": memory.most, "p50_ms": "", "p99_ms": ""}
    return bot, row


def delays(scene, file, count, every_s, needed=lambda: True):
    """Makes interactions one by one; how long each took to the bot, in ms, and how many were made."""
    made = {}
    for _ in range(count):
        if not needed():
            break
        before = time.monotonic_ns()
        made[scene.ask("emit", {"count": 1, "type": "INTERACTION_CREATE"})["last_serial"]] = before
        time.sleep(every_s)
    time.sleep(0.5)
    came = until(lambda: (a := arrivals(file)) and all(s in a for s in made) and a, 30, 0.2)
    return [(came[s] - t) / 1e6 for s, t in made.items()]


def interactions(args, scene, daemon):
    """While a bot that reads at 20 MB/s (a library's pace) has 100,000 events to catch up with, and when it has none."""
    rows = []
    bot = settled_bots(scene, daemon.port, [{"consumer": "paced"}])[0]
    for what, events in (("none waits", 0), ("100,000 events wait", 100_000)):
        queued(scene, daemon, bot, events)
        file = scene.directory / f"interactions-{events}"
        filled = scene.ask("status")["guilds"] + 1
        bot = scene.drain(daemon.port, consumer="paced", arrivals=file, bytes_per_second=20_000_000)
        if events:
            until(lambda: bot.frames > filled + 1000, WAIT_S, 0.001)
        else:
            until(lambda: bot.frames > 0.9 * filled, WAIT_S)
            time.sleep(2)
        taken = delays(scene, file, 20, 0.1, lambda: not events or bot.frames - filled < 0.9 * events)
        rows.append({"what": f"{what}, a reader at 20 MB/s: {len(taken)} interactions", "events_per_s": "", "mb_per_s": "",
                     "cpu_ns": "", "rss_anon_mb_most": "", "p50_ms": round(percentile(taken, 0.5), 1),
                     "p99_ms": round(percentile(taken, 0.99), 1)})
    return rows


def catch_up(args, directory):
    with Scene(args.build, directory) as scene:
        daemon = scene.daemon("zstd-stream")
        bot = settled_bots(scene, daemon.port, [{}])[0]
        queued(scene, daemon, bot, args.backlog)
        bot, row = caught_up(scene, daemon, args.backlog)
        bot.stop()
        return [row, *interactions(args, scene, daemon)]


def window(files, start, end):
    """Added latency of the events that came to the direct reader between these moments, in microseconds."""
    direct, through = (arrivals(file) for file in files)
    return [(through[s] - t) / 1e3 for s, t in direct.items() if start <= t < end and s in through]


def beside(args, directory):
    """Latency of a live lane at 5,000 events a second: alone, beside a bot that does not read, beside one that catches up."""
    rate, seconds, backlog = 5_000, 5, 300_000
    kinds = ("undisturbed", "a bot of the other lane has stopped reading", "another consumer catches up")
    spans = {kind: [] for kind in kinds}
    with Scene(args.build, directory) as scene:
        daemon = scene.daemon("none")
        files = [scene.directory / "direct", scene.directory / "through"]
        late = settled_bots(scene, daemon.port, [{"consumer": "late"}])[0]
        live, other = settled_bots(scene, daemon.port, [{"shard": "0,2", "arrivals": files[1]}, {"shard": "1,2"}])
        direct = scene.drain(scene.port, arrivals=files[0])
        scene.settled()
        most = 0

        def measured(kind):
            scene.ask("rate", {"events_per_second": rate})
            time.sleep(1)
            start = time.monotonic_ns()
            time.sleep(seconds)
            spans[kind].append((start, time.monotonic_ns()))
            scene.ask("rate", {"events_per_second": 0})

        for round_ in range(args.rounds_fanout):
            measured(kinds[0])
            os.kill(other.pid, signal.SIGSTOP)
            measured(kinds[1])
            most = max(most, memory_mb(daemon.pid)[0])
            os.kill(other.pid, signal.SIGCONT)
            queued(scene, daemon, late, backlog)
            for one in (direct, live, other):
                silence(one, 1)
            # A pace that does not end before the measuring does.
            late = scene.drain(daemon.port, consumer="late", bytes_per_second=40_000_000)
            guilds = scene.ask("status")["guilds"]
            until(lambda: late.frames > 1.1 * guilds + 1000, WAIT_S)
            measured(kinds[2])
            print(f"  beside: round {round_ + 1} of {args.rounds_fanout}", file=sys.stderr)
        for one in (direct, live):
            silence(one, 1)
        rows = []
        for kind in kinds:
            runs = [window(files, *span) for span in spans[kind]]
            p99 = least_and_median([percentile(r, 0.99) for r in runs])
            rows.append({"what": kind, "p50_us": round(least_and_median([percentile(r, 0.5) for r in runs])[1]),
                         "p99_us_min": round(p99[0]), "p99_us_median": round(p99[1]), "events": sum(map(len, runs))})
        for row in rows:
            row["p99_ratio_median"] = round(row["p99_us_median"] / rows[0]["p99_us_median"], 2)
            row["rss_anon_mb"] = most if row["what"] == kinds[1] else ""
        return rows
