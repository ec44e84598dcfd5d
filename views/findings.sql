/*
title: Findings
question: What do the payloads carry, where does it come from, and since when?
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - {name: port, type: int, default: "0", min: 0, max: 65535, meaning: "only what was sent to this port (0: any)"}
  - name: carrying
    type: enum
    default: something
    meaning: "which families"
    values:
      - {name: something, sql: "1"}
      - {name: anything, sql: "0"}
  - {name: named, type: int, default: "8", min: 1, max: 100, meaning: "show so many indicators of a family, URLs and those in the most payloads first"}
  - {name: limit, type: int, default: "100", min: 1, max: 10000, meaning: "show this many, those with the most sources first"}
chart: {type: table, y: cargo, value: sources}
page: payloads
order: 5
span: 12
columns:
  - {name: family_id, type: string, is: family, meaning: "the family"}
  - {name: cargo, type: string, is: said, meaning: "the command that they carry, decoded"}
  - {name: indicators, type: string, is: indicators, meaning: "what they fetch, connect to or run, each behind its role: callback, stage2, dropper, c2, image or wallet"}
  - {name: first_seen, type: time, meaning: "first event in the window"}
  - {name: last_seen, type: time, meaning: "last event in the window"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: reach, type: int, unit: places, meaning: "number of regions (or sensors) that met the family"}
  - {name: payload_events, type: int, unit: events, meaning: "events with a payload of the family"}
  - {name: distinct_payloads, type: int, unit: payloads, meaning: "different to the byte"}
  - {name: vehicle, type: string, is: said, meaning: "the wrapper that the family's payloads share"}
caveats:
  - Families that carry neither a command nor such an indicator are left out, unless carrying is anything.
  - A host is left out where it stands in a URL of the same role. Nothing was ever fetched or resolved.
  - An indicator is what a payload names. Its owner may be a victim too.
*/
WITH sent AS (
  SELECT g.family_id, g.vehicle, g.cargo, s.payload_id, s.src_ip, s.place, s.ts
  FROM scope s
  JOIN payload_facts f ON f.payload_id = s.payload_id
  JOIN grouped g ON g.template_id = f.template_id
  WHERE s.kind = 'payload' AND (:port = 0 OR s.dst_port = :port)
), members AS (
  SELECT DISTINCT family_id, payload_id
  FROM sent
), named AS (
  SELECT m.family_id, CASE WHEN i.role <> '' THEN i.role ELSE i.type END AS role, i.type, substr(i.value, 1, 200) AS value, count(DISTINCT m.payload_id) AS payloads
  FROM members m
  JOIN indicators i ON i.payload_id = m.payload_id
  WHERE i.role <> '' OR i.type IN ('image', 'wallet')
  GROUP BY m.family_id, CASE WHEN i.role <> '' THEN i.role ELSE i.type END, i.type, substr(i.value, 1, 200)
), urls AS (
  SELECT family_id, role, array_join(array_agg(value), ' ') AS text
  FROM named
  WHERE type = 'url'
  GROUP BY family_id, role
), ranked AS (
  SELECT n.family_id, n.role, n.value, count(*) OVER (PARTITION BY n.family_id) AS all_named,
    row_number() OVER (PARTITION BY n.family_id ORDER BY CASE n.type WHEN 'url' THEN 0 WHEN 'image' THEN 2 ELSE 1 END, n.payloads DESC, n.value, n.role) AS rank
  FROM named n
  LEFT JOIN urls u ON u.family_id = n.family_id AND u.role = n.role
  WHERE n.type = 'url' OR u.text IS NULL OR strpos(u.text, n.value) = 0
), lists AS (
  SELECT family_id, array_join(array_agg(role || ' ' || value ORDER BY rank), ', ')
    || CASE WHEN max(all_named) > :named THEN ', and ' || CAST(max(all_named) - :named AS varchar) || ' more' ELSE '' END AS indicators
  FROM ranked
  WHERE rank <= :named
  GROUP BY family_id
), met AS (
  SELECT family_id, max(cargo) AS cargo, max(vehicle) AS vehicle, min(ts) AS first_seen, max(ts) AS last_seen, count(DISTINCT src_ip) AS sources,
    count(DISTINCT place) AS reach, count(*) AS payload_events, count(DISTINCT payload_id) AS distinct_payloads
  FROM sent
  GROUP BY family_id
)
SELECT m.family_id, m.cargo, l.indicators, m.first_seen, m.last_seen, m.sources, m.reach, m.payload_events, m.distinct_payloads, m.vehicle
FROM met m
LEFT JOIN lists l ON l.family_id = m.family_id
WHERE :carrying = 0 OR m.cargo <> '' OR l.indicators IS NOT NULL
ORDER BY m.sources DESC, m.payload_events DESC, m.family_id
LIMIT :limit
