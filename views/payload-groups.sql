/*
title: Payloads and what is the same in them
question: How many different things were sent to each port?
scope: [from, to, regions, sensors, ip_version, scanners]
rollup: payload
chart: {type: table, y: port, value: payload_events}
page: overview
order: 70
span: 6
columns:
  - {name: transport, type: string, meaning: "tcp or udp"}
  - {name: port, type: int, meaning: "port"}
  - {name: service, type: string, meaning: "what the configuration expects there"}
  - {name: payload_events, type: int, unit: events, meaning: "events whose client sent at least one byte"}
  - {name: distinct_payloads, type: int, unit: payloads, meaning: "different to the byte"}
  - {name: templates, type: int, unit: templates, meaning: "different once the sensor's own address and volatile tokens are masked"}
  - {name: substrings, type: int, unit: groups, meaning: "once what differs in slots only, or stands whole in another, is one"}
  - {name: families, type: int, unit: families, meaning: "once what is alike is one"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
caveats:
  - A payload is what a client sent first, up to a limit.
  - Templates that were not grouped yet are in no group and no family.
*/
WITH sent AS (
  SELECT transport, dst_port, payload_id, sum(events) AS events
  FROM scope
  WHERE kind = 'payload'
  GROUP BY transport, dst_port, payload_id
), senders AS (
  SELECT transport, dst_port, count(DISTINCT src_ip) AS sources
  FROM scope
  WHERE kind = 'payload'
  GROUP BY transport, dst_port
), services AS (
  SELECT transport, port, max(service) AS service
  FROM served_ports
  GROUP BY transport, port
)
SELECT t.transport, t.dst_port AS port, v.service, sum(t.events) AS payload_events,
  count(DISTINCT t.payload_id) AS distinct_payloads, count(DISTINCT f.template_id) AS templates,
  count(DISTINCT g.substring_id) AS substrings, count(DISTINCT g.family_id) AS families, max(s.sources) AS sources
FROM sent t
JOIN senders s ON s.transport = t.transport AND s.dst_port = t.dst_port
LEFT JOIN payload_facts f ON f.payload_id = t.payload_id
LEFT JOIN grouped g ON g.template_id = f.template_id
LEFT JOIN services v ON v.transport = t.transport AND v.port = t.dst_port
GROUP BY t.transport, t.dst_port, v.service
ORDER BY payload_events DESC, port, transport
