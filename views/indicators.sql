/*
title: Indicators
question: Which addresses, URLs, hashes and the like do the payloads name?
scope: [from, to, regions, sensors, ip_version, scanners]
rollup: payload
params:
  - name: type
    type: enum
    default: any
    meaning: "only indicators of this type"
    values:
      - {name: any, sql: "''"}
      - {name: ipv4, sql: "'ipv4'"}
      - {name: ipv6, sql: "'ipv6'"}
      - {name: url, sql: "'url'"}
      - {name: domain, sql: "'domain'"}
      - {name: email, sql: "'email'"}
      - {name: md5, sql: "'md5'"}
      - {name: sha1, sql: "'sha1'"}
      - {name: sha256, sql: "'sha256'"}
      - {name: file, sql: "'file'"}
      - {name: wallet, sql: "'wallet'"}
      - {name: ssh_key, sql: "'ssh_key'"}
      - {name: image, sql: "'image'"}
  - name: role
    type: enum
    default: any
    meaning: "only indicators of this role"
    values:
      - {name: any, sql: "''"}
      - {name: callback, sql: "'callback'"}
      - {name: stage2, sql: "'stage2'"}
      - {name: dropper, sql: "'dropper'"}
      - {name: c2, sql: "'c2'"}
      - {name: none, sql: "'none'"}
  - {name: payload, type: string, meaning: "only what this payload names (its id)"}
  - {name: family, type: string, meaning: "only what payloads of this family name (its id)"}
  - {name: top, type: int, default: "500", min: 1, max: 100000, meaning: "show this many rows"}
chart: {type: table, y: value, value: sources}
page: [payloads, payload]
order: 15
span: 12
columns:
  - {name: type, type: string, meaning: "ipv4, ipv6, url, domain, email, md5, sha1, sha256, file, wallet, ssh_key or image"}
  - {name: value, type: string, is: indicator, meaning: "the indicator"}
  - {name: role, type: string, meaning: "callback, stage2, dropper or c2 where that is certain, else none"}
  - {name: payloads, type: int, unit: payloads, meaning: "different payloads that name it in this role"}
  - {name: events, type: int, unit: events, meaning: "events with such a payload"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses of these events"}
  - {name: regions, type: int, unit: regions, meaning: "different regions of these events"}
  - {name: ports, type: int, unit: ports, meaning: "different ports of these events"}
  - {name: first_seen, type: time, meaning: "time of the first of these events"}
  - {name: last_seen, type: time, meaning: "time of the last of these events"}
caveats:
  - What is made for people shows values defanged (hxxp, [.]); machine formats have them as they are. Nothing was ever fetched or resolved.
  - An indicator is what a payload names. Its owner may be a victim too, or have nothing to do with it.
  - Private, reserved and the sensor's own addresses are left out.
*/
WITH named AS (
  SELECT payload_id, type, value, CASE WHEN role IS NULL OR role = '' THEN 'none' ELSE role END AS role
  FROM indicators
)
SELECT n.type, n.value, n.role, count(DISTINCT s.payload_id) AS payloads, CAST(sum(s.events) AS bigint) AS events,
  count(DISTINCT s.src_ip) AS sources, count(DISTINCT s.region) AS regions, count(DISTINCT s.dst_port) AS ports,
  min(s.ts) AS first_seen, max(s.last_ts) AS last_seen
FROM scope s
JOIN named n ON n.payload_id = s.payload_id
JOIN payload_facts f ON f.payload_id = s.payload_id
LEFT JOIN grouped g ON g.template_id = f.template_id
WHERE s.kind = 'payload' AND (:payload = '' OR s.payload_id = :payload) AND (:family = '' OR g.family_id = :family) AND (:type = '' OR n.type = :type) AND (:role = '' OR n.role = :role)
GROUP BY n.type, n.value, n.role
ORDER BY payloads DESC, events DESC, type, value, role
LIMIT :top
