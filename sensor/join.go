package sensor

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"terroir"
	"terroir/bus"
	"terroir/config"
)

// CredentialsFile, in a sensor's folder, is what it got when it joined: its name, its region, and the key for the hub.
const CredentialsFile = "credentials.json"

// JoinWithin is how long somebody who joins by hand waits for the hub.
const JoinWithin = 20 * time.Second

// Join joins the fleet with the token and keeps the credentials in the folder.
//
// Errors are those of bus.ParseToken and bus.Join, and EUNREACHABLE for a folder that cannot be written.
func Join(ctx context.Context, dir, token string) (*bus.Credentials, error) {
	t, err := bus.ParseToken(token)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot make the sensor's folder", Err: err}
	}
	c, err := bus.Join(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := keep(dir, c); err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "joined, but cannot keep the credentials; remove the sensor at the hub", Err: err}
	}
	return c, nil
}

// keep stores the credentials in the folder.
func keep(dir string, c *bus.Credentials) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, CredentialsFile), append(text, '\n'), 0o600)
}

// renewal has the sensor's credentials renewed, and stored in its folder, which is all that a confined sensor may write.
func (r *running) renewal() *bus.Renewal {
	if r.identity == nil {
		return nil
	}
	return &bus.Renewal{Identity: r.identity, Keep: func(c *bus.Credentials) error {
		if err := keep(r.cfg.Dir, c); err != nil {
			return &terroir.Error{Code: terroir.EUNREACHABLE, Where: r.cfg.Dir, Message: "cannot keep the new credentials", Err: err}
		}
		return nil
	}}
}

// Joined is what the sensor of the folder got when it joined; nil for one that did not.
func Joined(dir string) (*bus.Credentials, error) {
	file := filepath.Join(dir, CredentialsFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	c := &bus.Credentials{}
	if err == nil {
		err = json.Unmarshal(text, c)
	}
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "cannot read the credentials", Err: err, Hint: "join again: terroir sensor join"}
	}
	return c, nil
}

// member gives the configuration what the fleet says, and joins first where a token says so.
func (r *running) member(ctx context.Context, cfg *config.Sensor) error {
	c, err := Joined(cfg.Dir)
	if err == nil && c == nil && cfg.Token != "" {
		var token string
		if token, err = config.Secret(cfg.Token); err == nil {
			c, err = Join(ctx, cfg.Dir, token)
		}
		if err == nil {
			slog.Info("joined", "sensor", c.Sensor, "region", c.Region, "hub", c.Hub)
		}
	}
	if err != nil {
		return err
	}
	if c == nil {
		return r.remoteBus(cfg)
	}
	cfg.Sensor, cfg.Region, cfg.Hub, r.identity = c.Sensor, c.Region, c.Hub, bus.NewIdentity(c)
	return nil
}

// remoteBus reads what a bus without a fleet asks for. Answers come to an inbox of the sensor's own, so that no other need
// be opened to it.
func (r *running) remoteBus(cfg *config.Sensor) error {
	var remote bus.Remote
	for _, x := range []struct {
		reference string
		into      *bus.Given
	}{{cfg.Credentials, &remote.Credentials}, {cfg.CA, &remote.CA}} {
		if x.reference == "" {
			continue
		}
		text, err := config.Secret(x.reference)
		if err != nil {
			return err
		}
		*x.into = bus.Given{Text: text, From: x.reference}
	}
	options, err := remote.Options()
	if err == nil && remote.Credentials.Text != "" {
		options = append(options, nats.CustomInboxPrefix(bus.InboxOf(cfg.Sensor)))
	}
	r.remote = options
	return err
}

// TerminateFile, in a sensor's folder, ends the sensor when it appears: what tells that its machine will soon be gone
// makes it, and the sensor sends what it has.
const TerminateFile = "terminate"

// awaitNotice waits for the file, or for ctx to end. One that is there from before means another machine.
func awaitNotice(ctx context.Context, dir string) (noticed bool) {
	file := filepath.Join(dir, TerminateFile)
	_ = os.Remove(file)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
}
