/*
title: Fingerprints of TLS clients
question: Which TLS clients came, from how many sources, and to which ports?
scope: [from, to, regions, sensors, ip_version, scanners]
params:
  - {name: port, type: int, default: "0", min: 0, max: 65535, meaning: "only this port (0 for any)"}
  - {name: top, type: int, default: "200", min: 1, max: 100000, meaning: "show this many, the most seen first"}
chart: {type: table, y: ja4, value: events}
columns:
  - {name: ja4, type: string, meaning: "JA4 of the ClientHello"}
  - {name: tls_version, type: string, meaning: "highest version offered"}
  - {name: alpn, type: string, meaning: "protocols offered, of one of the hellos"}
  - {name: ja3, type: string, meaning: "JA3 of one of the hellos"}
  - {name: ja3s, type: int, unit: fingerprints, meaning: "different JA3; many where a client shuffles its extensions"}
  - {name: names, type: int, unit: names, meaning: "different server names asked for (SNI)"}
  - {name: sni, type: string, meaning: "one of these names"}
  - {name: events, type: int, unit: events, meaning: "sessions with this hello"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: networks, type: int, unit: ASNs, meaning: "different networks of these addresses"}
  - {name: ports, type: int, unit: ports, meaning: "different ports"}
  - {name: regions, type: string, meaning: "regions in which it was seen"}
  - {name: first_seen, type: time, meaning: "first time in the window, UTC"}
caveats:
  - A fingerprint names a library and its settings, not a tool or an actor. Many programs share one, and one can be imitated.
*/
SELECT ja4, max(tls_version) AS tls_version, max(tls_alpn) AS alpn, min(ja3) AS ja3, count(DISTINCT ja3) AS ja3s,
  count(DISTINCT tls_sni) AS names, min(tls_sni) AS sni, count(*) AS events, count(DISTINCT src_ip) AS sources,
  count(DISTINCT asn) AS networks, count(DISTINCT dst_port) AS ports, array_join(array_agg(DISTINCT region ORDER BY region), ', ') AS regions,
  min(ts) AS first_seen
FROM scope
-- Not IS NOT NULL: by a comparison whole row groups are left out.
WHERE ja4 > '' AND (:port = 0 OR dst_port = :port)
GROUP BY ja4
ORDER BY events DESC, ja4
LIMIT :top
