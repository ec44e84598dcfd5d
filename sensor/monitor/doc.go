// Package monitor keeps apart from a confined sensor the two things that it cannot do itself: to connect to the hub, and
// to read its configuration again. A process of its own does them; all that it takes from the sensor is one byte, which
// of the two is wanted, and of which of the hub's servers. So a sensor that was taken over reaches the hub and nobody else, and has no right to any
// connection.
//
// The idea is privilege separation as OpenSSH has it (Provos, Friedl, Honeyman: Preventing Privilege Escalation, 2003).
// The answer to a request is its byte, a status byte, a length of four bytes (big endian), and the configuration's or the
// error's text; with a connection, its descriptor comes along (SCM_RIGHTS, unix(7)).
package monitor

import (
	"io"
	"os"

	"terroir"
)

const (
	wantConfiguration = 'c'
	// wantConnection and those above it ask for a connection to a server of the hub: the first, the second, and so on.
	wantConnection = 0x80
	// maxHubs bounds the servers.
	maxHubs = 0x100 - wantConnection

	// headSize is that of an answer before its text.
	headSize = 6

	statusDone   = 0
	statusFailed = 1

	// maxConfiguration bounds a configuration file.
	maxConfiguration = 1 << 20
)

// Options of a monitor.
type Options struct {
	// Hubs are the hosts and ports of the hub's servers, to one of which it connects, and to no other.
	Hubs []string
	// File is the configuration that it reads; "" means an empty one.
	File string
	// UID and GID are whom it runs as; UID 0 means as whoever starts it.
	UID, GID int
}

// readFile reads a configuration file within bounds.
func readFile(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfiguration+1))
	if err == nil && len(text) > maxConfiguration {
		err = terroir.Errorf(terroir.ECONFIG, "%s is larger than 1 MiB", file)
	}
	return text, err
}

// ErrEnded says that the monitor is gone; the sensor must be started again.
var ErrEnded error = &terroir.Error{Code: terroir.EUNREACHABLE, Message: "the monitor ended", Hint: "start the sensor again"}
