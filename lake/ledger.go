package lake

import (
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
)

// The ledger is a table of the catalog's database with the size and the SHA-256 of every data file that terroir wrote: Iceberg's
// metadata has no sums. A file is in it before the catalog points to it.
const ledgerTable = "terroir_files"

func (l *Lake) openLedger(ctx context.Context) error {
	if _, err := l.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+ledgerTable+" (path TEXT PRIMARY KEY, bytes BIGINT, sha256 TEXT)"); err != nil {
		return err
	}
	local.mu.Lock()
	defer local.mu.Unlock()
	local.ledgers[l] = struct{}{}
	return nil
}

func (l *Lake) closeLedger() {
	local.mu.Lock()
	defer local.mu.Unlock()
	delete(local.ledgers, l)
}

// remember puts the data files of this lake into the ledger.
func (l *Lake) remember(files map[string]fileSum) error {
	var rows []string
	for path, sum := range files {
		if name, ok := l.relative(path); ok && strings.HasSuffix(path, ".parquet") {
			rows = append(rows, fmt.Sprintf("(%s, %d, '%x')", quoted(name), sum.bytes, sum.sha256))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := l.db.Exec("INSERT INTO " + ledgerTable + " VALUES " + strings.Join(rows, ", ") +
		" ON CONFLICT (path) DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256")
	if err != nil {
		return fmt.Errorf("ledger of files: %w", err)
	}
	return nil
}

// recall returns the ledger, by path.
func (l *Lake) recall(ctx context.Context) (map[string]fileSum, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT path, bytes, sha256 FROM "+ledgerTable)
	if err != nil {
		return nil, fmt.Errorf("ledger of files: %w", err)
	}
	defer rows.Close()
	all := map[string]fileSum{}
	for rows.Next() {
		var name, sum string
		var f fileSum
		if err := rows.Scan(&name, &f.bytes, &sum); err != nil {
			return nil, fmt.Errorf("ledger of files: %w", err)
		}
		if n, err := hex.Decode(f.sha256[:], []byte(sum)); err != nil || n != len(f.sha256) {
			return nil, fmt.Errorf("ledger of files: %s has the sum %q", name, sum)
		}
		all[filepath.Join(l.dir, name)] = f
	}
	return all, rows.Err()
}

// forget takes files out of the ledger.
func (l *Lake) forget(ctx context.Context, paths []string) error {
	for _, path := range paths {
		name, _ := l.relative(path)
		if _, err := l.db.ExecContext(ctx, "DELETE FROM "+ledgerTable+" WHERE path = "+quoted(name)); err != nil {
			return fmt.Errorf("ledger of files: %w", err)
		}
	}
	return nil
}

// relative is a path below the lake's folder, as the ledger has it.
func (l *Lake) relative(path string) (string, bool) {
	return strings.CutPrefix(path, l.dir+string(filepath.Separator))
}

// quoted is a text in SQL. The dialects of the catalogs differ in their placeholders, not in this.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
