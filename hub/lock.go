package hub

import (
	"os"
	"path/filepath"
	"syscall"

	"terroir"
)

// Lock keeps a second hub out of the folder until the returned function is called, or the process ends.
//
// A folder that another hub holds yields an EUNREACHABLE error.
func Lock(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot use this folder", Err: err}
	}
	file := filepath.Join(dir, "hub.lock")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: file, Message: "cannot lock the folder", Err: err}
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "another hub runs on this folder",
			Hint: "stop it, or use another folder with --dir"}
	}
	return f.Close, nil
}
