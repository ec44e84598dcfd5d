/*
title: In short
question: What is this, who sent it, and since when?
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - {name: payload, type: string, meaning: "a payload (its id)"}
  - {name: family, type: string, meaning: "a family (its id)"}
chart: {type: table, y: vehicle, value: payload_events}
columns:
  - {name: vehicle, type: string, is: said, meaning: "the wrapper that the family's payloads share"}
  - {name: cargo, type: string, is: said, meaning: "the command that they carry, decoded"}
  - {name: app_proto, type: string, meaning: "protocol spoken"}
  - {name: label, type: string, is: said, meaning: "the field's term for the request"}
  - {name: tags, type: string, meaning: "CVE, ATT&CK and the like, where certain"}
  - {name: payload_events, type: int, unit: events, meaning: "events with it"}
  - {name: distinct_payloads, type: int, unit: payloads, meaning: "different to the byte"}
  - {name: templates, type: int, unit: templates, meaning: "different once the sensor's own address and volatile tokens are masked"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: networks, type: int, unit: ASNs, meaning: "different networks"}
  - {name: countries, type: int, unit: countries, meaning: "different countries"}
  - {name: reach, type: int, unit: places, meaning: "regions (or sensors) that met it"}
  - {name: places, type: int, unit: places, meaning: "regions (or sensors) in the window"}
  - {name: ports, type: string, meaning: "ports to which it was sent"}
  - {name: first_seen, type: time, meaning: "first event in the window"}
  - {name: last_seen, type: time, meaning: "last event in the window"}
caveats:
  - Without payload and family it speaks of everything.
*/
WITH observed AS (
  SELECT count(DISTINCT place) AS places FROM scope
)
SELECT max(g.vehicle) AS vehicle, max(g.cargo) AS cargo, max(f.app_proto) AS app_proto, max(f.label) AS label, max(f.tags) AS tags,
  count(*) AS payload_events, count(DISTINCT s.payload_id) AS distinct_payloads, count(DISTINCT f.template_id) AS templates,
  count(DISTINCT s.src_ip) AS sources, count(DISTINCT s.asn) AS networks, count(DISTINCT s.country) AS countries,
  count(DISTINCT s.place) AS reach, max(o.places) AS places,
  array_join(array_agg(DISTINCT CAST(s.dst_port AS varchar) ORDER BY CAST(s.dst_port AS varchar)), ' ') AS ports,
  min(s.ts) AS first_seen, max(s.ts) AS last_seen
FROM scope s
CROSS JOIN observed o
JOIN payload_facts f ON f.payload_id = s.payload_id
LEFT JOIN grouped g ON g.template_id = f.template_id
WHERE s.kind = 'payload' AND (:payload = '' OR s.payload_id = :payload) AND (:family = '' OR g.family_id = :family)
