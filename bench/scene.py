"""What the parts of the benchmark stand on: simulated Discord, the daemon or the floor, and readers, as processes of
their own whose processor time, memory and lines of JSON are read.
"""
import json
import os
import pathlib
import queue
import subprocess
import tempfile
import threading
import time
import urllib.request

TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAwMA.bench.bench"
INTENTS = 53608447
QUIET_S = 0.3
WAIT_S = 120


def cpu_ns(pid):
    """CPU time of a whole process, all its threads, in nanoseconds."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def thread_ns(pid):
    """CPU time by the name of the thread, workers together."""
    out = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().split()[0]
            out[name] = out.get(name, 0) + int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:
            continue  # it has ended
    return out


def memory_mb(pid):
    """Anonymous memory and resident pages of files (the store's map), in MB."""
    values = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("RssAnon", "RssFile")):
            values[line.split(":")[0]] = int(line.split()[1]) * 1024 / 1e6
    return round(values["RssAnon"], 1), round(values["RssFile"], 1)


def get(url, body=None, wait_s=WAIT_S, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"} | (headers or {}))
    with urllib.request.urlopen(request, timeout=wait_s) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def until(what, wait_s=WAIT_S, step_s=0.01):
    """Waits until `what()` is true; returns it."""
    deadline = time.monotonic() + wait_s
    while not (value := what()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {wait_s} s in vain")
        time.sleep(step_s)
    return value


class Program:
    """A child whose lines of JSON are read as they come."""

    def __init__(self, args, where, env=None):
        self.log = open(pathlib.Path(where) / (pathlib.Path(args[0]).name + ".log"), "a")
        self.child = subprocess.Popen([str(a) for a in args], stdout=subprocess.PIPE, stderr=self.log, env=env)
        self.pid = self.child.pid
        self.lines = queue.Queue()
        self.newest = None
        self.history = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            self.newest = value
            self.history.append(value)
            self.lines.put(value)

    def first(self, key, wait_s=WAIT_S):
        deadline = time.monotonic() + wait_s
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

    @property
    def frames(self):
        return 0 if self.newest is None else self.newest["frames"]

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()


class Daemon:
    """A running daemon: its process, ports and directory."""

    def __init__(self, child, data, log):
        self.child, self.data, self.log = child, pathlib.Path(data), log
        self.pid = child.pid
        self.started = time.monotonic()

    def said(self):
        return pathlib.Path(self.log).read_text()

    def wait_for(self, word, wait_s=WAIT_S):
        def there():
            said = self.said()
            if self.child.poll() is not None:
                raise RuntimeError(said[-2000:])
            return said if word in said else None
        return until(there, wait_s)

    @property
    def port(self):
        return next(int(w.split("=")[1].strip('"')) for w in self.said().split() if w.startswith("port="))

    def admin(self, path, body=None):
        url = (self.data / "admin.url").read_text().strip()
        token = (self.data / "admin.token").read_text().strip()
        return get(url.rstrip("/") + path, body, headers={"authorization": f"Bearer {token}"})

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(60)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class Scene:
    """Simulated Discord, whatever stands between, and the readers."""

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
        words = [w for k, v in args.items() for w in ([f"--{k}"] if v is True else [f"--{k}", v])]
        self.discord = self.start([self.bin / "evergate-sim", *words])
        ports = self.discord.first("gateway")
        self.port, self.control = ports["gateway"], f"http://127.0.0.1:{ports['control']}/control/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def start(self, args, env=None):
        program = Program(args, self.directory, env)
        self.programs.append(program)
        return program

    def ask(self, verb, body=None, wait_s=WAIT_S):
        return get(self.control + verb, body, wait_s)

    def settled(self):
        """Waits until simulated Discord has said all it had to say."""
        before = None
        while (now := self.ask("status")["dispatches"]) != before or now == 0:
            before = now
            time.sleep(QUIET_S)

    def configure(self, codec, **more):
        """Writes a configuration with a fresh data directory; its file."""
        data = tempfile.mkdtemp(dir=self.directory)
        scheme, host = ("https", "localhost") if self.tls else ("http", "127.0.0.1")
        tables = {
            "discord": {"rest": f"{scheme}://{host}:{self.port}/api", "compression": codec},
            "listen": {"port": 0}, "admin": {"port": 0}, "log": {"level": "info"}, "interactions": {"expired": "deliver"},
            "downstream": {"ack_window": 4_000_000, "heartbeat_interval": "60s"},
        }
        if self.tls:
            tables["discord"]["ca_file"] = str(self.directory / "ca.pem")
        text = f'token = "{TOKEN}"\nintents = {INTENTS}\ndata_dir = "{data}"\n'
        for key, value in more.items():
            table, _, name = key.partition("__")
            if not name:
                text += f"{table} = {json.dumps(value)}\n"
                continue
            tables.setdefault(table, {})[name] = value
        for table, values in tables.items():
            text += f"[{table}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in values.items())
        file = pathlib.Path(data) / "evergate.toml"
        file.write_text(text)
        return file

    def launch(self, file, count_file=None):
        """Starts the daemon; waits for nothing."""
        env = dict(os.environ)
        if count_file:
            env |= {"LD_PRELOAD": str(self.build / "bench" / "libevergate-counter.so"),
                    "EVERGATE_COUNT_FILE": str(count_file)}
        log = tempfile.NamedTemporaryFile("w+", dir=file.parent, prefix="log-", delete=False)
        child = subprocess.Popen([*self.prefix, self.stripped / "evergate", "--config", file], stderr=log, stdout=log, env=env)
        log.close()
        made = Daemon(child, file.parent, log.name)
        self.programs.append(made)
        return made

    def daemon(self, codec, count_file=None, **more):
        """Starts a daemon on an empty store and waits until it has all of simulated Discord's guilds."""
        made = self.launch(self.configure(codec, **more), count_file)
        made.wait_for("fleet.ready")
        self.settled()
        return made

    def floor(self, codec):
        scheme, host = ("wss", "localhost") if self.tls else ("ws", "127.0.0.1")
        compress = "" if codec == "none" else f"&compress={codec}"
        floor = self.start([*self.prefix, self.stripped / "evergate-floor", "--gateway", f"{scheme}://{host}:{self.port}/?v=10&encoding=json{compress}",
                            "--ca", self.directory / "ca.pem", "--codec", codec, "--token", TOKEN, "--intents", INTENTS])
        floor.port = floor.first("port")["port"]
        self.settled()
        return floor

    def drain(self, port, raw=False, path="/?v=10&encoding=json", consumer=None, **more):
        """A reader; further words are options of evergate-drain."""
        path = f"/c/{consumer}{path}" if consumer else path
        args = [self.bin / "evergate-drain", "--port", port, "--path", path, "--token", TOKEN, "--intents", INTENTS]
        args += ["--raw"] if raw else []
        args += [w for k, v in more.items() if v is not None for w in (f"--{k.replace('_', '-')}", v)]
        return self.start(args)

    def bot(self, port, **more):
        """A reader through the daemon that has its guilds, and whose gate for queued events has opened."""
        made = self.drain(port, **more)
        made.first("frames")
        silence(made)
        time.sleep(1.2)
        return made

    def end(self):
        for program in reversed(self.programs):
            program.stop()
        self.programs = []


class Watch:
    """The greatest RssAnon while it is open."""

    def __init__(self, pid):
        self.pid, self.most, self.open = pid, 0.0, True
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while self.open:
            self.most = max(self.most, memory_mb(self.pid)[0])
            time.sleep(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.open = False
        self.thread.join()


def silence(reader, quiet_s=QUIET_S):
    """Waits until the reader counts no more; returns its last line."""
    last, since = reader.newest, time.monotonic()
    while time.monotonic() - since < quiet_s:
        time.sleep(0.02)
        if reader.newest != last:
            last, since = reader.newest, time.monotonic()
    return last


def arrived(reader, before, events, quiet_s=QUIET_S, wait_s=WAIT_S):
    """Waits for so many more frames, and for silence; returns the reader's last line."""
    deadline = time.monotonic() + wait_s
    while reader.newest == before or reader.newest["frames"] - before["frames"] < events:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{events} events were sent and {reader.newest['frames'] - before['frames']} came")
        time.sleep(0.01)
    return silence(reader, quiet_s)


def certificates(directory):
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Evergate bench CA")
    openssl("req", "-new", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (pathlib.Path(directory) / "names.cnf").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem",
            "-days", "2", "-extfile", "names.cnf")


def least_and_median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[0], values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def percentile(values, part):
    values = sorted(values)
    return values[min(int(len(values) * part), len(values) - 1)]
