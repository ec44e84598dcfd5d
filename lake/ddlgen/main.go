// Command ddlgen writes deploy/athena/tables.sql.
package main

import (
	"errors"
	"log"
	"os"

	"terroir/lake"
)

func main() {
	f, err := os.Create("../deploy/athena/tables.sql")
	if err == nil {
		err = errors.Join(lake.AthenaFile(f), f.Close())
	}
	if err != nil {
		log.Fatal(err)
	}
}
