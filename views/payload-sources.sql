/*
title: From
question: Who sent it, and what else did they try?
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - {name: payload, type: string, meaning: "a payload (its id)"}
  - {name: family, type: string, meaning: "a family (its id)"}
  - {name: limit, type: int, default: "20", min: 1, max: 10000, meaning: "show this many sources, those with the most events first"}
chart: {type: table, y: src_ip, value: payload_events}
page: payload
order: 30
span: 12
columns:
  - {name: src_ip, type: string, meaning: "address of the client"}
  - {name: as_name, type: string, meaning: "network of the address"}
  - {name: country, type: string, meaning: "country of the address (ISO 3166-1 alpha-2)"}
  - {name: scanner, type: string, meaning: "scanning organisation that the address announces, which says nothing of its intent"}
  - {name: payload_events, type: int, unit: events, meaning: "events with it"}
  - {name: reach, type: int, unit: places, meaning: "regions (or sensors) where this source sent it"}
  - {name: ports, type: string, meaning: "ports to which it sent it"}
  - {name: unserved, type: int, unit: ports, meaning: "unserved ports that the source tried in the window"}
  - {name: first_seen, type: time, meaning: "first event with it"}
  - {name: last_seen, type: time, meaning: "last event with it"}
caveats:
  - The country is that of the address, never that of an actor.
*/
WITH chosen AS (
  SELECT f.payload_id
  FROM payload_facts f
  LEFT JOIN grouped g ON g.template_id = f.template_id
  WHERE (:payload = '' OR f.payload_id = :payload) AND (:family = '' OR g.family_id = :family)
),
senders AS (
  SELECT s.src_ip, max(s.as_name) AS as_name, max(s.country) AS country, max(s.scanner) AS scanner, count(*) AS payload_events,
    count(DISTINCT s.place) AS reach,
    array_join(array_agg(DISTINCT CAST(s.dst_port AS varchar) ORDER BY CAST(s.dst_port AS varchar)), ' ') AS ports,
    min(s.ts) AS first_seen, max(s.ts) AS last_seen
  FROM scope s
  JOIN chosen c ON c.payload_id = s.payload_id
  WHERE s.kind = 'payload'
  GROUP BY s.src_ip
  ORDER BY count(*) DESC, s.src_ip
  LIMIT :limit
),
tried AS (
  SELECT s.src_ip, count(DISTINCT s.transport || CAST(s.dst_port AS varchar)) AS unserved
  FROM scope s
  JOIN senders x ON x.src_ip = s.src_ip
  WHERE s.kind = 'unserved'
  GROUP BY s.src_ip
)
SELECT x.src_ip, x.as_name, x.country, x.scanner, x.payload_events, x.reach, x.ports, coalesce(t.unserved, 0) AS unserved, x.first_seen, x.last_seen
FROM senders x
LEFT JOIN tried t ON t.src_ip = x.src_ip
ORDER BY x.payload_events DESC, x.src_ip
