// Package confine takes away from the process what it does not need, for good: the superuser (Become), new privileges
// (NoNewPrivileges), files (Paths, by Landlock), and system calls (Calls, by seccomp). A sensor that was taken over can
// then write in its own folder and answer who is connected to it, and nothing else.
//
// What the system lacks is told as an error that wraps ErrMissing; the caller goes on with less and says so.
package confine

import "errors"

// ErrMissing says that the system cannot confine in this way.
var ErrMissing = errors.New("not on this system")

// Rules are the files and the connections that remain. What does not exist is passed over.
type Rules struct {
	// ReadFiles and ReadFolders may be read, WriteFolders be written, too, with all below.
	ReadFiles, ReadFolders, WriteFolders []string
	// Connect are the TCP ports to which connections remain possible.
	Connect []uint16
}

// Identity is a user and a group of the system.
type Identity struct {
	Name     string
	UID, GID int
}
