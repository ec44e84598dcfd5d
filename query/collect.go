package query

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"terroir"
	"terroir/views"
)

// maxRows bounds a result: more than anybody reads, and little enough to hold.
const maxRows = 2_000_000

// columns are those of a result, by the names and types of an engine.
func columns(names, types []string) []views.Column {
	all := make([]views.Column, len(names))
	for i := range names {
		all[i] = views.Column{Name: names[i], Type: columnType(types[i])}
	}
	return all
}

// collect makes a result of rows. next fills in one, and reports whether there was one.
func collect(columns []views.Column, next func(row []any) (bool, error)) (*views.Result, error) {
	r := &views.Result{Columns: columns, Rows: [][]any{}}
	for {
		row := make([]any, len(columns))
		if there, err := next(row); err != nil || !there {
			return r, err
		}
		if len(r.Rows) == maxRows {
			return nil, &terroir.Error{Code: terroir.EINVALID, Message: fmt.Sprintf("the statement returns more than %d rows", maxRows),
				Hint: "ask for a shorter window or fewer regions; in a statement of your own, use LIMIT"}
		}
		for i := range row {
			row[i] = plain(row[i])
			if text, ok := row[i].(string); ok && columns[i].Type == "float" { // Trino's decimals
				if f, err := strconv.ParseFloat(text, 64); err == nil {
					row[i] = f
				}
			}
		}
		r.Rows = append(r.Rows, row)
	}
}

func columnType(engine string) string {
	base, _, _ := strings.Cut(engine, "(")
	switch base {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT":
		return "int"
	case "FLOAT", "REAL", "DOUBLE", "DECIMAL":
		return "float"
	case "BOOLEAN":
		return "bool"
	case "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE":
		return "time"
	}
	return "string"
}

// plain turns a value of the driver into one of those that Result allows.
func plain(x any) any {
	switch x := x.(type) {
	case nil, bool, int64, float64, string:
		return x
	case int8:
		return int64(x)
	case int16:
		return int64(x)
	case int32:
		return int64(x)
	case uint8:
		return int64(x)
	case uint16:
		return int64(x)
	case uint32:
		return int64(x)
	case float32:
		return float64(x)
	case uint64:
		return fitting(new(big.Int).SetUint64(x))
	case *big.Int:
		return fitting(x)
	case duckdb.Decimal:
		return x.Float64()
	case time.Time:
		return x.UTC()
	case []byte:
		return hex.EncodeToString(x)
	}
	if b, err := json.Marshal(x); err == nil {
		return string(b)
	}
	return fmt.Sprint(x)
}

func fitting(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return f
}
