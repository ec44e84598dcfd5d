/*
title: Rare and interesting
question: Which payloads stand out on their port?
scope: [from, to, regions, sensors, ip_version, scanners]
rollup: payload
params:
  - {name: port, type: int, default: "0", min: 0, max: 65535, meaning: "only this port (0 for any)"}
  - {name: limit, type: int, default: "50", min: 1, max: 100000, meaning: "show this many, the rarest first"}
  - name: of
    type: enum
    default: template
    meaning: "what is rare"
    values:
      - {name: template, sql: "f.template_id"}
      - {name: family, sql: "coalesce(g.family_id, f.template_id)"}
  - name: carrying
    type: enum
    default: anything
    meaning: "show all, or only what carries a command or has a tag; the rarity stays the same"
    values:
      - {name: anything, sql: "0"}
      - {name: something, sql: "1"}
  - {name: min_rarity, type: int, default: "0", min: 0, max: 100, meaning: "only payloads of at least this rarity"}
chart: {type: table, y: port, value: rarity}
page: overview
order: 77
span: 12
columns:
  - {name: transport, type: string, meaning: "tcp or udp"}
  - {name: port, type: int, meaning: "port"}
  - {name: app_proto, type: string, meaning: "protocol spoken, from the bytes; unknown where that is not certain"}
  - {name: label, type: string, is: said, meaning: "the field's term for the request"}
  - {name: rarity, type: float, unit: nats, meaning: "the larger, the rarer: see the caveats"}
  - {name: top, type: float, unit: share, meaning: "share of the port's payload events that are at least as rare"}
  - {name: reason, type: string, meaning: "the rarity in words"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses that sent it to the port"}
  - {name: events, type: int, unit: events, meaning: "payload events with it"}
  - {name: first_seen, type: time, meaning: "first time in the window, UTC"}
  - {name: regions, type: string, meaning: "regions in which it was seen"}
  - {name: payload_id, type: string, is: payload, meaning: "SHA-256 of one such payload"}
  - {name: template_id, type: string, meaning: "SHA-256 of its template; of families their id"}
caveats:
  - "rarity = −ln of the share of the port's sources that sent the template, −ln of the share of these sources that spoke its protocol, and, for those of its senders that sent nothing else to the port, −ln of the share of sources that sent one thing only (the mean over the senders, 0 for the others). Shares are of sources, never of events: one noisy source must not make common what it alone sends. The third part tells a find from the rarest variant of a tool, whose senders send others, too."
  - On a port with many sources a payload can be rarer than on one with few, so rarity compares payloads of one port. Rows are in the order of top, which compares those of different ports.
  - Where clients vary what they send, every variant is rare. "of=family" takes variants for one; "carrying=something" leaves out what only asks.
  - Rare does not mean dangerous, and what is dangerous may be common.
*/
WITH known AS (
  SELECT payload_id, template_id, carries, app_proto, label,
    dense_rank() OVER (ORDER BY template_id) AS template, dense_rank() OVER (ORDER BY app_proto) AS protocol
  FROM (
    SELECT f.payload_id, :of AS template_id, CASE WHEN g.cargo <> '' OR f.tags <> '' THEN 1 ELSE 0 END AS carries,
      coalesce(f.app_proto, 'unknown') AS app_proto, f.label
    FROM payload_facts f
    LEFT JOIN grouped g ON g.template_id = f.template_id
  ) f
), pairs AS (
  SELECT s.transport, s.dst_port AS port, k.template, s.src_ip, max(k.protocol) AS protocol, max(k.carries) AS carries, sum(s.events) AS events
  FROM scope s
  JOIN known k ON k.payload_id = s.payload_id
  WHERE s.kind = 'payload' AND (:port = 0 OR s.dst_port = :port)
  GROUP BY s.transport, s.dst_port, k.template, s.src_ip
), senders AS (
  SELECT transport, port, src_ip, count(*) AS templates
  FROM pairs
  GROUP BY transport, port, src_ip
), ports AS (
  SELECT transport, port, count(*) AS sources, sum(CASE WHEN templates = 1 THEN 1 ELSE 0 END) AS single
  FROM senders
  GROUP BY transport, port
), protocols AS (
  SELECT transport, port, protocol, count(DISTINCT src_ip) AS sources
  FROM pairs
  GROUP BY transport, port, protocol
), found AS (
  SELECT p.transport, p.port, p.template, max(p.protocol) AS protocol, max(p.carries) AS carries, sum(p.events) AS events, count(*) AS sources,
    sum(CASE WHEN x.templates = 1 THEN 1 ELSE 0 END) AS single
  FROM pairs p
  JOIN senders x ON x.transport = p.transport AND x.port = p.port AND x.src_ip = p.src_ip
  GROUP BY p.transport, p.port, p.template
), measured AS (
  SELECT f.*, a.sources AS all_sources, p.sources AS speakers, a.single AS all_single,
    round(ln(CAST(a.sources AS double) / f.sources) + ln(CAST(a.sources AS double) / p.sources)
      + CASE WHEN f.single > 0 THEN ln(CAST(a.sources AS double) / a.single) * f.single / f.sources ELSE 0e0 END, 3) AS rarity
  FROM found f
  JOIN ports a ON a.transport = f.transport AND a.port = f.port
  JOIN protocols p ON p.transport = f.transport AND p.port = f.port AND p.protocol = f.protocol
), placed AS (
  SELECT measured.*, CAST(sum(events) OVER (PARTITION BY transport, port ORDER BY rarity DESC) AS double)
    / sum(events) OVER (PARTITION BY transport, port) AS top
  FROM measured
), shown AS (
  SELECT *
  FROM placed
  WHERE rarity >= :min_rarity AND (:carrying = 0 OR carries = 1)
  ORDER BY top, rarity DESC, port, transport, template
  LIMIT :limit
), wanted AS (
  SELECT x.transport, x.port, x.template, k.template_id, k.payload_id, k.label
  FROM shown x
  JOIN known k ON k.template = x.template
), seen AS (
  SELECT w.transport, w.port, w.template, w.template_id, max(w.label) AS label, min(s.ts) AS first_seen, min(w.payload_id) AS payload_id,
    array_join(array_agg(DISTINCT s.region ORDER BY s.region), ', ') AS regions
  FROM scope s
  JOIN wanted w ON w.payload_id = s.payload_id AND w.transport = s.transport AND w.port = s.dst_port
  WHERE s.kind = 'payload'
  GROUP BY w.transport, w.port, w.template, w.template_id
), spoken AS (
  SELECT DISTINCT protocol, app_proto
  FROM known
)
SELECT x.transport, x.port, n.app_proto, d.label, x.rarity, round(x.top, 4) AS top,
  CAST(x.sources AS varchar) || ' of ' || CAST(x.all_sources AS varchar) || ' sources on this port sent it'
    || CASE WHEN x.single = 0 THEN '' WHEN x.single = x.sources THEN ', and nothing else here'
      ELSE ', ' || CAST(x.single AS varchar) || ' of them nothing else here' END
    || CASE WHEN x.single = 0 THEN '' WHEN x.all_single = 1 THEN ' (no other sent one thing only)'
      ELSE ' (' || CAST(x.all_single AS varchar) || ' sent one thing only)' END
    || '; ' || CAST(x.speakers AS varchar) || CASE WHEN x.speakers = 1 THEN ' speaks ' ELSE ' speak ' END
    || CASE WHEN n.app_proto = 'unknown' THEN 'what is not known' ELSE n.app_proto END
    AS reason,
  x.sources, x.events, d.first_seen, d.regions, d.payload_id, d.template_id
FROM shown x
JOIN seen d ON d.transport = x.transport AND d.port = x.port AND d.template = x.template
JOIN spoken n ON n.protocol = x.protocol
ORDER BY x.top, x.rarity DESC, x.port, x.transport, x.template
