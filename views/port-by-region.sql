/*
title: Attempts by port and region
question: Which ports are tried where?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
rollup: payload
params:
  - {name: top, type: int, default: "25", min: 1, max: 65536, meaning: "show this many ports, the most tried first"}
chart: {type: heatmap, x: place, y: port, label: service, value: attempts, scale: log}
tall: 2
page: overview
order: 20
span: 8
columns:
  - {name: transport, type: string, meaning: "tcp, udp or icmp"}
  - {name: port, type: int, meaning: "port tried (the type for icmp)"}
  - {name: service, type: string, meaning: "what the configuration expects there"}
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts of the kind asked for"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: distinct_payloads, type: int, unit: payloads, meaning: "different payloads"}
caveats:
  - One noisy source can fill a cell; compare attempts with sources before you call a cell a difference.
*/
WITH cells AS (
  SELECT transport, dst_port AS port, place,
    sum(attempts) AS attempts, count(DISTINCT src_ip) AS sources, count(DISTINCT payload_id) AS distinct_payloads
  FROM scope
  GROUP BY transport, dst_port, place
), ports AS (
  SELECT transport, port, sum(attempts) AS total
  FROM cells
  GROUP BY transport, port
  ORDER BY total DESC, port, transport
  LIMIT :top
), services AS (
  SELECT transport, port, max(service) AS service
  FROM served_ports
  GROUP BY transport, port
)
SELECT c.transport, c.port, s.service, c.place, c.attempts, c.sources, c.distinct_payloads
FROM cells c
JOIN ports p ON p.transport = c.transport AND p.port = c.port
LEFT JOIN services s ON s.transport = c.transport AND s.port = c.port
ORDER BY p.total DESC, c.port, c.transport, c.place
