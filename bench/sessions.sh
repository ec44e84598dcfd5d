#!/usr/bin/env bash
# Short TCP sessions with a payload of 200 bytes, 64 clients at once: how many a second the sensor records durably, and at
# what cost, against a minimal accept loop in Go that appends JSON lines to a file (= 1). Every session is numbered and
# looked for afterwards. In a network namespaces of its own; needs the superuser.
#
#   bench/sessions.sh
exec "$(dirname "$0")/in-namespace.sh" sessions
