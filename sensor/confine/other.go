//go:build !linux

package confine

import "fmt"

// LandlockVersion is 0: there is no Landlock on this system.
func LandlockVersion() int { return 0 }

// NoNewPrivileges is missing on this system.
func NoNewPrivileges() error { return fmt.Errorf("no new privileges: %w", ErrMissing) }

// Paths is missing on this system.
func Paths(Rules) error { return fmt.Errorf("landlock: %w", ErrMissing) }

// Calls is missing on this system.
func Calls() error { return fmt.Errorf("seccomp: %w", ErrMissing) }

// Find is missing on this system.
func Find(string) (Identity, error) { return Identity{}, fmt.Errorf("another user: %w", ErrMissing) }

// Own is missing on this system.
func Own(string, Identity) error { return fmt.Errorf("another user: %w", ErrMissing) }

// Reaches is missing on this system.
func Reaches(Identity, string) error { return fmt.Errorf("another user: %w", ErrMissing) }

// Become is missing on this system.
func Become(Identity) error { return fmt.Errorf("another user: %w", ErrMissing) }

// KeepOnly is missing on this system.
func KeepOnly() error { return fmt.Errorf("capabilities: %w", ErrMissing) }

// KeepNothing is missing on this system.
func KeepNothing() error { return fmt.Errorf("capabilities: %w", ErrMissing) }

// CallsOut is missing on this system.
func CallsOut() error { return fmt.Errorf("seccomp: %w", ErrMissing) }

// Has is false: there are no capabilities on this system.
func Has(string) bool { return false }

// CallsSupported is false: there are no such filters on this system.
func CallsSupported() bool { return false }
