#!/usr/bin/env bash
# How long each measure takes, on made-up data as large as a busy month: seconds, and seconds of processor, which are what
# counts on a machine that does other things, too. The medians of up to three runs.
#
#   bench/measure.sh
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
go build -o "$program" ./bench/measure
"$program"
