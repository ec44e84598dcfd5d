package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"terroir"
)

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	for _, c := range []struct{ name, text, where, message string }{
		{"unknown key", "sensor: a\nregoin: b\n", "f.yaml:2:1", `unknown key "regoin"; did you mean "region"?`},
		{"unknown key within", "limits:\n  idle: 3s\n", "f.yaml:2:3", `unknown key "idle"`},
		{"key given twice", "sensor: a\nsensor: b\n", "f.yaml:2:1", "sensor"},
		{"duplicate port", "listen:\n  ports:\n    - {port: 80}\n    - {port: 80, transport: tcp}\n", "f.yaml:4:14", "port tcp/80 is listed twice"},
		{"port out of range", "listen:\n  ports:\n    - port: 70000\n", "f.yaml:3:13", "port 70000 is out of range"},
		{"port zero", "listen: {ports: [{port: 0}]}\n", "f.yaml:1:25", "port 0 is out of range"},
		{"transport", "listen: {ports: [{port: 1, transport: icmp}]}\n", "f.yaml:1:39", `"icmp" is not a transport`},
		{"tls on udp", "listen: {ports: [{port: 1, transport: udp, tls: true}]}\n", "f.yaml:1:49", "tls is for tcp only"},
		{"wrong type", "listen:\n  ports: 80\n", "f.yaml:2:10", ""},
		{"not a number", "limits: {sessions: many}\n", "f.yaml:1:20", ""},
		{"duration", "limits: {idle_after: 5}\n", "f.yaml:1:", "not a duration"},
		{"size", "limits: {keep_bytes: 3 apples}\n", "f.yaml:1:", "not a size"},
		{"size out of range", "limits: {keep_bytes: 2MiB}\n", "f.yaml:1:22", "out of range"},
		{"region", "region: ../etc\n", "f.yaml:1:9", `region "../etc"`},
		{"hub", "hub: http://x\n", "f.yaml:1:6", "not the address of a bus"},
		{"secret", "credentials: SUAB\n", "f.yaml:1:14", "a secret does not stand in the configuration"},
		{"token and credentials", "token: 'env:A'\ncredentials: 'env:B'\n", "f.yaml:1:8", "token with credentials"},
		{"theme", "theme: cars\n", "f.yaml:1:8", `no theme "cars"`},
		{"address", "listen: {addresses: [127.0.0.1, nowhere]}\n", "f.yaml:1:33", "not an IP address"},
		{"never", "tap: {never: [22, 99999]}\n", "f.yaml:1:19", "port 99999 is out of range"},
		{"bus at no port", "hub: nats://127.0.0.1:99999\n", "f.yaml:1:6", "not the address of a bus"},
		{"address twice", "listen: {addresses: [127.0.0.1, '::ffff:127.0.0.1']}\n", "f.yaml:1:33", "listed twice"},
		{"fraction", "limits: {sessions: 1.5}\n", "f.yaml:1:20", "1.5 is not a whole number"},
		{"fraction in a list", "tap: {never: [22, 1.5]}\n", "f.yaml:1:19", "1.5 is not a whole number"},
		{"fraction of a port", "listen: {ports: [{port: 80.9}]}\n", "f.yaml:1:25", "80.9 is not a whole number"},
		{"overflow", "limits: {sessions: 99999999999999999999}\n", "f.yaml:1:20", "want int"},
		{"text for a number", "listen:\n  ports:\n    - port: eighty\n", "f.yaml:3:13", "a string does not fit: want int"},
		{"text for yes or no", "tap: {enabled: perhaps}\n", "f.yaml:1:16", "a string does not fit: want bool"},
		{"two documents", "sensor: a\n---\nregion: '../x'\n", "f.yaml:2:1", "a second document"},
		{"document after an end", "sensor: a\n...\nregion: b\n", "f.yaml:", ""},
		{"key in quotes", "\"region\": '../x'\n", "f.yaml:1:11", `region "../x"`},
		{"key of another part", "tap: {sessions: 5}\n", "f.yaml:1:7", "it is a key of another part"},
		{"not YAML", "sensor: [\n", "f.yaml:", ""},
		{"serves nothing", "theme: none\n", "f.yaml", "nothing is served"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSensor("f.yaml", []byte(c.text))
			e, ok := err.(*terroir.Error)
			if !ok || e.Code != terroir.ECONFIG {
				t.Fatalf("got %v, want a configuration error", err)
			}
			if !strings.HasPrefix(e.Where, c.where) {
				t.Errorf("said at %s, want %s (%v)", e.Where, c.where, err)
			}
			if !strings.Contains(err.Error(), c.message) {
				t.Errorf("said %q, want %q in it", err, c.message)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestFileOfCommentsMeansTheDefaults(t *testing.T) {
	for _, text := range []string{"", "\n", "# sensor: a\n", "---\n", "# a\n---\n# b\n"} {
		s, err := ParseSensor("f.yaml", []byte(text))
		if err != nil || s.Sensor != DefaultSensor().Sensor || s.Limits != DefaultSensor().Limits {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

func TestHubIsForLoopbackOnly(t *testing.T) {
	for _, text := range []string{"listen: 0.0.0.0:80", "listen: ':80'", "bus: {listen: '10.0.0.1:4222'}", "listen: nonsense", "listen: 127.0.0.1:99999"} {
		if _, err := ParseHub("h.yaml", []byte(text)); terroir.ErrorCode(err) != terroir.ECONFIG {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"", "listen: '[::1]:80'", "listen: localhost:0", "bus: {url: 'nats://elsewhere:4222'}"} {
		if _, err := ParseHub("h.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestABusMayHaveSeveralServers(t *testing.T) {
	for _, c := range []struct{ text, message string }{
		{"bus: {url: 'http://x'}", `"http://x" is not the address of a bus`},
		{"bus: {url: 'nats://a:1,nats://'}", `"nats://" is not the address of a bus`},
		{"bus: {url: 'nats://a:1,tls://b:1'}", `"tls://b:1" is not the address of a bus`},
		{"bus: {url: 'nats://a:1,'}", `"" is not the address of a bus`},
		{"bus: {url: 'nats://a', credentials: SUAB}", "a secret does not stand in the configuration"},
		{"bus: {credentials: 'file:x'}", "bus.credentials is for a bus elsewhere"},
		{"bus: {ca: 'file:x'}", "bus.ca is for a bus elsewhere"},
		{"bus: {url: 'nats://a', replicas: 2}", "bus.replicas 2 is out of range"},
		{"bus: {replicas: 3}", "the embedded bus is one server"},
		{"bus: {wait: 0s}", "bus.wait must be more than 0"},
	} {
		_, err := ParseHub("h.yaml", []byte(c.text))
		if terroir.ErrorCode(err) != terroir.ECONFIG || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	for _, text := range []string{"bus: {url: 'tls://a:4222, tls://b:4222,tls://c', replicas: 3, credentials: 'file:x.creds', ca: 'env:CA'}"} {
		if _, err := ParseHub("h.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ParseSensor("s.yaml", []byte("hub: 'nats://a:4222,nats://b:4222'")); err != nil {
		t.Error(err)
	}
	if _, err := ParseSensor("s.yaml", []byte("hub: 'nats://a:4222,b:4222'")); terroir.ErrorCode(err) != terroir.ECONFIG {
		t.Error(err)
	}
}

func TestTablesOnS3(t *testing.T) {
	const where = "lake: {warehouse: 's3://b/p', catalog: 'env:C'}"
	for text, message := range map[string]string{
		"lake: {warehouse: 's3://b/p'}":                                          "need a catalog",
		"lake: {warehouse: '/var/lake', catalog: 'env:C'}":                       "not a place on S3",
		"lake: {warehouse: 's3://k:s@b/p', catalog: 'env:C'}":                    "not a place on S3",
		"lake: {catalog: 'env:C'}":                                               "for tables on S3",
		"lake: {s3: {region: x}}":                                                "for tables on S3",
		"lake: {warehouse: 's3://b/p', catalog: 'postgres://u:p@h/d'}":           "a secret does not stand",
		"lake: {warehouse: 's3://b', catalog: 'env:C', s3: {key: AKIA}}":         "a secret does not stand",
		"lake: {warehouse: 's3://b', catalog: 'env:C', s3: {key: 'env:K'}}":      "one of key and secret",
		"lake: {warehouse: 's3://b', catalog: 'env:C', s3: {endpoint: h}}":       "not the URL of a server",
		"lake: {warehouse: 's3://b', catalog: 'env:C', cache: 1KiB}":             "too little",
		"query: {engine: athena}":                                                "no engine",
		"query: {engine: trino}":                                                 "not the URL of a Trino",
		"query: {engine: trino, trino: 'http://h:8080'}":                         "on S3 only",
		where + "\nquery: {engine: trino, trino: 'https://u:p@h'}":               "a secret does not stand",
		where + "\nquery: {engine: trino, trino: 'https://h', password: p}":      "a secret does not stand",
		where + "\nquery: {engine: trino, trino: 'http://h', password: 'env:P'}": "over https only",
	} {
		_, err := ParseHub("h.yaml", []byte(text))
		if terroir.ErrorCode(err) != terroir.ECONFIG || !strings.Contains(err.Error(), message) || !strings.HasPrefix(err.Error(), "h.yaml:") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{where, where + "\nquery: {engine: trino, trino: 'https://u@h:8443', password: 'file:/x'}"} {
		if _, err := ParseHub("h.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := LoadHub(filepath.Join("..", "deploy", "hub.yaml")); err != nil {
		t.Errorf("what users are given: %v", err)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := LoadSensor(filepath.Join(t.TempDir(), "none.yaml"))
	if terroir.ErrorCode(err) != terroir.ECONFIG || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

func TestValuesAndWhereTheyComeFrom(t *testing.T) {
	t.Setenv("TERROIR_SENSOR_LIMITS_IDLE_AFTER", "9s")
	t.Setenv("TERROIR_SENSOR_TAP_NEVER", "[22, 4222]")
	t.Setenv("TERROIR_SENSOR_REGION", "eu-west-3")
	s, err := ParseSensor("f.yaml", []byte("sensor: paris-1\nregion: elsewhere\nlimits:\n  idle_after: 2s\n  keep_bytes: 1KiB\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Sensor != "paris-1" || s.Region != "eu-west-3" || time.Duration(s.Limits.IdleAfter) != 9*time.Second ||
		s.Limits.KeepBytes != 1024 || len(s.Tap.Never) != 2 || s.Limits.Sessions != DefaultSensor().Limits.Sessions {
		t.Errorf("%+v", s)
	}
	for key, want := range map[string]string{"sensor": "f.yaml:1:9", "region": "TERROIR_SENSOR_REGION",
		"limits.idle_after": "TERROIR_SENSOR_LIMITS_IDLE_AFTER", "limits.keep_bytes": "f.yaml:5:15", "limits.sessions": ""} {
		if got := s.Origins()[key]; got != want {
			t.Errorf("%s comes from %q, want %q", key, got, want)
		}
	}
}

func TestPortsAreAddedToTheThemeOrTakeItsPlace(t *testing.T) {
	s, err := ParseSensor("f", []byte("listen: {ports: [{port: 8443, transport: tcp, service: https, tls: true}, {port: 6379, transport: tcp, service: mine}]}"))
	if err != nil {
		t.Fatal(err)
	}
	c := s.Configuration()
	if len(c.Ports) != len(terroir.Containers().Ports)+1 {
		t.Errorf("%d ports", len(c.Ports))
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	for _, p := range c.Ports {
		if p.String() == "tcp/6379" && p.Service != "mine" {
			t.Errorf("%+v", p)
		}
	}
}

func TestPublishedSchemasAreUpToDate(t *testing.T) {
	for file, v := range map[string]any{"sensor.schema.json": DefaultSensor(), "hub.schema.json": DefaultHub(), "overlay.schema.json": Overlay{}} {
		want, err := Schema(file, v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is out of date: go generate ./config", file)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("sensor: a\nlisten: {ports: [{port: 1}]}\n")
	f.Add("tap: {never: [22]}\nlimits: {keep_bytes: 1KiB}\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSensor("f", []byte(text))
		if err == nil {
			c := s.Configuration()
			if err := c.Validate(); err != nil {
				t.Errorf("accepted, but: %v", err)
			}
		} else if terroir.ErrorCode(err) != terroir.ECONFIG {
			t.Errorf("%T %v", err, err)
		}
	})
}
