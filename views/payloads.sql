/*
title: Payloads
question: What exactly was sent?
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - {name: family, type: string, meaning: "only payloads of this family (its id)"}
  - {name: template, type: string, meaning: "only payloads of this template (its id)"}
  - {name: port, type: int, default: "0", min: 0, max: 65535, meaning: "only what was sent to this port (0: any)"}
  - {name: limit, type: int, default: "40", min: 1, max: 10000, meaning: "show this many, those with the most sources first"}
chart: {type: table, y: payload_id, value: payload_events}
page: payloads
order: 40
span: 12
columns:
  - {name: payload_id, type: string, is: payload, meaning: "SHA-256 of the bytes"}
  - {name: app_proto, type: string, meaning: "protocol spoken"}
  - {name: label, type: string, is: said, meaning: "the field's term for the request"}
  - {name: size, type: int, unit: bytes, meaning: "bytes kept"}
  - {name: payload_events, type: int, unit: events, meaning: "events with this payload"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: reach, type: int, unit: places, meaning: "number of regions (or sensors) that met it"}
  - {name: ports, type: string, meaning: "ports to which it was sent"}
  - {name: family_id, type: string, is: family, meaning: "its family"}
  - {name: first_seen, type: time, meaning: "first event in the window"}
  - {name: last_seen, type: time, meaning: "last event in the window"}
caveats:
  - A payload is what a client sent first, up to a limit.
*/
SELECT s.payload_id, max(f.app_proto) AS app_proto, max(f.label) AS label, max(p.size) AS size,
  count(*) AS payload_events, count(DISTINCT s.src_ip) AS sources, count(DISTINCT s.place) AS reach,
  array_join(array_agg(DISTINCT CAST(s.dst_port AS varchar) ORDER BY CAST(s.dst_port AS varchar)), ' ') AS ports,
  max(g.family_id) AS family_id, min(s.ts) AS first_seen, max(s.ts) AS last_seen
FROM scope s
JOIN payload_facts f ON f.payload_id = s.payload_id
JOIN payloads p ON p.payload_id = s.payload_id
LEFT JOIN grouped g ON g.template_id = f.template_id
WHERE s.kind = 'payload' AND (:port = 0 OR s.dst_port = :port) AND (:family = '' OR g.family_id = :family)
  AND (:template = '' OR f.template_id = :template)
GROUP BY s.payload_id
ORDER BY sources DESC, payload_events DESC, s.payload_id
LIMIT :limit
