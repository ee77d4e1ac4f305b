"""How memory, disk and the times of beginning grow with guilds, and what 1,000 shards take."""
import re
import subprocess
import sys
import time

from scene import Scene, Watch, cpu_ns, memory_mb, until

GUILD = {"members": 200, "members-even": True, "channels": 50, "roles": 30}
PAGE_BYTES = 4096


def idle(pid, wait_s=600):
    """Waits until the process has used little for a second, and has had time to give freed memory back."""
    def calm():
        before = cpu_ns(pid)
        time.sleep(1)
        return cpu_ns(pid) - before < 30_000_000
    until(calm, wait_s)
    time.sleep(11)


def mirrored(daemon, guilds):
    """The daemon has every guild's GUILD_CREATE."""
    try:
        journal = daemon.admin("/v1/status")["journal"]
    except OSError:
        return False
    return journal["guilds"] == guilds and journal["guilds_awaiting"] == 0


def table_bytes(directory, table):
    """What a table of the store takes: its pages."""
    said = subprocess.run(["mdb_stat", "-s", table, directory], check=True, capture_output=True, text=True).stdout
    part = said[said.index(f"Status of {table}"):]
    pages = sum(int(re.search(rf"{kind} pages: (\d+)", part)[1]) for kind in ("Branch", "Leaf", "Overflow"))
    return pages * PAGE_BYTES


def on_disk(directory):
    return sum(file.stat().st_blocks * 512 for file in directory.iterdir() if file.is_file())


def backfilled(scene, daemon, guilds):
    """IDENTIFY to the last GUILD_CREATE of a bot that only discards."""
    start = time.time()
    bot = scene.drain(daemon.port)
    until(lambda: bot.frames > guilds, 1800, 0.02)
    took = bot.newest["ms"] / 1e3 - start
    size = bot.newest["bytes"]
    bot.stop()
    return took, size


def resumed(scene, daemon, shards):
    """The daemon is stopped and started: seconds to stop, and from the start to the last RESUME that Discord takes."""
    before, began = scene.ask("status")["resumes"], time.monotonic()
    daemon.stop()
    stopped, again = time.monotonic() - began, scene.launch(daemon.data / "evergate.toml")
    until(lambda: scene.ask("status")["resumes"] - before >= shards, 300, 0.005)
    return again, stopped, time.monotonic() - again.started


def one_size(args, directory, guilds):
    shards = max(guilds // 1000, 1)
    options = {"guilds": guilds, "shards": shards, "replay-max": 200, "replay-bytes-max": 1 << 20, "identify-total": 10_000}
    with Scene(args.build, directory, **options, **GUILD) as scene:
        file = scene.configure("zstd-stream", shards__identify_spacing="10ms")
        daemon = scene.launch(file)
        with Watch(daemon.pid) as starting:
            until(lambda: mirrored(daemon, guilds), 3600, 0.05)
        began = time.monotonic() - daemon.started
        simulator_cpu = cpu_ns(scene.discord.pid) / 1e9
        idle(daemon.pid)
        anonymous, mapped = memory_mb(daemon.pid)
        mirror, whole = table_bytes(daemon.data, "guilds"), on_disk(daemon.data)
        with Watch(daemon.pid) as filling:
            took, size = backfilled(scene, daemon, guilds)
        daemon, stopped, last_resume = resumed(scene, daemon, shards)
        idle(daemon.pid)
        return {"guilds": guilds, "shards": shards, "guild_create_kb": round(size / guilds / 1e3, 1),
                "start_s": round(began, 1), "simulator_cpu_s": round(simulator_cpu, 1),
                "rss_anon_mb": anonymous, "rss_anon_starting_mb": starting.most, "rss_anon_filling_mb": filling.most, "mapped_mb": mapped,
                "mirror_kb_per_guild": round(mirror / guilds / 1e3, 1), "disk_kb_per_guild": round(whole / guilds / 1e3, 1),
                "identify_s": round(took, 1), "identify_mb_per_s": round(size / took / 1e6),
                "stop_s": round(stopped, 2), "last_resume_s": round(last_resume, 2), "rss_anon_restarted_mb": memory_mb(daemon.pid)[0]}


def scale(args, directory):
    rows = []
    for guilds in args.guilds:
        rows.append(one_size(args, directory, guilds))
        print(f"  {rows[-1]}", file=sys.stderr)
    return rows


def shards(args, directory):
    """1,000 shards with ten small guilds each, at Discord's own heartbeat interval."""
    options = {"guilds": 10_000, "shards": 1000, "identify-total": 10_000, "heartbeat-interval-ms": 41_250, "replay-max": 200}
    with Scene(args.build, directory, **options) as scene:
        daemon = scene.launch(scene.configure("zstd-stream", shards__identify_spacing="10ms"))
        daemon.wait_for("fleet.ready", 300)
        until(lambda: mirrored(daemon, 10_000), 300, 0.1)
        began = time.monotonic() - daemon.started
        idle(daemon.pid)
        rows = []
        for what, rate in (("idle", 0), (f"{args.rate} events a second", args.rate)):
            scene.ask("rate", {"events_per_second": rate})
            time.sleep(2)
            cpu, start = cpu_ns(daemon.pid), time.monotonic()
            time.sleep(args.seconds)
            rows.append({"what": what, "start_s": round(began, 1), "cores": round((cpu_ns(daemon.pid) - cpu) / (time.monotonic() - start) / 1e9, 4),
                         "rss_anon_mb": memory_mb(daemon.pid)[0], "mapped_mb": memory_mb(daemon.pid)[1]})
        return rows
