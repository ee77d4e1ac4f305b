#!/usr/bin/env python3
"""Runs fuzz targets for a time each, two at once; `./evergate.sh fuzz` builds them first.

    fuzz.py --bin build/fuzz/bin --seeds build/fuzz/fuzz_seeds SECONDS [TARGET...]

The grown corpus stays in var/fuzz/TARGET/corpus. What is found goes to fuzz/findings/TARGET, with what the
target said of it under var/fuzz/TARGET, and is replayed by the tests (fuzz.TARGET) from then on: give the file a
name that says what it is. Prints one line a target and one for all; status 1 when something was found.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DICTIONARIES = {"http_upgrade": "http", "envelope_scan": "json", "client_commands": "json", "json_edit": "json",
                "guild_document": "json", "upstream_session": "json"}
INPUT_BYTES_MAX = 4_096  # small inputs are fast
INPUT_BYTES_MAX_OF = {"client_commands": 8_192, "guild_document": 16_384, "inflate_zlib": 8_192, "inflate_zstd": 8_192}
RSS_MB_MAX = 1_024
INPUT_SECONDS_MAX = 10


def targets(folder):
    return sorted(path.name.removeprefix("fuzz_") for path in folder.glob("fuzz_*") if os.access(path, os.X_OK))


def command(target, options, place):
    """libFuzzer's command line; the first folder is where it puts what is new."""
    seeds = [options.seeds / target, ROOT / "fuzz/corpus" / target, ROOT / "fuzz/findings" / target]
    line = [options.bin / f"fuzz_{target}", f"-max_total_time={options.seconds}", f"-rss_limit_mb={RSS_MB_MAX}",
            f"-timeout={INPUT_SECONDS_MAX}", f"-max_len={INPUT_BYTES_MAX_OF.get(target, INPUT_BYTES_MAX)}", "-print_final_stats=1", "-use_value_profile=1",
            f"-artifact_prefix={place}/found/"]
    if target in DICTIONARIES:
        line.append(f"-dict={ROOT / 'fuzz/dictionaries' / DICTIONARIES[target]}.dict")
    return [str(part) for part in [*line, place / "corpus", *(folder for folder in seeds if folder.is_dir())]]


def keep_findings(target, place):
    """Copies what was found to where the tests replay it; returns the copies."""
    kept = []
    for found in sorted((place / "found").iterdir()):
        if found.name.startswith("slow-unit"):
            continue
        folder = ROOT / "fuzz/findings" / target
        folder.mkdir(parents=True, exist_ok=True)
        kept.append(Path(shutil.copy(found, folder)))
    return kept


def run(target, options):
    place = ROOT / "var/fuzz" / target
    shutil.rmtree(place / "found", ignore_errors=True)
    for folder in ("corpus", "found"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    log = place / "log"
    with log.open("w") as out:
        status = subprocess.run(["nice", *command(target, options, place)], stdout=out, stderr=subprocess.STDOUT,
                                check=False, cwd=ROOT).returncode
    said = log.read_text(errors="replace")
    executions = re.findall(r"stat::number_of_executed_units:\s*(\d+)", said) or re.findall(r"^#(\d+)\s", said, re.M)
    coverage = re.findall(r"cov: (\d+) ft: (\d+)", said)
    findings = keep_findings(target, place)
    # Not started, or ended without leaving an input: as bad as a finding.
    broken = status != 0 and not findings
    edges, features = coverage[-1] if coverage else (0, 0)
    print(f"{target:<18} {int(executions[-1]) if executions else 0:>10} executions, coverage {edges} ({features} features), "
          f"corpus {len(list((place / 'corpus').iterdir()))}, {len(findings)} findings", flush=True)
    for finding in findings:
        print(f"    found:     {reason(said)}\n    input:     {finding.relative_to(ROOT)}\n    reproduce: "
              f"{os.path.relpath(options.bin, ROOT)}/fuzz_{target} {finding.relative_to(ROOT)}", flush=True)
    if broken:
        print(f"    ended with status {status}; see {log.relative_to(ROOT)}", flush=True)
    return int(executions[-1]) if executions else 0, len(findings) + broken


def reason(said):
    lines = re.findall(r"^.*(?:check failed|runtime error|ERROR: \w+Sanitizer|ERROR: libFuzzer|Assertion).*$", said, re.M)
    return lines[0].strip() if lines else "see the log"


def main():
    parser = argparse.ArgumentParser(description="Runs fuzz targets.")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/fuzz/bin")
    parser.add_argument("--seeds", type=Path, default=ROOT / "build/fuzz/fuzz_seeds")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("seconds", type=int, metavar="SECONDS")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args()
    options.bin, options.seeds = options.bin.resolve(), options.seeds.resolve()
    known = targets(options.bin)
    unknown = [name for name in options.targets if name not in known]
    if unknown or not known:
        parser.error(f"no target {', '.join(unknown)}; there are: {', '.join(known)}")
    begun = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda target: run(target, options), options.targets or known))
    executions, findings = (sum(part) for part in zip(*results))
    print(f"fuzz: {len(results)} targets, {executions} executions, {findings} findings, {time.monotonic() - begun:.0f} s")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
