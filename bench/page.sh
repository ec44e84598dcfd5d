#!/usr/bin/env bash
# How long the views of the overview take together, one after another, first time and again, on ten million simulated events, or on
# as many as are asked for. Filling the lake takes most of the time; it is kept for the next run where a folder is named.
#
#   bench/page.sh [EVENTS [FOLDER]]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
go build -o "$program" ./bench/lake
"$program" page "${@:-10000000}"
