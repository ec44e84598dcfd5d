// Command copy is a yardstick: DuckDB reads a gzipped CSV and writes it as one Parquet file. It prints the seconds.
package main

import (
	"database/sql"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: copy FILE.csv.gz FILE.parquet")
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	begun := time.Now()
	if _, err := db.Exec("COPY (SELECT * FROM read_csv(" + quote(os.Args[1]) + ", all_varchar = true)) TO " + quote(os.Args[2]) + " (FORMAT parquet, COMPRESSION zstd)"); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n", time.Since(begun).Seconds())
}
