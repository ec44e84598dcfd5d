//go:build !unix

package listen

import "syscall"

func keepUrgent(string, string, syscall.RawConn) error { return nil }
