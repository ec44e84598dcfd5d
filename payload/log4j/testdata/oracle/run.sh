#!/usr/bin/env bash
# Asks Log4j 2.14.1 itself: messages in base64 on stdin, what it would look up on stdout (see Oracle.java). The libraries, and a
# compiler for machines that have no JDK, are fetched once. It runs without an environment, for the messages ask for that.
# The golden file is made anew with: go test ./payload/log4j -run Log4jItself -update
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/terroir-ci/log4j"
mkdir -p "$cache"
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
for artifact in org.apache.logging.log4j:log4j-api:2.14.1 org.apache.logging.log4j:log4j-core:2.14.1 org.eclipse.jdt:ecj:3.43.0; do
  IFS=: read -r _ name version <<<"$artifact"
  if [ ! -f "$cache/$name-$version.jar" ]; then
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -Dartifact="$artifact" -DoutputDirectory="$work" >&2
    mv "$work/$name-$version.jar" "$cache/"
  fi
done
classpath="$cache/log4j-api-2.14.1.jar:$cache/log4j-core-2.14.1.jar:$work"
java -jar "$cache/ecj-3.43.0.jar" -11 -nowarn -cp "$classpath" -d "$work" "$here/Oracle.java" >&2
env -i "$(command -v java)" -Dlog4j2.StatusLogger.level=OFF -Duser.language=en -Duser.country=US -cp "$classpath" Oracle
