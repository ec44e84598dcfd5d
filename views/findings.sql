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
  SELECT payload_id, src_ip, place, min(ts) AS first_ts, max(ts) AS last_ts, count(*) AS events
  FROM scope
  WHERE kind = 'payload' AND (:port = 0 OR dst_port = :port)
  GROUP BY payload_id, src_ip, place
), members AS (
  SELECT g.family_id, f.payload_id, g.vehicle, g.cargo
  FROM payload_facts f
  JOIN grouped g ON g.template_id = f.template_id
  WHERE f.payload_id IN (SELECT payload_id FROM sent)
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
), told AS (
  SELECT family_id, max(cargo) AS cargo, max(vehicle) AS vehicle
  FROM members
  GROUP BY family_id
), met AS (
  SELECT m.family_id, min(s.first_ts) AS first_seen, max(s.last_ts) AS last_seen, count(DISTINCT s.src_ip) AS sources,
    count(DISTINCT s.place) AS reach, CAST(sum(s.events) AS bigint) AS payload_events, count(DISTINCT s.payload_id) AS distinct_payloads
  FROM sent s
  JOIN members m ON m.payload_id = s.payload_id
  GROUP BY m.family_id
)
SELECT m.family_id, t.cargo, l.indicators, m.first_seen, m.last_seen, m.sources, m.reach, m.payload_events, m.distinct_payloads, t.vehicle
FROM met m
JOIN told t ON t.family_id = m.family_id
LEFT JOIN lists l ON l.family_id = m.family_id
WHERE :carrying = 0 OR t.cargo <> '' OR l.indicators IS NOT NULL
ORDER BY m.sources DESC, m.payload_events DESC, m.family_id
LIMIT :limit
