/*
title: Another protocol than expected
question: What is spoken on ports where something else is expected?
scope: [from, to, regions, sensors, ip_version, scanners]
params:
  - {name: port, type: int, default: "0", min: 0, max: 65535, meaning: "only this port (0 for any)"}
  - {name: top, type: int, default: "500", min: 1, max: 100000, meaning: "show this many, the most sent first"}
chart: {type: table, y: port, value: events}
columns:
  - {name: transport, type: string, meaning: "tcp or udp"}
  - {name: port, type: int, meaning: "port"}
  - {name: service, type: string, meaning: "what the configuration expects there"}
  - {name: app_proto, type: string, meaning: "protocol spoken, from the bytes"}
  - {name: events, type: int, unit: events, meaning: "payload events with it"}
  - {name: share, type: float, unit: share, meaning: "of the port's payload events"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: regions, type: string, meaning: "regions in which it was seen"}
  - {name: first_seen, type: time, meaning: "first time in the window, UTC"}
  - {name: payload_id, type: string, is: payload, meaning: "SHA-256 of one such payload"}
caveats:
  - A payload whose protocol is not known is left out; so is a port whose service the configuration does not name, or of which nothing is expected.
  - Scanners that try one protocol on every port are most of this; that is how a service is found where it does not belong.
  - Requests to the APIs of docker, kubernetes, etcd, elasticsearch, jupyter and ethereum are http, and tn3270 is telnet.
*/
WITH expected (service, app_proto) AS (
  VALUES
    ('http', 'http'), ('https', 'http'), ('https', 'tls'), ('http-proxy', 'http-proxy'), ('http-proxy', 'http'),
    ('socks', 'socks'), ('docker', 'docker'), ('docker', 'http'), ('docker-tls', 'docker'), ('docker-tls', 'http'),
    ('docker-tls', 'tls'), ('kubernetes', 'kubernetes'), ('kubernetes', 'http'), ('kubernetes', 'tls'),
    ('etcd-client', 'etcd'), ('etcd-client', 'http'), ('etcd-peer', 'etcd'), ('etcd-peer', 'http'), ('etcd', 'etcd'),
    ('etcd', 'http'), ('elasticsearch', 'elasticsearch'), ('elasticsearch', 'http'), ('jupyter', 'jupyter'),
    ('jupyter', 'http'), ('couchdb', 'http'), ('confluence', 'http'), ('synology', 'http'), ('synology', 'tls'),
    ('ethereum', 'ethereum'), ('ethereum', 'http'), ('bitcoin', 'bitcoin'), ('redis', 'redis'),
    ('memcached', 'memcached'), ('postgresql', 'postgresql'), ('mysql', 'mysql'), ('mongodb', 'mongodb'),
    ('ldap', 'ldap'), ('ldaps', 'ldap'), ('ldaps', 'tls'), ('kerberos', 'krb'), ('smb', 'smb'), ('rdp', 'rdp'),
    ('rdp', 'tls'), ('vnc', 'vnc'), ('ssh', 'ssh'), ('telnet', 'telnet'), ('telnet', 'shell'), ('telnet-alt', 'telnet'),
    ('telnet-alt', 'shell'), ('tn3270', 'tn3270'), ('tn3270', 'telnet'), ('adb', 'adb'), ('x11', 'x11'),
    ('rsync', 'rsync'), ('ftp', 'ftp'), ('tftp', 'tftp'), ('smtp', 'smtp'), ('pop3', 'pop3'), ('imap', 'imap'),
    ('xmpp', 'xmpp'), ('amqp', 'amqp'), ('mqtt', 'mqtt'), ('sip', 'sip'), ('rtsp', 'rtsp'), ('rtsp', 'http'),
    ('ssdp', 'ssdp'), ('coap', 'coap'), ('coap', 'dtls'), ('dns', 'dns'), ('ntp', 'ntp'), ('snmp', 'snmp'),
    ('ike', 'ike'), ('quic', 'quic'), ('netbios', 'netbios'), ('sunrpc', 'sunrpc'), ('modbus', 'modbus'),
    ('bacnet', 'bacnet'), ('jdwp', 'jdwp'), ('java-rmi', 'java-rmi'), ('minecraft', 'minecraft')
), services AS (
  SELECT transport, port, max(service) AS service, max(CASE WHEN tls THEN 1 ELSE 0 END) AS tls
  FROM served_ports
  GROUP BY transport, port
), spoken AS (
  SELECT s.transport, s.dst_port AS port, v.service, v.tls, s.app_proto, s.src_ip, s.region, s.ts, s.payload_id,
    CASE WHEN s.app_proto IN ('docker', 'kubernetes', 'etcd', 'elasticsearch', 'jupyter', 'ethereum') THEN 'http'
      WHEN s.app_proto = 'tn3270' THEN 'telnet' ELSE s.app_proto END AS carrier
  FROM scope s
  JOIN services v ON v.transport = s.transport AND v.port = s.dst_port
  WHERE s.kind = 'payload' AND (:port = 0 OR s.dst_port = :port)
    AND v.service IN (SELECT service FROM expected)
), total AS (
  SELECT transport, port, count(*) AS events
  FROM spoken
  GROUP BY transport, port
)
SELECT s.transport, s.port, s.service, s.app_proto, count(*) AS events, round(CAST(count(*) AS double) / max(t.events), 4) AS share,
  count(DISTINCT s.src_ip) AS sources, array_join(array_agg(DISTINCT s.region ORDER BY s.region), ', ') AS regions,
  min(s.ts) AS first_seen, min(s.payload_id) AS payload_id
FROM spoken s
JOIN total t ON t.transport = s.transport AND t.port = s.port
LEFT JOIN expected e ON e.service = s.service AND e.app_proto = s.carrier
LEFT JOIN expected d ON d.service = s.service AND d.app_proto = s.app_proto
WHERE s.app_proto IS NOT NULL AND e.service IS NULL AND d.service IS NULL AND NOT (s.tls = 1 AND s.app_proto = 'tls')
GROUP BY s.transport, s.port, s.service, s.app_proto
ORDER BY events DESC, s.port, s.transport, s.app_proto
LIMIT :top
