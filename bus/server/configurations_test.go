package server_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
)

func connected(t *testing.T) *bus.Bus {
	t.Helper()
	s, err := server.Start("127.0.0.1:0", t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	b, err := s.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// TestASensorSeesItsConfigurations: the one that there is, each new one, and nobody else's.
func TestASensorSeesItsConfigurations(t *testing.T) {
	b := connected(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.PublishConfiguration(ctx, "paris-1", nil); terroir.ErrorCode(err) != terroir.EUNREACHABLE {
		t.Errorf("published before there was a bucket: %v", err)
	}
	if err := b.SetupConfigurations(ctx, 1); err != nil {
		t.Fatal(err)
	}
	largest := bytes.Repeat([]byte("x"), bus.MaxConfiguration)
	for name, text := range map[string][]byte{"paris-1": []byte("first"), "tokyo-1": []byte("another's")} {
		if err := b.PublishConfiguration(ctx, name, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.PublishConfiguration(ctx, "paris-1", append(largest, 'x')); terroir.ErrorCode(err) != terroir.EINVALID {
		t.Errorf("too large: %v", err)
	}
	seen := make(chan []byte, 4)
	watching, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- b.WatchConfiguration(watching, "paris-1", func(text []byte) error { seen <- text; return nil })
	}()
	for _, want := range [][]byte{[]byte("first"), []byte("second"), largest} {
		if string(want) != "first" {
			if err := b.PublishConfiguration(ctx, "paris-1", want); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case got := <-seen:
			if !bytes.Equal(got, want) {
				t.Errorf("got %.20q, want %.20q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("%.20q did not come", want)
		}
	}
	stop()
	if err := <-done; watching.Err() == nil || err == nil {
		t.Errorf("the watch ended with %v", err)
	}
}

// TestAWatchOfNothingYetWaits has the first configuration come later.
func TestAWatchOfNothingYetWaits(t *testing.T) {
	b := connected(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.SetupConfigurations(ctx, 1); err != nil {
		t.Fatal(err)
	}
	enough := terroir.Errorf(terroir.ECHECK, "enough")
	done := make(chan error, 1)
	go func() {
		done <- b.WatchConfiguration(ctx, "late-1", func(text []byte) error {
			if string(text) != "now" {
				t.Errorf("got %q", text)
			}
			return enough
		})
	}()
	time.Sleep(100 * time.Millisecond)
	if err := b.PublishConfiguration(ctx, "late-1", []byte("now")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != enough {
		t.Errorf("ended with %v", err)
	}
}
