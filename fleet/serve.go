package fleet

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
)

// Serve answers those who join and those who renew, has the server believe nobody who was removed, whose keys have ended
// or who sends too much, until ctx ends.
func (f *Fleet) Serve(ctx context.Context, b *bus.Bus, s *server.Server) error {
	stopJoins, err := b.ServeJoins(f.answer)
	if err != nil {
		return err
	}
	defer stopJoins()
	stopRenewals, err := b.ServeRenewals(f.answerRenewal)
	if err != nil {
		return err
	}
	defer stopRenewals()
	tick := time.NewTicker(f.Look)
	defer tick.Stop()
	g := newGuard(f.Quota)
	var known state
	for {
		f.watch(g, s)
		if known, err = f.follow(b, s, known); err != nil {
			return &terroir.Error{Code: terroir.EUNREACHABLE, Where: f.dir, Message: "cannot follow the fleet", Err: err}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// state is what the server's beliefs depend on.
type state struct {
	removed int // Nothing is ever taken out of it.
	keys    time.Time
	held    []string
}

// follow has the server believe whom the fleet believes, where that has changed.
func (f *Fleet) follow(b *bus.Bus, s *server.Server, known state) (state, error) {
	if err := f.readKeys(); err != nil {
		return known, err
	}
	if err := f.forget(); err != nil {
		return known, err
	}
	removed, err := os.ReadDir(f.folder("removed"))
	if err != nil {
		return known, err
	}
	now := state{removed: len(removed), keys: f.readAt(), held: f.heldNow()}
	if now.removed == known.removed && now.keys.Equal(known.keys) && slices.Equal(now.held, known.held) {
		return now, nil
	}
	if err := f.update(s); err != nil {
		return known, err
	}
	if !known.keys.IsZero() && !now.keys.Equal(known.keys) {
		return now, b.Refresh() // The hub's own key is another one, and the one before ends some time.
	}
	return now, nil
}

func (f *Fleet) readAt() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read
}

// update has the server believe whom the fleet believes now.
func (f *Fleet) update(s *server.Server) error {
	newest, err := public(f.newest().Signer)
	if err != nil {
		return err
	}
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
	f.mu.Lock()
	defer f.mu.Unlock()
	f.believed = newest
	return nil
}

func (f *Fleet) answer(id string, request []byte) []byte {
	if !f.mayAsk("join " + id) {
		return encode(bus.JoinAnswer{Error: "asked too often"})
	}
	var r bus.JoinRequest
	err := json.Unmarshal(request, &r)
	var a bus.JoinAnswer
	if err == nil {
		a, err = f.join(id, r.Key)
	}
	if err != nil {
		slog.Warn("not joined", "token", id, "error", err)
		return encode(bus.JoinAnswer{Error: oneLine(err)})
	}
	slog.Info("joined", "sensor", a.Sensor, "region", a.Region, "token", id)
	return encode(a)
}

func (f *Fleet) answerRenewal(sensor string, request []byte) []byte {
	if !f.mayAsk("renew " + sensor) {
		return encode(bus.RenewAnswer{Again: time.Second})
	}
	var r bus.RenewRequest
	err := json.Unmarshal(request, &r)
	var a bus.RenewAnswer
	if err == nil && len(request) > maxQuestion {
		err = terroir.Errorf(terroir.EINVALID, "a question of %d bytes", len(request))
	}
	if err == nil {
		a, err = f.renew(sensor, &r)
	}
	if err != nil {
		slog.Warn("credentials not renewed", "sensor", sensor, "error", err)
		return encode(bus.RenewAnswer{Error: oneLine(err)})
	}
	if a.JWT != "" {
		slog.Info("credentials renewed", "sensor", sensor)
	}
	return encode(a)
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func encode(a any) []byte {
	text, err := json.Marshal(a)
	if err != nil {
		return nil // Strings, bytes and numbers can be encoded.
	}
	return text
}
