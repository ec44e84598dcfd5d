"""Counts rows of a lake of terroir with pyiceberg: each table, then the payloads on port 6379.

    count.py FOLDER
    count.py DATABASE WAREHOUSE [NAME=VALUE…]    catalog in PostgreSQL, tables on S3, properties such as s3.endpoint
"""
import os
import sys

from pyiceberg.catalog.sql import SqlCatalog

if len(sys.argv) == 2:
    folder = os.path.abspath(sys.argv[1])
    catalog = SqlCatalog("terroir", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
else:
    catalog = SqlCatalog("terroir", uri=sys.argv[1], warehouse=sys.argv[2], **dict(p.split("=", 1) for p in sys.argv[3:]))
for name in ("events", "payloads", "payload_facts", "served_ports"):
    print(catalog.load_table(f"terroir.{name}").scan().to_arrow().num_rows)
print(catalog.load_table("terroir.events").scan(row_filter="dst_port = 6379 and kind = 'payload'").to_arrow().num_rows)
