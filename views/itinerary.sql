/*
title: Itinerary
question: Where and when was a source, network or country seen, and what did it do?
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - {name: x, type: string, default: "", meaning: "an address, a network (64500 or AS64500) or a country (NG)"}
  - {name: hours, type: int, default: "24", min: 1, max: 744, meaning: "width of a bin in hours"}
chart: {type: dots, x: bin, y: place, value: attempts}
columns:
  - {name: bin, type: time, meaning: "beginning of the bin, UTC"}
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: kind, type: string, meaning: "kind of event"}
  - {name: ports, type: string, meaning: "ports tried, the 32 lowest"}
  - {name: port_count, type: int, unit: ports, meaning: "different ports"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: events, type: int, unit: rows, meaning: "rows of the table events"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts that they stand for"}
  - {name: first_seen, type: time, meaning: "first time in the bin, UTC"}
  - {name: last_seen, type: time, meaning: "last time in the bin, UTC"}
caveats:
  - Addresses change hands; the same address on another day may be somebody else.
  - A sensor that was down saw nothing.
*/
WITH found AS (
  -- One after the other, since what x is not is soon known, and nothing is found twice: no text is an address, a country and a number.
  SELECT ts, place, kind, transport, dst_port, src_ip, attempts
  FROM scope
  WHERE src_ip = lower(:x)
  UNION ALL
  SELECT ts, place, kind, transport, dst_port, src_ip, attempts
  FROM scope
  WHERE country = upper(:x)
  UNION ALL
  SELECT ts, place, kind, transport, dst_port, src_ip, attempts
  FROM scope
  WHERE asn = CASE WHEN length(:x) BETWEEN 1 AND 12
      AND (translate(:x, '0123456789', '') = '' OR translate(upper(:x), '0123456789', '') = 'AS' AND upper(:x) LIKE 'AS_%')
    THEN CAST(replace(upper(:x), 'AS', '') AS bigint) END
), mine AS (
  SELECT from_unixtime(floor(to_unixtime(ts) / (3600 * :hours)) * 3600 * :hours) AS bin, place, kind, transport, dst_port, src_ip, ts, attempts
  FROM found
  WHERE :x <> ''
), ports AS (
  SELECT bin, place, kind, transport, dst_port, row_number() OVER (PARTITION BY bin, place, kind ORDER BY dst_port, transport) AS n
  FROM mine
  GROUP BY bin, place, kind, transport, dst_port
), listed AS (
  SELECT bin, place, kind, max(n) AS port_count,
    array_join(array_agg(CASE WHEN n <= 32 THEN transport || '/' || CAST(dst_port AS varchar) END ORDER BY n), ' ') AS ports
  FROM ports
  GROUP BY bin, place, kind
)
SELECT m.bin, m.place, m.kind, l.ports, l.port_count, count(DISTINCT m.src_ip) AS sources, count(*) AS events, sum(m.attempts) AS attempts,
  min(m.ts) AS first_seen, max(m.ts) AS last_seen
FROM mine m
JOIN listed l ON l.bin = m.bin AND l.place = m.place AND l.kind = m.kind
GROUP BY m.bin, m.place, m.kind, l.ports, l.port_count
ORDER BY m.bin, m.place, m.kind
