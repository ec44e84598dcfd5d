//go:build !linux

package monitor

import (
	"errors"
	"net"
)

// Client asks a monitor. There is none on this system.
type Client struct{}

// Start says that there are no monitors on this system.
func Start(Options) (*Client, error) { return nil, errors.New("monitor: only on Linux") }

// Close does nothing.
func (*Client) Close() error { return nil }

// Ended is never closed.
func (*Client) Ended() <-chan struct{} { return nil }

// Dial fails.
func (*Client) Dial(_, _ string) (net.Conn, error) { return nil, ErrEnded }

// Configuration fails.
func (*Client) Configuration() ([]byte, error) { return nil, ErrEnded }

// Main does nothing: no process is a monitor on this system.
func Main() {}
