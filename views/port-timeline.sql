/*
title: Over time
question: When were the ports tried?
scope: [from, to, regions, sensors, kind, ip_version, scanners]
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
WITH ports AS (
  SELECT transport, dst_port AS port, sum(attempts) AS total
  FROM scope
  GROUP BY transport, dst_port
  ORDER BY total DESC, port, transport
  LIMIT :top
)
SELECT s.transport, s.dst_port AS port,
  from_unixtime(floor(to_unixtime(s.ts) / (3600 * :hours)) * 3600 * :hours) AS bin,
  sum(s.attempts) AS attempts
FROM scope s
JOIN ports p ON p.transport = s.transport AND p.port = s.dst_port
GROUP BY s.transport, s.dst_port, p.total, 3
ORDER BY p.total DESC, port, transport, bin
