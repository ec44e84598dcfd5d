/*
title: Seen here only
question: What was seen in one region and in no other?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
params:
  - name: by
    type: enum
    default: port
    meaning: what is compared
    values:
      - {name: port, sql: "s.transport || '/' || CAST(s.dst_port AS varchar)"}
      - {name: protocol, sql: s.app_proto}
      - {name: country, sql: s.country}
      - {name: network, sql: CAST(s.asn AS varchar)}
      - {name: source, sql: s.src_ip}
      - {name: template, sql: f.template_id}
  - {name: min_sources, type: int, default: "1", min: 1, max: 1000000, meaning: "of at least this many client addresses"}
  - {name: top, type: int, default: "200", min: 1, max: 100000, meaning: "show this many, the least likely by chance first"}
chart: {type: table, y: thing, value: attempts}
columns:
  - {name: place, type: string, meaning: "the only region or sensor"}
  - {name: thing, type: string, meaning: "port, protocol, country, network (ASN), source or template (SHA-256)"}
  - {name: network, type: string, meaning: "name of the network where networks are compared"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts of the kind asked for"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: chance, type: float, unit: probability, meaning: "that so many sources all come to the place if they choose places as all sources do"}
  - {name: first_seen, type: time, meaning: "first time in the window, UTC"}
  - {name: last_seen, type: time, meaning: "last time in the window, UTC"}
caveats:
  - What has few sources is seen in one place by chance alone; chance says how likely that is. Of many rows some are unlikely by chance, too.
  - A sensor that was down for part of the window, or serves other ports, sees less of what all see.
*/
WITH things AS (
  SELECT :by AS thing, max(s.place) AS place, sum(s.attempts) AS attempts, count(DISTINCT s.src_ip) AS sources, min(s.ts) AS first_seen, max(s.ts) AS last_seen,
    -- The number of a network is no thing of another sort: all others have letters, dots or a slash.
    max(CASE WHEN :by = CAST(s.asn AS varchar) THEN s.as_name END) AS network
  FROM scope s
  LEFT JOIN payload_facts f ON f.payload_id = s.payload_id
  WHERE :by IS NOT NULL
  GROUP BY :by
  HAVING count(DISTINCT s.place) = 1 AND count(DISTINCT s.src_ip) >= :min_sources
), visits AS (
  SELECT place, count(DISTINCT src_ip) AS sources
  FROM scope
  GROUP BY place
), total AS (
  SELECT sum(sources) AS sources
  FROM visits
)
SELECT t.place, t.thing, t.network, t.attempts, t.sources, power(CAST(v.sources AS double) / a.sources, t.sources) AS chance, t.first_seen, t.last_seen
FROM things t
JOIN visits v ON v.place = t.place
CROSS JOIN total a
ORDER BY chance, t.attempts DESC, t.place, t.thing
LIMIT :top
