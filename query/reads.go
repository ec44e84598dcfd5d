package query

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"terroir"
)

// explain begins a statement that tells how another one is run; EXPLAIN ANALYZE runs it.
var explain = regexp.MustCompile(`(?i)^\s*explain(?:\s+analyze)?\s+`)

// harmless are the table functions that a statement may call. A SELECT does more than read by some of the others:
// enable_profiling writes a file, enable_logging fills the memory, and query runs a text that nobody looked at.
var harmless = map[string]bool{"range": true, "generate_series": true, "unnest": true, "repeat": true, "json_each": true, "json_tree": true,
	"pragma_table_info": true, "duckdb_columns": true, "duckdb_functions": true, "duckdb_tables": true, "duckdb_views": true, "duckdb_types": true,
	"duckdb_settings": true, "duckdb_keywords": true}

// maxSeen bounds how many statements are known to read only.
const maxSeen = 4096

// reads remembers which statements only read: a page asks for the same ones again and again.
type reads struct {
	mu   sync.Mutex
	seen map[[sha256.Size]byte]struct{}
}

// check returns an EINVALID error for a statement that is none, is several, or does more than read. ask is given a statement of
// one row and one text.
func (r *reads) check(ctx context.Context, statement string, ask func(context.Context, string) (string, error)) error {
	id := sha256.Sum256([]byte(statement))
	r.mu.Lock()
	_, known := r.seen[id]
	r.mu.Unlock()
	if known {
		return nil
	}
	// DuckDB's own parser says what the statement is, so nothing is hidden by quotes or comments.
	text, err := ask(ctx, "SELECT json_serialize_sql("+quote(strings.TrimPrefix(statement, explain.FindString(statement)))+")::varchar")
	if err != nil {
		return err
	}
	if err := onlyReads(text); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) >= maxSeen || r.seen == nil {
		r.seen = map[[sha256.Size]byte]struct{}{}
	}
	r.seen[id] = struct{}{}
	return nil
}

// onlyReads looks at statements as DuckDB serializes them, or at its error.
func onlyReads(text string) error {
	var tree struct {
		Error      bool
		Type       string `json:"error_type"`
		Message    string `json:"error_message"`
		Statements []any
	}
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return fmt.Errorf("a statement's syntax tree: %w", err)
	}
	switch {
	case tree.Error && tree.Type == "parser":
		return &terroir.Error{Code: terroir.EINVALID, Message: "the statement is not valid: " + firstLine(tree.Message)}
	case tree.Error:
		return &terroir.Error{Code: terroir.EINVALID, Message: "the statement does more than read", Hint: "use SELECT"}
	case len(tree.Statements) == 0:
		return terroir.Errorf(terroir.EINVALID, "the statement is empty")
	case len(tree.Statements) > 1:
		return &terroir.Error{Code: terroir.EINVALID, Message: fmt.Sprintf("%d statements where one can be run", len(tree.Statements))}
	}
	return calls(tree.Statements[0])
}

// tableName is what a table, or a part of the statement, may be called: not a file, which DuckDB would read.
var tableName = regexp.MustCompile(`^\w+$`)

// harmful are functions that are no table functions: one plans a statement that nobody looked at, one writes.
var harmful = map[string]bool{"json_serialize_plan": true, "write_log": true}

// calls looks for table functions, functions and tables, wherever they stand.
func calls(node any) error {
	switch node := node.(type) {
	case []any:
		for _, n := range node {
			if err := calls(n); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := allowed(node); err != nil {
			return err
		}
		for _, n := range node {
			if err := calls(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// allowed looks at one node.
func allowed(node map[string]any) error {
	name, _ := node["function_name"].(string)
	table, _ := node["table_name"].(string)
	switch node["type"] {
	case "TABLE_FUNCTION":
		f, _ := node["function"].(map[string]any)
		if name, _ = f["function_name"].(string); harmless[name] {
			return nil
		}
	case "FUNCTION":
		if !harmful[name] {
			return nil
		}
	case "BASE_TABLE":
		if tableName.MatchString(table) {
			return nil
		}
		return &terroir.Error{Code: terroir.EINVALID, Message: fmt.Sprintf("%q is no table", table)}
	default:
		return nil
	}
	return &terroir.Error{Code: terroir.EINVALID, Message: fmt.Sprintf("the statement calls %q, which may do more than read the tables", name)}
}
