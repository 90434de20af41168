# The steps of scripts/test. Each leaves JUnit XML files in $results; `finish` adds them up.

results=$PWD/build/test-results
rm -rf "$results"
mkdir -p "$results"
# Steps that are not tests (setup, build, format) count as one test each.
steps_passed=0
steps_failed=0
# For what is built with ThreadSanitizer.
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp"
# Most tests wait for timers and disks, not for processors.
workers=${TEST_WORKERS:-4}

step() {
  local name=$1
  shift
  echo "== $name"
  if "$@"; then
    steps_passed=$((steps_passed + 1))
  else
    steps_failed=$((steps_failed + 1))
    echo "FAILED: $name" >&2
    return 1
  fi
}

# build PRESET [TARGET...]: everything unless targets are named.
build() {
  step "configure $1" cmake --preset "$1" --log-level=WARNING || return 1
  step "build $1" cmake --build --preset "$1" ${2:+--target} "${@:2}" || return 1
}

# unit_tests PRESET [PROGRAM...]: all unless some are named. Two at a time: one a core.
unit_tests() {
  local programs=(build/"$1"/tests/*_tests) program name
  [ $# -gt 1 ] && programs=("${@:2}") && programs=("${programs[@]/#/build/$1/tests/}")
  for program in "${programs[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    unit_test "$1" "$program" &
  done
  wait
  for program in "${programs[@]}"; do
    name=$results/$1-$(basename "$program")
    [ "$(cat "$name.status")" = 0 ] || count_unless_told "$program" "$name.xml"
  done
}

# A program that failed without a failed test in its results: it crashed, or a sanitizer complained.
count_unless_told() {
  grep -q "<failure" "$2" 2>/dev/null && return
  echo "FAILED: $1, outside its tests" >&2
  steps_failed=$((steps_failed + 1))
}

unit_test() {
  local preset=$1 program=$2 filter=* name
  name=$results/$1-$(basename "$2")
  # A sanitizer slows simulated ensembles down too much for all their seeds, and for those in which
  # planted bugs are found.
  unset LOCKKEEPER_SEEDS
  if [ "$preset" != release ]; then
    export LOCKKEEPER_SEEDS=100
    filter=-Simulation/Planted.*
  fi
  # They try every byte or operation, for minutes, and are no tests of threads: LevelDB's own runs
  # in others, too. AddressSanitizer's turn has been enough.
  if [ "$preset" = tsan ]; then
    filter+=:CrashWithSectorsInAnyOrder.*:*/CrashAtEveryOperation.*:*/LevelDbCrash.*:LevelDbDamage.*
    filter+=:LevelDbFullDisk.*:LevelDbFailedSync.*:States/*:SnapshotReaderTest.EveryFlipped*
    filter+=:*/RecoveryAfterPowerLoss.*
  fi
  echo "== $preset $(basename "$program")"
  timeout 1200 "$program" --gtest_brief=1 --gtest_filter="$filter" \
    --gtest_output="xml:$name.xml"
  echo $? >"$name.status"
}

run_pytest() {
  local name=$1
  shift
  echo "== $name"
  /usr/bin/python3 -m pytest -q -p no:cacheprovider --junitxml="$results/$name.xml" \
    -n "$workers" --dist loadgroup --timeout 600 "$@"
  [ -s "$results/$name.xml" ] || steps_failed=$((steps_failed + 1))
}

compat_tests() {
  export LOCKKEEPER_BINARY=$PWD/build/release/lockkeeper
  if [ $# -gt 0 ]; then
    run_pytest compat "$@"
  else
    run_pytest compat compat-tests --ignore compat-tests/mixed
    COMPAT_ENSEMBLE=3 run_pytest clients-of-an-ensemble compat-tests/{kazoo,zkcli,cclient,java}
    COMPAT_ENSEMBLE=3 COMPAT_CHAOS=follower run_pytest clients-beside-kills compat-tests/{kazoo,cclient}
    mixed_ensembles
  fi
}

# Now and then an Apache member gives a client no answer, in ensembles of Apache alone too: what
# fails is run once more, and then it counts.
mixed_ensembles() {
  local cache=$PWD/build/mixed-cache
  rm -rf "$cache"
  run_pytest mixed compat-tests/mixed -p cacheprovider -o cache_dir="$cache"
  if grep -q "<failure\|<error" "$results/mixed.xml" 2>/dev/null; then
    mv "$results/mixed.xml" "$cache/first.xml"
    run_pytest mixed compat-tests/mixed -p cacheprovider -o cache_dir="$cache" --last-failed
  fi
}

# Beyond what compat_tests runs of ensembles.
ensemble_tests() {
  export LOCKKEEPER_BINARY=$PWD/build/release/lockkeeper
  COMPAT_LONG=1 run_pytest mixed compat-tests/mixed
  COMPAT_ENSEMBLE=3 COMPAT_CHAOS=follower run_pytest clients-beside-kills compat-tests/{kazoo,zkcli,cclient,java}
  COMPAT_ENSEMBLE=3 COMPAT_CHAOS=1 run_pytest clients-under-kills compat-tests/kazoo
}

# The client protocol's checklist once more, against a server built with a sanitizer, which ends at
# the first finding.
checklist_under() {
  TSAN_OPTIONS="$TSAN_OPTIONS halt_on_error=1" LOCKKEEPER_BINARY=$PWD/build/$1/lockkeeper \
    run_pytest "checklist-$1" compat-tests/checklist
}

# New inputs and crashing ones are left in build/fuzz/found/<name>. Two at a time: one a core.
fuzz_smoke() {
  build fuzz || return
  local programs=(build/fuzz/tests/fuzz/*_fuzzer) i j
  for ((i = 0; i < ${#programs[@]}; i += 2)); do
    local pids=() program
    for program in "${programs[@]:i:2}"; do
      fuzz "$program" &
      pids+=($!)
    done
    for ((j = 0; j < ${#pids[@]}; ++j)); do
      step "fuzz $(basename "${programs[i + j]}" _fuzzer)" wait "${pids[j]}"
    done
  done
}

fuzz() {
  local name found
  name=$(basename "$1" _fuzzer)
  found=build/fuzz/found/$name
  rm -rf "$found"
  mkdir -p "$found"
  "$1" -seed=1 -max_total_time=15 -timeout=10 -verbosity=0 -close_fd_mask=1 \
    -artifact_prefix="$found/" "$found" "tests/fuzz/corpus/$name"
}

finish() {
  /usr/bin/python3 scripts/lib/sum_results.py "$results" "$steps_passed" "$steps_failed"
  exit $?
}
