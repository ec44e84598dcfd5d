/*
title: Variants
question: Which templates belong to it, and how alike are they?
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - {name: payload, type: string, meaning: "a payload (its id)"}
  - {name: family, type: string, meaning: "a family (its id)"}
  - {name: limit, type: int, default: "20", min: 1, max: 10000, meaning: "show this many templates, those with the most events first"}
chart: {type: table, y: template_id, value: payload_events}
page: payload
order: 20
span: 7
columns:
  - {name: template_id, type: string, meaning: "the template"}
  - {name: payload_id, type: string, is: payload, meaning: "a payload of it"}
  - {name: size, type: int, unit: bytes, meaning: "size of that payload"}
  - {name: payload_events, type: int, unit: events, meaning: "events with a payload of the template"}
  - {name: distinct_payloads, type: int, unit: payloads, meaning: "different to the byte"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: why, type: string, meaning: "what joined it to its family"}
  - {name: similarity, type: float, meaning: "how like the nearest other template of the family, 0 to 1"}
  - {name: first_seen, type: time, meaning: "first event in the window"}
caveats:
  - Similarity is the share of what two skeletons have in common; slots do not count.
*/
SELECT f.template_id, min(s.payload_id) AS payload_id, min_by(p.size, s.payload_id) AS size, count(*) AS payload_events,
  count(DISTINCT s.payload_id) AS distinct_payloads, count(DISTINCT s.src_ip) AS sources,
  max(g.why) AS why, max(g.similarity) AS similarity, min(s.ts) AS first_seen
FROM scope s
JOIN payload_facts f ON f.payload_id = s.payload_id
JOIN payloads p ON p.payload_id = s.payload_id
LEFT JOIN grouped g ON g.template_id = f.template_id
WHERE s.kind = 'payload' AND (:payload = '' OR s.payload_id = :payload) AND (:family = '' OR g.family_id = :family)
GROUP BY f.template_id
ORDER BY payload_events DESC, f.template_id
LIMIT :limit
