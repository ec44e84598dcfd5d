package fleet

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
)

// lookEvery is how often the folder is looked at, and so how late a removal takes effect.
const lookEvery = 500 * time.Millisecond

// Serve answers those who join, and has the server believe nobody who was removed, until ctx ends.
func (f *Fleet) Serve(ctx context.Context, b *bus.Bus, s *server.Server) error {
	stop, err := b.ServeJoins(func(id string, request []byte) []byte { return f.answer(id, request) })
	if err != nil {
		return err
	}
	defer stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	known := 0
	for {
		removed, err := os.ReadDir(filepath.Join(f.dir, "removed")) // Nothing is ever taken out of it.
		if err == nil && len(removed) != known {
			err = f.update(s)
			known = len(removed)
		}
		if err != nil {
			return &terroir.Error{Code: terroir.EUNREACHABLE, Where: f.dir, Message: "cannot follow the fleet", Err: err}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// update has the server believe whom the fleet believes now.
func (f *Fleet) update(s *server.Server) error {
	trust, err := f.Authority()
	if err != nil {
		return err
	}
	for key, claims := range trust.Accounts {
		if key == trust.System {
			continue
		}
		if err := s.Update(key, claims); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fleet) answer(id string, request []byte) []byte {
	var r bus.JoinRequest
	err := json.Unmarshal(request, &r)
	var a bus.JoinAnswer
	if err == nil {
		a, err = f.join(id, r.Key)
	}
	if err != nil {
		slog.Warn("not joined", "token", id, "error", err)
		a = bus.JoinAnswer{Error: err.Error()}
	} else {
		slog.Info("joined", "sensor", a.Sensor, "region", a.Region, "token", id)
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil // Strings can be encoded.
	}
	return text
}
