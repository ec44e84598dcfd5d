/*
title: Tools that packets give away
question: Which tools and operating systems do the first packets betray?
scope: [from, to, regions, sensors, ip_version, scanners]
params:
  - name: by
    type: enum
    default: tool
    meaning: what is counted
    values:
      - {name: tool, sql: tool}
      - {name: tcp_signature, sql: tcp_signature}
  - {name: top, type: int, default: "200", min: 1, max: 100000, meaning: "show this many, the most seen first"}
chart: {type: bars, y: name, value: attempts, x2: sources}
columns:
  - {name: name, type: string, meaning: "tool, such as zmap or masscan, or signature of the SYN in p0f's notation"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts of any kind"}
  - {name: attempts_share, type: float, unit: share, meaning: "of all attempts over TCP"}
  - {name: payload_events, type: int, unit: events, meaning: "events whose client sent at least one byte"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: networks, type: int, unit: ASNs, meaning: "different networks of these addresses"}
  - {name: ports, type: int, unit: ports, meaning: "different ports tried"}
  - {name: regions, type: string, meaning: "regions in which it was seen"}
  - {name: signatures, type: int, unit: signatures, meaning: "different signatures of the SYNs"}
  - {name: first_seen, type: time, meaning: "first time in the window, UTC"}
caveats:
  - A tool is named only where its packets have a mark of their own. Tools without one, and those whose mark was removed, are not here.
  - A tool is used by anybody; it names no actor. Sensors that cannot see packets (CAP_NET_RAW) know neither tool nor signature.
*/
WITH total AS (
  SELECT sum(attempts) AS attempts
  FROM scope
  WHERE transport = 'tcp'
)
SELECT s.:by AS name, sum(s.attempts) AS attempts, round(CAST(sum(s.attempts) AS double) / greatest(max(a.attempts), 1), 4) AS attempts_share,
  sum(CASE WHEN s.kind = 'payload' THEN 1 ELSE 0 END) AS payload_events, count(DISTINCT s.src_ip) AS sources, count(DISTINCT s.asn) AS networks,
  count(DISTINCT s.dst_port) AS ports, array_join(array_agg(DISTINCT s.region ORDER BY s.region), ', ') AS regions,
  count(DISTINCT s.tcp_signature) AS signatures, min(s.ts) AS first_seen
FROM scope s
CROSS JOIN total a
-- Not IS NOT NULL: by a comparison whole row groups are left out.
WHERE s.:by > ''
GROUP BY 1
ORDER BY attempts DESC, name
LIMIT :top
