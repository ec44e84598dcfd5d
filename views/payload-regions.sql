/*
title: Where
question: Which regions met it, and more often than their share of all payloads would give?
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - {name: payload, type: string, meaning: "a payload (its id)"}
  - {name: family, type: string, meaning: "a family (its id)"}
chart: {type: bars, y: place, value: sources, x2: log2_expected}
page: payload
order: 10
span: 5
columns:
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: payload_events, type: int, unit: events, meaning: "events with it"}
  - {name: per_mille, type: float, unit: "‰", meaning: "share of the place's payload events"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses that sent it there"}
  - {name: log2_expected, type: float, meaning: "log2 of sources over what the place's share of all sources with payloads would give; empty where none was seen"}
  - {name: first_seen, type: time, meaning: "first event there in the window"}
  - {name: last_seen, type: time, meaning: "last event there in the window"}
caveats:
  - A ratio of few sources says little; with fewer than ten no difference between places is claimed.
  - A sensor that was down for part of the window saw less.
*/
WITH sent AS (
  SELECT s.place, s.src_ip, s.ts,
    CASE WHEN (:payload = '' OR s.payload_id = :payload) AND (:family = '' OR g.family_id = :family) THEN 1 ELSE 0 END AS it
  FROM scope s
  JOIN payload_facts f ON f.payload_id = s.payload_id
  LEFT JOIN grouped g ON g.template_id = f.template_id
  WHERE s.kind = 'payload'
),
by_place AS (
  SELECT place, sum(it) AS payload_events, count(*) AS everything, count(DISTINCT src_ip) AS all_sources,
    count(DISTINCT CASE WHEN it = 1 THEN src_ip END) AS sources,
    min(CASE WHEN it = 1 THEN ts END) AS first_seen, max(CASE WHEN it = 1 THEN ts END) AS last_seen
  FROM sent
  GROUP BY place
),
total AS (
  SELECT sum(sources) AS sources, sum(all_sources) AS all_sources FROM by_place
)
SELECT b.place, b.payload_events, 1000 * CAST(b.payload_events AS double) / b.everything AS per_mille, b.sources,
  CASE WHEN b.sources > 0 THEN log2(CAST(b.sources AS double) * t.all_sources / (CAST(t.sources AS double) * b.all_sources)) END AS log2_expected,
  b.first_seen, b.last_seen
FROM by_place b
CROSS JOIN total t
ORDER BY b.place
