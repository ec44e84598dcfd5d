/*
title: Scanners that say who they are
question: Who scans and says so, and how much of what is sent is theirs?
scope: [from, to, regions, sensors, ip_version, scanners]
chart: {type: bars, y: name, value: events, x2: payload_events}
columns:
  - {name: name, type: string, meaning: "organisation, as it says itself; (unnamed) is listed as a scanner without a name"}
  - {name: events, type: int, unit: rows, meaning: "rows of the table events, of any kind"}
  - {name: payload_events, type: int, unit: events, meaning: "events whose client sent at least one byte"}
  - {name: payload_share, type: float, unit: share, meaning: "of all payload events, scanners' and others'"}
  - {name: listed_events, type: int, unit: rows, meaning: "rows whose source stands in the list of scanners"}
  - {name: said_events, type: int, unit: events, meaning: "payload events in which the payload itself names the organisation"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: ports, type: int, unit: ports, meaning: "different ports tried"}
  - {name: regions, type: string, meaning: "regions in which it was seen"}
  - {name: list_date, type: string, meaning: "date of the newest list that named it; none where only payloads do"}
caveats:
  - "Self-identified, not benign: the tag says what the source says of itself, and who is listed may do harm as well."
  - "Anybody can write an organisation's name into a payload. listed_events rest on addresses, said_events on words."
  - "Lists age: half of the scanners of one year are not in the list of four years later. Compare list_date with the window."
*/
WITH said AS (
  SELECT payload_id, scanner
  FROM payload_facts
  WHERE scanner IS NOT NULL
), told AS (
  SELECT coalesce(s.scanner, f.scanner) AS name, s.kind, s.src_ip, s.transport, s.dst_port, s.region, s.scanner_date, f.scanner AS said
  FROM scope s
  LEFT JOIN said f ON f.payload_id = s.payload_id
  WHERE s.scanner IS NOT NULL OR f.scanner IS NOT NULL
), total AS (
  SELECT count(*) AS payload_events
  FROM scope
  WHERE kind = 'payload'
)
SELECT t.name, count(*) AS events, sum(CASE WHEN t.kind = 'payload' THEN 1 ELSE 0 END) AS payload_events,
  round(sum(CASE WHEN t.kind = 'payload' THEN 1e0 ELSE 0e0 END) / greatest(max(a.payload_events), 1), 4) AS payload_share,
  count(t.scanner_date) AS listed_events, count(CASE WHEN t.said = t.name THEN 1 END) AS said_events,
  count(DISTINCT t.src_ip) AS sources, count(DISTINCT t.transport || '/' || CAST(t.dst_port AS varchar)) AS ports,
  array_join(array_agg(DISTINCT t.region ORDER BY t.region), ', ') AS regions, max(t.scanner_date) AS list_date
FROM told t
CROSS JOIN total a
GROUP BY t.name
ORDER BY events DESC, t.name
