#!/usr/bin/env bash
# How long each measure takes, first time: the view's statement in DuckDB and the Go step after it, on ten million simulated
# events, or on as many as are asked for. Filling the lake takes most of the time; it is kept for the next run where a folder is
# named.
#
#   bench/measures.sh [EVENTS [FOLDER]]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
go build -o "$program" ./bench/lake
"$program" measures "${@:-10000000}"
