// Package lake keeps what terroir knows in Apache Iceberg tables: a folder of Parquet files and metadata, and a SQLite
// catalog; or the same on S3, with a catalog in PostgreSQL. Any engine that reads Iceberg reads them without terroir.
//
// Rules that every change must keep:
//
//  1. A commit is fenced: it happens only if the table's branch and its marks are where the writer saw them. Without the
//     fence two writers double rows and neither learns of it (a build with the tag nofence has none, for the test of that).
//  2. The marks (the last sequence of every sensor and epoch that a table holds, and the bus position) are table
//     properties that commit in the same transaction as the rows.
//  3. Rows at or below a mark are dropped before an append, so that any part of the stream may be offered again.
//  4. On any error of a commit the table is loaded anew, the marks are read again and the batch is rebuilt: an error
//     does not say whether the commit happened.
//  5. The table events commits last. What its marks say is committed, is committed in every table.
//  6. Files reach the disk (fsync of file and folder) before the catalog points to them. (S3 answers a write when it is
//     stored.)
//  7. A reader loads the table events first: a commit that comes meanwhile adds to the others only what no event it sees
//     needs.
//  8. Clocks of hubs may be hours apart: nothing is decided by the times in a table's history.
package lake
