"""Counts rows of a lake of terroir with pyiceberg: each table, then the payloads on port 6379."""
import os
import sys

from pyiceberg.catalog.sql import SqlCatalog

folder = os.path.abspath(sys.argv[1])
catalog = SqlCatalog("terroir", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
for name in ("events", "payloads", "payload_facts", "served_ports"):
    print(catalog.load_table(f"terroir.{name}").scan().to_arrow().num_rows)
print(catalog.load_table("terroir.events").scan(row_filter="dst_port = 6379 and kind = 'payload'").to_arrow().num_rows)
