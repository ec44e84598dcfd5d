/*
title: Over time
question: When were the ports tried?
scope: [from, to, regions, sensors, kind, ip_version, scanners]
rollup: hour
params:
  - {name: hours, type: int, default: "4", min: 1, max: 744, meaning: "width of a bin in hours"}
  - {name: top, type: int, default: "14", min: 1, max: 200, meaning: "show this many ports, the most tried first"}
chart: {type: lines, x: bin, y: port, value: attempts}
page: overview
order: 75
span: 6
columns:
  - {name: transport, type: string, meaning: "tcp, udp or icmp"}
  - {name: port, type: int, meaning: "port tried"}
  - {name: bin, type: time, meaning: "beginning of the bin, UTC"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts of the kind asked for"}
caveats:
  - A bin without attempts has no row.
*/
WITH binned AS (
  SELECT transport, dst_port AS port, floor(to_unixtime(ts) / (3600 * :hours)) AS bin, sum(attempts) AS attempts
  FROM scope
  GROUP BY transport, dst_port, 3
), ports AS (
  SELECT transport, port, sum(attempts) AS total
  FROM binned
  GROUP BY transport, port
  ORDER BY total DESC, port, transport
  LIMIT :top
)
SELECT b.transport, b.port, from_unixtime(b.bin * 3600 * :hours) AS bin, b.attempts
FROM binned b
JOIN ports p ON p.transport = b.transport AND p.port = b.port
ORDER BY p.total DESC, b.port, b.transport, bin
