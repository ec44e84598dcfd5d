//go:build !linux

package tap

import "context"

// Tap is not to be had on this system.
type Tap struct{}

// Start returns ErrNoCapability: packets are read on Linux only.
func Start(context.Context, Options, Sink) (*Tap, error) { return nil, ErrNoCapability }

// Watching is false.
func (*Tap) Watching() bool { return false }

// Err never gives anything.
func (*Tap) Err() <-chan error { return nil }

// Close does nothing.
func (*Tap) Close() error { return nil }
