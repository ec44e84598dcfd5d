-- Generated from the schema of the lake (go generate ./lake). These statements make NEW, EMPTY tables in Athena, for a copy
-- of the events there. They must not name the place of a lake that terroir writes: two catalogs over one place destroy
-- each other's files. To query terroir's own tables, register them: see deploy/README.md.

CREATE TABLE terroir.payloads (
  `payload_id` string COMMENT 'SHA-256 of the bytes',
  `bytes` binary COMMENT 'as the client sent them',
  `size` bigint COMMENT 'number of bytes kept',
  `first_ts` timestamp COMMENT 'first seen',
  `first_sensor` string COMMENT 'first seen by'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/payloads/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.templates (
  `template_id` string COMMENT 'SHA-256 of the other columns',
  `app_proto` string COMMENT 'protocol spoken',
  `text` binary COMMENT 'the masked payload',
  `cargo` binary COMMENT 'the innermost command that it carries, masked'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/templates/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.indicators (
  `payload_id` string COMMENT 'the payload',
  `type` string COMMENT 'ipv4, ipv6, url, domain, email, md5, sha1, sha256, file, wallet, ssh_key, image',
  `value` string COMMENT 'not defanged',
  `role` string COMMENT 'callback, stage2, dropper, c2, where certain',
  `step` int COMMENT 'step of decoding in whose result it stands, 0 for the payload itself'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/indicators/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.payload_facts (
  `payload_id` string COMMENT 'the payload',
  `template_id` string COMMENT 'SHA-256 of its template',
  `app_proto` string COMMENT 'protocol spoken',
  `label` string COMMENT 'the field''s term for it',
  `analyzer_version` int COMMENT 'who found this',
  `tags` string COMMENT 'CVE, ATT&CK and the like where certain, separated by blanks',
  `user_agent` string COMMENT 'what an HTTP client calls itself',
  `scanner` string COMMENT 'who the payload says sent it',
  `steps` string COMMENT 'how it was decoded, as JSON'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/payload_facts/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.families (
  `template_id` string COMMENT 'the template',
  `substring_id` string COMMENT 'group of those that differ in slots, or contain each other',
  `family_id` string COMMENT 'group by shared content',
  `vehicle` string COMMENT 'name of the family''s wrapper',
  `cargo` string COMMENT 'name of what the family carries',
  `why` string COMMENT 'what joined the template to its family',
  `nearest` string COMMENT 'the template of the family that it is most like',
  `similarity` double COMMENT 'how like, 0 to 1',
  `generation` bigint COMMENT 'of two rows for a template the one with the higher holds'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/families/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.losses (
  `ts` timestamp COMMENT 'when it was noticed',
  `sensor` string COMMENT 'whose attempts were lost',
  `stage` string COMMENT 'where',
  `reason` string COMMENT 'why',
  `attempts` bigint COMMENT 'how many'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/losses/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.heartbeats (
  `ts` timestamp COMMENT 'end of the interval',
  `interval_us` bigint COMMENT 'how long the sensor was watching',
  `sensor` string COMMENT 'who',
  `region` string COMMENT 'where',
  `revision` int COMMENT 'configuration in force',
  `tap` boolean COMMENT 'were unserved ports observed'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/heartbeats/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.sensors (
  `ts` timestamp COMMENT 'of the announcement',
  `sensor` string COMMENT 'name',
  `region` string COMMENT 'where it stands',
  `version` string COMMENT 'of its program',
  `addresses` string COMMENT 'observed, separated by blanks: secret',
  `revision` int COMMENT 'configuration in force from ts on'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/sensors/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.revisions (
  `ts` timestamp COMMENT 'in force from',
  `sensor` string COMMENT 'where it came into force',
  `region` string COMMENT 'region of the sensor',
  `revision` int COMMENT 'number',
  `theme` string COMMENT 'name of the list of ports'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/revisions/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.served_ports (
  `revision` int COMMENT 'configuration',
  `transport` string COMMENT 'tcp or udp',
  `port` int COMMENT 'served',
  `service` string COMMENT 'expected there',
  `tls` boolean COMMENT 'handshakes are completed',
  `region` string COMMENT 'of the sensor that announced it',
  `sensor` string COMMENT 'that announced it',
  `ts` timestamp COMMENT 'in force from'
)
LOCATION 's3://YOUR-BUCKET/athena/terroir/served_ports/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

CREATE TABLE terroir.events (
  `ts` timestamp COMMENT 'first packet, UTC',
  `duration_us` bigint COMMENT 'to the close; 0 for unserved',
  `event_id` string COMMENT 'sensor, epoch and sequence',
  `sensor` string COMMENT 'who observed',
  `region` string COMMENT 'where the sensor stands',
  `revision` int COMMENT 'configuration in force',
  `kind` string COMMENT 'connection, payload, error, unserved',
  `transport` string COMMENT 'tcp, udp, icmp',
  `ip_version` int COMMENT '4 or 6',
  `src_ip` string COMMENT 'client, RFC 5952',
  `src_port` int COMMENT 'client''s port',
  `dst_ip` string COMMENT 'sensor''s own address: secret',
  `dst_port` int COMMENT 'port tried; ICMP type',
  `attempts` bigint COMMENT 'attempts that the row stands for',
  `payload_id` string COMMENT 'SHA-256 of what the client sent first',
  `src_bytes` bigint COMMENT 'bytes that the client sent in all',
  `truncated` boolean COMMENT 'more came than was kept',
  `close` string COMMENT 'who ended the session, and why',
  `app_proto` string COMMENT 'protocol spoken, from the bytes',
  `tls_version` string COMMENT 'highest version offered',
  `tls_sni` string COMMENT 'server name asked for',
  `tls_alpn` string COMMENT 'protocols offered',
  `ja3` string COMMENT 'fingerprint of the ClientHello',
  `ja4` string COMMENT 'fingerprint of the ClientHello',
  `tcp_signature` string COMMENT 'SYN, as p0f writes it',
  `tool` string COMMENT 'tool that the packet gives away',
  `country` string COMMENT 'ISO 3166-1 alpha-2 of the address',
  `asn` bigint COMMENT 'network of the address',
  `as_name` string COMMENT 'name of the network',
  `geo_date` string COMMENT 'build date of the databases',
  `scanner` string COMMENT 'organisation that the source says it is',
  `explored` boolean COMMENT 'seen by a listener opened to explore',
  `transcript_id` string COMMENT 'SHA-256 of the dialogue',
  `scanner_date` string COMMENT 'date of the list of scanners'
)
PARTITIONED BY (day(ts))
LOCATION 's3://YOUR-BUCKET/athena/terroir/events/'
TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');

