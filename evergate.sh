#!/usr/bin/env bash
# The one door to the project: builds, runs and tests it on Debian 12. `./evergate.sh help` tells what it does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

packages=(clang-19 clang-tidy-19 clang-format-19 lld-19 libclang-rt-19-dev llvm-19 cmake ninja-build pkg-config
  ccache libboost1.81-dev libssl-dev zlib1g-dev libzstd-dev liblmdb-dev libsimdjson-dev libtomlplusplus-dev
  libspdlog-dev libfmt-dev libcurl4-openssl-dev libcli11-dev libxxhash-dev libgtest-dev nlohmann-json3-dev
  openssl python3 liblua5.4-dev doxygen)
state=var/demo

usage() {
  cat <<'TEXT'
usage: ./evergate.sh COMMAND

  build [PRESET]   install what is missing, then configure and build (release, dev or tsan; default release)
                   programs end in build/PRESET/bin: evergate, evergate-sim
  run              with DISCORD_TOKEN set: the daemon, with ./evergate.toml or a configuration made for you (INTENTS=N);
                   listens on 127.0.0.1, EVERGATE_PORT (7878), whatever its [listen] says of address and port
                   without: simulated Discord, the daemon and a discord.js bot, with what to try
                   (EVERGATE_GUILDS, EVERGATE_SHARDS, EVERGATE_RATE, EVERGATE_PORT, EVERGATE_BOT_PAUSE)
  ledger           while `run` shows its demonstration: what was lost, doubled or reordered
  rate N           while `run` shows its demonstration: N events a second
  test             build dev (ASan, UBSan) and release; unit tests, house rules, simulation, end-to-end tests,
                   instructions per event
  test-unit        only the unit tests and house rules, on dev
  test-simulation  only the deterministic simulation, on release: 2,000 fixed seeds, 200 with reshardings, 500 of the commit
  test-e2e [FILE]  only the end-to-end tests, on release
  test-instructions [--accept]
                   only the instructions per event, on release (docs/benchmarks.md); --accept takes those there are now
  fuzz SECONDS [TARGET...]
                   every fuzz target (or those named) for so long, two at once; findings go to fuzz/findings
  bench [ARGS]     what an event costs, beside a floor; a table, and build/bench.json (docs/benchmarks.md; --help)
  soak [HOURS]     the long forms of all tests, cycle after cycle (default 8 hours; see docs/testing.md)
  format           clang-format over every C++ file
  lint [FILE...]   clang-tidy over the files given, those changed since main, or (LINT_ALL=1) all
  clean            remove build/ and var/
TEXT
}

fail() {
  echo "evergate.sh: $*" >&2
  exit 1
}

# --- what is needed -------------------------------------------------------------------------------------

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

node_is_new_enough() {
  local major
  command -v node >/dev/null && command -v npm >/dev/null || return 1
  major=$(node -p 'process.versions.node.split(".")[0]')
  [[ $major -ge 18 ]]
}

apt_install() {
  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [[ $EUID -ne 0 ]]; then
    command -v sudo >/dev/null || fail "these packages are missing and need root to install:
  apt-get install $*"
    as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
  fi
  echo "evergate.sh: installing $*"
  # The package lists are fetched only when the ones at hand do not do.
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && return
  "${as_root[@]}" apt-get update -qq || fail "apt-get update failed; see the lines above"
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null || fail "could not install: $*"
}

need() {
  command -v apt-get >/dev/null || { command -v clang++-19 >/dev/null && return; fail "this is made for Debian 12. Elsewhere, install by hand what these packages hold:
  ${packages[*]} nodejs npm"; }
  local missing
  mapfile -t missing < <(missing_packages "${packages[@]}")
  if [[ ${#missing[@]} -gt 0 ]]; then apt_install "${missing[@]}"; fi
}

need_node() {
  node_is_new_enough && return
  command -v apt-get >/dev/null || fail "node 18 or newer and npm are needed"
  apt_install nodejs npm
  node_is_new_enough || fail "node 18 or newer is needed; this system has $(node --version 2>/dev/null || echo none)"
}

# npm_packages FOLDER: installs exactly what the lock file says, once per lock file.
npm_packages() {
  local mark="$1/node_modules/.evergate-lock"
  if ! cmp -s "$1/package-lock.json" "$mark"; then
    echo "evergate.sh: installing the npm packages of $1"
    (cd "$1" && npm ci --no-audit --no-fund --loglevel=error) || fail "npm ci failed in $1"
    cp "$1/package-lock.json" "$mark"
  fi
}

# A compiler process may take 1.5 GiB.
jobs_that_fit() {
  local by_memory by_cores
  by_cores=$(nproc)
  by_memory=$(awk '/MemAvailable/ { print int($2 / 1572864) }' /proc/meminfo)
  echo $((by_memory < 1 ? 1 : by_memory < by_cores ? by_memory : by_cores))
}

# --- commands -------------------------------------------------------------------------------------------

build_preset() {
  local preset=$1
  shift
  mkdir -p build
  cmake --preset "$preset" "$@" >"build/configure-$preset.log" 2>&1 ||
    { cat "build/configure-$preset.log" >&2; fail "cmake could not configure $preset"; }
  cmake --build "build/$preset" -j "$(jobs_that_fit)"
}

command_build() {
  local preset=${1:-release}
  [[ $preset =~ ^(release|dev|tsan)$ ]] || fail "unknown preset '$preset': release, dev or tsan"
  need
  if [[ $preset == release ]]; then build_preset release -DEVERGATE_TESTS=OFF; else build_preset "$preset"; fi
  echo "evergate.sh: built build/$preset/bin"
}

command_run() {
  command_build release
  if [[ -n ${DISCORD_TOKEN:-} ]]; then run_for_discord; fi
  need_node
  npm_packages examples/sample_bot
  exec python3 tools/demo.py --bin build/release/bin --state "$state" --guilds "${EVERGATE_GUILDS:-1000}" \
    --shards "${EVERGATE_SHARDS:-4}" --rate "${EVERGATE_RATE:-200}" --port "${EVERGATE_PORT:-7878}" \
    --bot-pause "${EVERGATE_BOT_PAUSE:-5}"
}

run_for_discord() {
  local config=evergate.toml port=${EVERGATE_PORT:-7878}
  if [[ ! -e $config ]]; then
    config=var/evergate.toml
    mkdir -p var
    cat >"$config" <<TOML
# Made by evergate.sh run. Copy it to ./evergate.toml to make it yours; the token comes from DISCORD_TOKEN.
intents = ${INTENTS:-53575421} # every intent that needs no approval
data_dir = "$PWD/var/data"

[listen]
address = "127.0.0.1"
port = $port
TOML
  fi
  build/release/bin/evergate check --config "$config" || fail "$config is not usable; see above"
  cat <<TEXT
Evergate connects to Discord with $config.
  your bot:         point its REST base at http://127.0.0.1:$port/api (docs/bots.md has a line per library)
  where it stands:  build/release/bin/evergate consumers --config $config   (docs/admin.md)
  Ctrl-C stops the daemon and keeps its sessions at Discord for a few minutes.
TEXT
  exec python3 tools/launcher.py --address 127.0.0.1 --port "$port" -- build/release/bin/evergate --config "$config"
}

command_ledger() { exec python3 tools/ledger.py "$state"; }

command_rate() {
  [[ ${1:-} =~ ^[0-9]+$ ]] || fail "rate: how many events a second?"
  [[ -e $state/demo.json ]] || fail "no demonstration is running; start one with ./evergate.sh run"
  local control
  control=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["control"])' "$state/demo.json")
  python3 -c 'import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[1] + "/rate", sys.argv[2].encode(), {"content-type": "application/json"}))' \
    "$control" "{\"events_per_second\": $1}"
  echo "now $1 events a second"
}

passed=0
failed=0

unit_tests() {
  local log=build/dev/ctest.log all
  ctest --test-dir build/dev -j "$(jobs_that_fit)" --output-on-failure --no-tests=error 2>&1 | tee "$log" || true
  read -r bad all < <(sed -nE 's/.*tests passed, ([0-9]+) tests? failed out of ([0-9]+).*/\1 \2/p' "$log" | tail -1) || true
  if [[ -z ${all:-} ]]; then bad=1 all=1; fi
  passed=$((passed + all - bad))
  failed=$((failed + bad))
}

# One file: its story goes to a log, what matters of it to the terminal in one piece.
e2e_file() {
  local file=$1 log started=$SECONDS
  log=build/e2e-$(basename "$file" .test.mjs).log
  timeout --kill-after=20 1500 node --test --test-reporter=tap "$file" >"$log" 2>&1 || true
  local story
  story=$(grep -E '^ *(ok|not ok|# [^S]|error:)' "$log" |
    grep -vE '^# (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms)') || true
  printf '%s\n' "evergate.sh: $file ($((SECONDS - started)) s)${story:+
$story}"
}

# Two files at once: each waits most of its time, and has processes, ports and directories of its own. The long ones
# go first, so that none of them is left alone at the end. A file that ends without a summary (killed, out of time)
# counts as one failure.
e2e_tests() {
  local file log good bad
  need_node
  npm_packages examples/sample_bot
  npm_packages tests/e2e
  rm -f build/e2e-*.log
  export -f e2e_file
  long_first "$@" | xargs -0 -n 1 -P 2 bash -c 'e2e_file "$0"' || true
  for file in "$@"; do
    log=build/e2e-$(basename "$file" .test.mjs).log
    good=$(sed -nE 's/^# pass ([0-9]+).*/\1/p' "$log" | tail -1) || true
    bad=$(sed -nE 's/^# (fail|cancelled) ([0-9]+).*/\2/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }') || true
    if [[ -z $good ]]; then good=0 bad=1; fi
    if [[ $bad -gt 0 ]]; then echo "evergate.sh: the whole story of $file is in $log"; fi
    passed=$((passed + good))
    failed=$((failed + bad))
  done
}

# long_first FILE...: those that take a minute or more, then the others; each ended by a NUL.
long_first() {
  local pattern='/(restarts|reshard|reshard_[a-z]+|consumers|store|failures_[a-z]+|kill_daemon|absence)\.test\.mjs$' file
  for file in "$@"; do if [[ $file =~ $pattern ]]; then printf '%s\0' "$file"; fi; done
  for file in "$@"; do if [[ ! $file =~ $pattern ]]; then printf '%s\0' "$file"; fi; done
}

# Each seed counts as a test. That the oracle sees planted bugs is shown by ctest (simulation.catches_…).
simulation_tests() {
  local program=build/release/bin/evergate-simulate sources
  simulated fixed "$program" --seeds 1-2000 --jobs "$(nproc)"
  simulated reshard "$program" --seeds 1-200 --reshard --jobs "$(nproc)"
  sources=$(simulated_sources)
  echo "evergate.sh: 500 seeds of these sources, evergate-simulate --derive $sources"
  simulated commit "$program" --derive "$sources" --count 500 --jobs "$(nproc)"
}

simulation_and_dev() {
  local phases=''
  phase 'simulation' simulation_tests
  phase 'instructions per event' instruction_tests
  phase 'building dev' build_preset dev
  # The test house.headers_alone, which finds it done; it is that test that tells of a failure.
  phase 'headers alone' python3 tests/headers_alone.py build/dev || echo 'evergate.sh: house.headers_alone will fail'
  phases_told
}

# New seeds with each commit that changes what is simulated, the same for everybody who has these sources.
simulated_sources() {
  find src sim tests/simulation -type f \( -name '*.cpp' -o -name '*.h' \) -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum | sha256sum | cut -c 1-16
}

need_valgrind() {
  if ! command -v callgrind_control >/dev/null; then apt_install valgrind; fi
}

# Counts do not depend on what else the machine does.
instruction_tests() {
  if python3 bench/instructions.py "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# simulated NAME COMMAND: prints the seeds that failed, what each violated, and the line that runs it again.
simulated() {
  local log=build/simulation-$1.log seeds='' bad
  shift
  "$@" 2>&1 | tee "$log" | grep -E '^(seed|reproduce|simulation)' || true
  read -r seeds bad < <(sed -nE 's/^simulation: ([0-9]+) seeds, ([0-9]+) failed.*/\1 \2/p' "$log" | tail -1) || true
  if [[ -z ${seeds:-} ]]; then seeds=1 bad=1; fi
  passed=$((passed + seeds - bad))
  failed=$((failed + bad))
}

# beside NAME COMMAND...: runs the command, which counts in passed and failed, when nothing else wants the cores.
# beside_ends NAME prints what it said, and adds what it counted; one failure if it was cut off.
beside_pid=''
beside() {
  local name=$1
  shift
  rm -f "build/beside-$name.count"
  set -m # a group of processes of its own, so that all of it ends with us
  (
    renice -n 19 "$BASHPID" >/dev/null || true
    passed=0 failed=0
    "$@"
    echo "$passed $failed" >"build/beside-$name.count"
  ) >"build/beside-$name.log" 2>&1 &
  beside_pid=$!
  set +m
  trap 'kill -- "-$beside_pid" 2>/dev/null || true' EXIT
}

beside_ends() {
  local good bad
  wait "$beside_pid" || true
  trap - EXIT
  cat "build/beside-$1.log"
  read -r good bad < <(cat "build/beside-$1.count" 2>/dev/null) || { good=0 bad=1; }
  passed=$((passed + good))
  failed=$((failed + bad))
}

# phase NAME COMMAND...: notes how long the command took; phases_told prints it all.
phases=''
phase() {
  local name=$1 started=$SECONDS
  shift
  "$@"
  phases+="$(printf '%7d s  %s' $((SECONDS - started)) "$name")"$'\n'
}

phases_told() { printf 'evergate.sh: where the time went\n%s%7d s  in all\n' "$phases" "$SECONDS"; }

verdict() {
  echo "$passed passed, $failed failed"
  [[ $failed -eq 0 ]]
}

# The simulation has no clock but its own, and a compiler none at all: they take the time in which the end-to-end
# tests wait.
command_test() {
  phase 'what is needed' need
  need_valgrind
  phase 'building release' build_preset release -DEVERGATE_TESTS=OFF -DEVERGATE_SIMULATION=ON -DEVERGATE_BENCH=ON
  beside simulation simulation_and_dev
  phase 'end-to-end tests; the simulation and building dev beside them' e2e_tests tests/e2e/*.test.mjs
  phase 'what was left of those' beside_ends simulation
  phase 'unit tests and house rules' unit_tests
  phases_told
  verdict
}

command_test_unit() {
  need
  build_preset dev
  unit_tests
  verdict
}

command_test_simulation() {
  need
  build_preset release -DEVERGATE_TESTS=OFF -DEVERGATE_SIMULATION=ON
  simulation_tests
  verdict
}

command_test_instructions() {
  need
  need_valgrind
  build_preset release -DEVERGATE_TESTS=OFF -DEVERGATE_BENCH=ON
  instruction_tests "$@"
  verdict
}

command_test_e2e() {
  need
  build_preset release -DEVERGATE_TESTS=OFF
  if [[ $# -eq 0 ]]; then set -- tests/e2e/*.test.mjs; fi
  e2e_tests "$@"
  verdict
}

# The programs of all fuzz targets; the tests replay their corpora in dev, without libFuzzer.
build_fuzzers() {
  mkdir -p build
  cmake --preset fuzz >build/configure-fuzz.log 2>&1 || { cat build/configure-fuzz.log >&2; fail "cmake could not configure fuzz"; }
  cmake --build build/fuzz --target fuzzers -j "$(jobs_that_fit)"
}

command_fuzz() {
  [[ ${1:-} =~ ^[1-9][0-9]*$ ]] || fail "fuzz: how many seconds for each target?"
  need
  build_fuzzers
  exec python3 tools/fuzz.py "$@"
}

command_bench() {
  need
  need_valgrind
  if ! command -v mdb_stat >/dev/null; then apt_install lmdb-utils; fi
  build_preset release -DEVERGATE_TESTS=OFF -DEVERGATE_BENCH=ON
  exec python3 bench/run.py "$@"
}

command_soak() {
  local hours=8
  if [[ ${1:-} =~ ^[0-9]+(\.[0-9]+)?$ ]]; then hours=$1; shift; fi
  need
  need_node
  build_preset release -DEVERGATE_TESTS=OFF -DEVERGATE_SIMULATION=ON
  build_fuzzers
  npm_packages examples/sample_bot
  npm_packages tests/e2e
  exec python3 tools/soak.py --hours "$hours" "$@"
}

cpp_files() { git ls-files --cached --others --exclude-standard '*.cpp' '*.h'; }

command_format() {
  need
  cpp_files | xargs -r clang-format-19 -i
}

command_lint() {
  need
  # Each source by itself: clang-tidy finds a file by its own command.
  cmake --preset dev -B build/lint -DEVERGATE_UNITY=OFF -DEVERGATE_PCH=OFF >/dev/null
  local files=("$@")
  if [[ ${#files[@]} -eq 0 ]]; then
    local base=HEAD
    if git rev-parse -q --verify main >/dev/null; then base=$(git merge-base HEAD main); fi
    if [[ -n ${LINT_ALL:-} ]]; then mapfile -t files < <(git ls-files '*.cpp'); else
      mapfile -t files < <({ git diff --name-only --diff-filter=d "$base" -- '*.cpp'; git ls-files --others --exclude-standard '*.cpp'; } | sort -u)
    fi
  fi
  if [[ ${#files[@]} -eq 0 ]]; then echo "evergate.sh: no C++ file has changed"; return; fi
  run-clang-tidy-19 -quiet -p build/lint -j "$(jobs_that_fit)" "${files[@]/#/$PWD/}"
}

command_clean() { rm -rf build var; }

case ${1:-help} in
  build | run | ledger | rate | test | fuzz | bench | soak | format | lint | clean) name=$1 ;;
  test-unit) name=test_unit ;;
  test-simulation) name=test_simulation ;;
  test-instructions) name=test_instructions ;;
  test-e2e) name=test_e2e ;;
  help | -h | --help) usage; exit ;;
  *) usage >&2; fail "unknown command '$1'" ;;
esac
shift
"command_$name" "$@"
