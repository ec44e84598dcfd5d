package spool

import (
	"os"
	"syscall"
)

// syncData brings what was written to disk, without the file's times.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
