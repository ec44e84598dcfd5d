package e2e

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRealClientsAreAnswered lets the services' own clients talk to a sensor.
func TestRealClientsAreAnswered(t *testing.T) {
	f := newField(t)
	f.startHub()
	p := f.sensorThat("answers", "127.0.0.1", true)
	for _, c := range []struct{ port, program, args, want string }{
		{"tcp/6379", "redis-cli", "-h HOST -p PORT ping", "PONG"},
		{"tcp/6379", "redis-cli", "-h HOST -p PORT info server", "redis_version:6.2.6"},
		{"tcp/6379", "redis-cli", "-h HOST -p PORT config get dir", "/data"},
		{"tcp/2375", "curl", "-s http://HOST:PORT/version", "Docker Engine - Community"},
		{"tcp/2376", "curl", "-sk https://HOST:PORT/_ping", "OK"},
		{"tcp/6443", "curl", "-sk https://HOST:PORT/version", "v1.23.6"},
		{"tcp/5984", "curl", "-s http://HOST:PORT/", "Welcome"},
		{"tcp/5432", "psql", "host=HOST port=PORT user=postgres password=x|-tAc|select version()", "PostgreSQL 14.3"},
		{"tcp/5432", "psql", "host=HOST port=PORT user=postgres password=x|-c|create table a(b text)", "CREATE TABLE"},
	} {
		t.Run(c.program+" "+c.port, func(t *testing.T) {
			if _, err := exec.LookPath(c.program); err != nil {
				if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			at := p.bound[c.port]
			text := strings.NewReplacer("HOST", at.Addr().String(), "PORT", strconv.Itoa(int(at.Port()))).Replace(c.args)
			separator := " "
			if strings.Contains(text, "|") {
				separator = "|"
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			out, err := exec.CommandContext(ctx, c.program, strings.Split(text, separator)...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
