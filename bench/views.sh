#!/usr/bin/env bash
# Bytes an event in the lake, against JSON lines, plain and gzipped; and the time of every view on the lake, against the same
# statement on one bare sorted Parquet file in DuckDB (= 1) and in PostgreSQL with indexes, where that is installed and asked for;
# and of the view as the page asks for it, from rollups where it has one.
# A million events without argument; ten million take about six minutes, with PostgreSQL a quarter of an hour. The lake is kept for
# the next run where a folder is named.
#
#   bench/views.sh [EVENTS [postgres] [FOLDER]]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
go build -o "$program" ./bench/lake
"$program" views "${@:-1000000}"
