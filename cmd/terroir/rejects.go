package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"terroir"
)

// rejectFile keeps the rows that could not be read: line number, reason and the row, separated by tabs. It is made
// with its first row.
type rejectFile struct {
	path string
	f    *os.File
	w    *bufio.Writer
}

func (r *rejectFile) add(line int, row string, why error) error {
	if r.f == nil {
		if err := r.open(); err != nil {
			return &terroir.Error{Code: terroir.EUNREACHABLE, Where: r.path, Message: "cannot keep rejected rows", Err: err,
				Hint: "name another folder with --rejects"}
		}
	}
	_, err := fmt.Fprintf(r.w, "%d\t%s\t%s\n", line, oneField(why.Error()), oneField(row))
	return err
}

func (r *rejectFile) open() error {
	if err := os.MkdirAll(filepath.Dir(r.path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(r.path)
	if err != nil {
		return err
	}
	r.f, r.w = f, bufio.NewWriter(f)
	return nil
}

// Close writes what is buffered.
func (r *rejectFile) Close() error {
	if r.f == nil {
		return nil
	}
	return errors.Join(r.w.Flush(), r.f.Close())
}

// oneField keeps a text on one line and in one column.
func oneField(s string) string {
	return strings.NewReplacer("\t", `\t`, "\n", `\n`, "\r", `\r`, "\x1b", `\x1b`).Replace(s)
}
