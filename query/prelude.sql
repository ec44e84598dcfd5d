CREATE OR REPLACE MACRO main.from_iso8601_timestamp(t) AS CAST(t AS TIMESTAMPTZ);
CREATE OR REPLACE MACRO main.array_join(list, separator) AS array_to_string(list, separator);
CREATE OR REPLACE MACRO main.to_unixtime(t) AS epoch(t);
CREATE OR REPLACE MACRO main.from_unixtime(s) AS to_timestamp(s);
