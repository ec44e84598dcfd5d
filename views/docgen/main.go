// Command docgen writes docs/views.md.
package main

import (
	"errors"
	"log"
	"os"

	"terroir/views"
)

func main() {
	if err := write("../docs/views.md"); err != nil {
		log.Fatal(err)
	}
}

func write(file string) error {
	r, err := views.Shipped()
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(r.Reference(f), f.Close())
}
