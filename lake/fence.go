//go:build !nofence

package lake

import "github.com/apache/iceberg-go/table"

// fence lets the transaction commit only if the table's branch is where it was loaded (rule 1).
func fence(tx *table.Transaction) error { return tx.AssertRefSnapshotID("") }

// commitRetries is how often the library commits again what was prepared for an older table: it does not know what of
// a batch is new then.
const commitRetries = "0"
