/*
title: What HTTP clients call themselves
question: Which user agents were sent, from how many sources, and where?
scope: [from, to, regions, sensors, ip_version, scanners]
params:
  - {name: port, type: int, default: "0", min: 0, max: 65535, meaning: "only this port (0 for any)"}
  - {name: top, type: int, default: "200", min: 1, max: 100000, meaning: "show this many, the most sent first"}
chart: {type: table, y: user_agent, value: events}
columns:
  - {name: user_agent, type: string, is: said, meaning: "the header User-Agent, as sent"}
  - {name: scanner, type: string, meaning: "organisation that it names, or none"}
  - {name: events, type: int, unit: events, meaning: "payload events with it"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: networks, type: int, unit: ASNs, meaning: "different networks of these addresses"}
  - {name: ports, type: int, unit: ports, meaning: "different ports"}
  - {name: regions, type: string, meaning: "regions in which it was seen"}
  - {name: first_seen, type: time, meaning: "first time in the window, UTC"}
caveats:
  - A user agent is what the client says. Anybody may say anything, and most of what claims to be a browser here is none.
  - Tools such as zgrab and Go-http-client are used by anybody; they name no organisation.
*/
SELECT f.user_agent, max(f.scanner) AS scanner, count(*) AS events, count(DISTINCT s.src_ip) AS sources, count(DISTINCT s.asn) AS networks,
  count(DISTINCT s.dst_port) AS ports, array_join(array_agg(DISTINCT s.region ORDER BY s.region), ', ') AS regions, min(s.ts) AS first_seen
FROM scope s
JOIN payload_facts f ON f.payload_id = s.payload_id
WHERE s.kind = 'payload' AND f.user_agent IS NOT NULL AND (:port = 0 OR s.dst_port = :port)
GROUP BY f.user_agent
ORDER BY events DESC, f.user_agent
LIMIT :top
