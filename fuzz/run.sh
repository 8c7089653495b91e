#!/bin/sh
# Builds a fuzz target with coverage instrumentation on the stable toolchain and runs it.
#   fuzz/run.sh TARGET [SECONDS] [further libFuzzer flags]
set -eu
cd "$(dirname "$0")"
target=$1
seconds=${2:-60}
[ $# -gt 1 ] && shift
shift

passes='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4'
passes="$passes -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
passes="$passes -Cllvm-args=-sanitizer-coverage-pc-table"
passes="$passes -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
triple=$(rustc -vV | sed -n 's/^host: //p')
# With --target, build scripts and macros stay without instrumentation.
RUSTFLAGS="--cfg fuzzing $passes ${RUSTFLAGS:-}" \
    cargo build --release --target "$triple" --bin "$target"

mkdir -p "artifacts/$target" "target/corpus/$target"
# Targets that read files write each input first: a disk would take ten times as long as the parser.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ]; then
    export TMPDIR=/dev/shm
fi
# What it learns goes into the first folder, not into the kept one.
"target/$triple/release/$target" -max_total_time="$seconds" -max_len=16384 -timeout=10 \
    -artifact_prefix="artifacts/$target/" "$@" "target/corpus/$target" "corpus/$target"
