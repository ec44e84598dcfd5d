#!/usr/bin/env bash
# Asks Log4j 2.14.1 itself: messages in base64 on stdin, what it would look up on stdout (see Oracle.java). The libraries are
# fetched once. It runs without an environment, for the messages ask for that.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/terroir-ci/log4j"
mkdir -p "$cache"
for artifact in log4j-api log4j-core; do
  if [ ! -f "$cache/$artifact-2.14.1.jar" ]; then
    fetched=$(mktemp -d "$cache/fetch.XXXXXX")
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -Dartifact="org.apache.logging.log4j:$artifact:2.14.1" \
      -DoutputDirectory="$fetched" >&2
    mv "$fetched/$artifact-2.14.1.jar" "$cache/"
    rmdir "$fetched"
  fi
done
exec env -i "$(command -v java)" -Dlog4j2.StatusLogger.level=OFF -Duser.language=en -Duser.country=US \
  -cp "$cache/log4j-api-2.14.1.jar:$cache/log4j-core-2.14.1.jar" "$here/Oracle.java"
