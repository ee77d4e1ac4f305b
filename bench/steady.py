"""Runs at a given rate: processor time, and what the daemon adds to an event's way."""
import time

from scene import Scene, cpu_ns, percentile, silence

TICKS = ("0ms", "1ms")


def steady(args, directory):
    """CPU at a given rate."""
    rows = []
    for tick in TICKS:
        with Scene(args.build, directory, tls=True) as scene:
            daemon = scene.daemon("zstd-stream", queue__tick=tick)
            reader = scene.bot(daemon.port)
            scene.ask("rate", {"events_per_second": args.rate})
            time.sleep(1)
            frames, cpu, start = reader.frames, cpu_ns(daemon.pid), time.monotonic()
            time.sleep(args.seconds)
            cpu, took, frames = cpu_ns(daemon.pid) - cpu, time.monotonic() - start, reader.frames - frames
            rows.append({"codec": "TLS+zstd", "tick": tick, "rate": round(frames / took), "cores": round(cpu / took / 1e9, 3)})
    return rows


def arrivals(file):
    """When each event came, by its serial, in nanoseconds."""
    pairs = (line.split() for line in file.read_text().splitlines())
    return {int(p[0]): int(p[1]) for p in pairs if len(p) == 2 and p[0] != "0"}


def added_us(direct, through, after):
    """What the way through the daemon took longer, event by event; of those past the serial."""
    return [(through[s] - direct[s]) / 1e3 for s in direct if s in through and s > after]


def latency(args, directory):
    """Added latency in microseconds, against a client that is connected to Discord itself: both read plain."""
    rows = []
    for tick in TICKS:
        with Scene(args.build, directory) as scene:
            daemon = scene.daemon("none", queue__tick=tick)
            files = [scene.directory / f"arrivals-{side}-{tick}" for side in ("direct", "through")]
            readers = [scene.drain(scene.port, arrivals=files[0]), scene.drain(daemon.port, arrivals=files[1])]
            scene.settled()
            time.sleep(1.5)
            scene.ask("rate", {"events_per_second": args.rate})
            time.sleep(args.seconds)
            scene.ask("rate", {"events_per_second": 0})
            for reader in readers:
                silence(reader)
            direct, through = (arrivals(file) for file in files)
            # The first second is the caches'.
            added = added_us(direct, through, max(direct) - args.rate * (args.seconds - 1))
            rows.append({"tick": tick, "p50_us": round(percentile(added, 0.5), 1), "p99_us": round(percentile(added, 0.99), 1),
                         "events": len(added)})
    return rows
