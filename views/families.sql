/*
title: Families of payloads
question: Which payloads are the same thing, and how far does each reach?
scope: [from, to, regions, sensors, ip_version, scanners, over]
rollup: payload
params:
  - {name: port, type: int, default: "0", min: 0, max: 65535, meaning: "only what was sent to this port (0: any)"}
  - {name: limit, type: int, default: "40", min: 1, max: 10000, meaning: "show this many, those with the most sources first"}
chart: {type: table, y: vehicle, value: payload_events}
page: payloads
order: 10
span: 12
columns:
  - {name: family_id, type: string, is: family, meaning: "the family; the id of one of its templates"}
  - {name: vehicle, type: string, is: said, meaning: "the wrapper that the family's payloads share"}
  - {name: cargo, type: string, is: said, meaning: "the command that they carry, decoded"}
  - {name: app_proto, type: string, meaning: "protocol spoken"}
  - {name: payload_events, type: int, unit: events, meaning: "events with a payload of the family"}
  - {name: distinct_payloads, type: int, unit: payloads, meaning: "different to the byte"}
  - {name: templates, type: int, unit: templates, meaning: "different once the sensor's own address and volatile tokens are masked"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: reach, type: int, unit: places, meaning: "number of regions (or sensors) that met the family"}
  - {name: ports, type: string, meaning: "ports to which it was sent"}
  - {name: first_seen, type: time, meaning: "first event in the window"}
  - {name: last_seen, type: time, meaning: "last event in the window"}
caveats:
  - Payloads are grouped by what they have in common, not by who sent them.
  - A name is made from the bytes that the family shares; it is nobody's name for an actor.
*/
WITH sent AS (
  SELECT payload_id, src_ip, place, dst_port, min(ts) AS first_ts, max(last_ts) AS last_ts, sum(events) AS events
  FROM scope
  WHERE kind = 'payload' AND (:port = 0 OR dst_port = :port)
  GROUP BY payload_id, src_ip, place, dst_port
)
SELECT g.family_id, max(g.vehicle) AS vehicle, max(g.cargo) AS cargo, max(f.app_proto) AS app_proto,
  CAST(sum(s.events) AS bigint) AS payload_events, count(DISTINCT s.payload_id) AS distinct_payloads, count(DISTINCT f.template_id) AS templates,
  count(DISTINCT s.src_ip) AS sources, count(DISTINCT s.place) AS reach,
  array_join(array_agg(DISTINCT CAST(s.dst_port AS varchar) ORDER BY CAST(s.dst_port AS varchar)), ' ') AS ports,
  min(s.first_ts) AS first_seen, max(s.last_ts) AS last_seen
FROM sent s
JOIN payload_facts f ON f.payload_id = s.payload_id
JOIN grouped g ON g.template_id = f.template_id
GROUP BY g.family_id
ORDER BY sources DESC, payload_events DESC, g.family_id
LIMIT :limit
