package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"terroir/bus"
)

// deployed reads the configuration of a server as it is published; edit changes its text.
func deployed(t *testing.T, n int, edit func(string) string) *natsserver.Options {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("../../deploy/nats/nats-%d.conf", n))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(edit(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := natsserver.ProcessConfigFile(file)
	if err != nil {
		t.Fatalf("server %d: %v", n, err)
	}
	return o
}

func TestPublishedConfigurationsAreThoseOfACluster(t *testing.T) {
	names := map[string]bool{}
	for n := 1; n <= 3; n++ {
		o := deployed(t, n, func(s string) string { return s })
		names[o.ServerName] = true
		if !o.JetStream || o.Cluster.Name != "terroir" || len(o.Routes) != 3 || o.MaxPayload != bus.MaxMessage {
			t.Errorf("server %d: JetStream %t, cluster %q, routes %v, payload %d", n, o.JetStream, o.Cluster.Name, o.Routes, o.MaxPayload)
		}
	}
	if len(names) != 3 {
		t.Errorf("the servers are called %v", names)
	}
}

var example = regexp.MustCompile(`(?m)^( *)// `)

func TestPublishedExamplesLetInAHubAndASensorAndNobodyElse(t *testing.T) {
	dir := t.TempDir()
	ca := certificate(t, dir)
	hub, sensor, stranger := user(t), user(t), user(t)
	keys := []string{hub.key, sensor.key}
	for n := 1; n <= 3; n++ {
		o := deployed(t, n, func(s string) string {
			s = strings.ReplaceAll(example.ReplaceAllString(s, "$1"), "/etc/nats", dir)
			i := 0
			return regexp.MustCompile(`nkey: \w+`).ReplaceAllStringFunc(s, func(string) string { i++; return "nkey: " + keys[i-1] })
		})
		if o.TLSConfig == nil || o.Cluster.TLSConfig == nil || len(o.Nkeys) != 2 || !o.SyncAlways {
			t.Fatalf("server %d: the examples are not in force", n)
		}
		if n == 1 {
			alone(t, o)
			letsIn(t, o, ca, hub, sensor, stranger)
		}
	}
}

// alone makes of a server of the cluster one that runs here by itself.
func alone(t *testing.T, o *natsserver.Options) {
	t.Helper()
	o.Host, o.Port, o.StoreDir, o.HTTPPort = "127.0.0.1", natsserver.RANDOM_PORT, t.TempDir(), 0
	o.Cluster, o.Routes, o.NoLog, o.NoSigs = natsserver.ClusterOpts{}, nil, true, true
}

func letsIn(t *testing.T, o *natsserver.Options, ca string, hub, sensor, stranger identity) {
	t.Helper()
	s, err := natsserver.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(readyWithin) {
		t.Fatal("not ready")
	}
	connect := func(who identity) *bus.Bus {
		options, err := bus.Remote{Credentials: bus.Given{Text: who.seed}, CA: bus.Given{Text: ca}}.Options()
		if err != nil {
			t.Fatal(err)
		}
		if who == sensor {
			options = append(options, nats.CustomInboxPrefix(bus.InboxOf("paris-1")))
		}
		b, err := bus.Connect("tls://"+s.Addr().String(), "test", options...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return b
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	h := connect(hub)
	if err := h.SetupWithin(ctx, 10*time.Second, 1); err != nil {
		t.Fatal(err)
	}
	if err := connect(sensor).Publish(ctx, "paris-1", "a", 1, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(context.Context) error{
		"a sensor speaks for another": func(ctx context.Context) error { return connect(sensor).Publish(ctx, "tokyo-1", "b", 1, nil) },
		"a stranger is let in":        func(ctx context.Context) error { return connect(stranger).Publish(ctx, "paris-1", "c", 1, nil) },
	} {
		short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		if f(short) == nil {
			t.Error(name)
		}
		cancel()
	}
	p := bus.PartitionOf("paris-1")
	consuming, done := context.WithCancel(ctx)
	var got []bus.Message
	_ = h.Consume(consuming, p, func(m bus.Message) error { got = append(got, m); done(); return nil })
	done()
	if len(got) != 1 || got[0].Sensor != "paris-1" {
		t.Fatalf("the hub consumed %v", got)
	}
	if err := h.PublishMark(ctx, "paris-1", bus.Mark{Epoch: 1, Sequence: 1}); err != nil {
		t.Error(err)
	}
	if err := h.Free(ctx, map[bus.Partition]uint64{p: got[0].Stream}); err != nil {
		t.Error(err)
	}
	present(t, ctx, h)
	watching, told := context.WithCancel(ctx)
	defer told()
	mark := make(chan bus.Mark, 1)
	go func() {
		_ = connect(sensor).WatchMarks(watching, "paris-1", func(m bus.Mark) {
			select {
			case mark <- m:
			default:
			}
		})
	}()
	select {
	case <-mark:
	case <-ctx.Done():
		t.Error("the sensor does not hear of its mark")
	}
}

// present checks that the hub may be a worker.
func present(t *testing.T, ctx context.Context, h *bus.Bus) {
	t.Helper()
	if err := h.Present(ctx, "me"); err != nil {
		t.Fatal(err)
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var heard []bus.Worker
	_ = h.WatchWorkers(watching, func(w bus.Worker) {
		if heard = append(heard, w); w.Name == "" {
			stop()
		}
	})
	if len(heard) != 2 || heard[0].Name != "me" {
		t.Errorf("heard of %v", heard)
	}
	if err := h.Leave(ctx, "me"); err != nil {
		t.Error(err)
	}
}

// identity is a user's NKey.
type identity struct{ key, seed string }

func user(t *testing.T) identity {
	t.Helper()
	k, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := k.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return identity{key, string(seed)}
}

// certificate writes certificate and key of each server into dir: one that vouches for itself. It returns that, in PEM.
func certificate(t *testing.T, dir string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: nil, DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true}
	c.IPAddresses = append(c.IPAddresses, []byte{127, 0, 0, 1})
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for _, name := range []string{"nats-1.pem", "nats-2.pem", "nats-3.pem", "ca.pem"} {
		write(t, filepath.Join(dir, name), cert)
	}
	for _, name := range []string{"nats-1.key", "nats-2.key", "nats-3.key"} {
		write(t, filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	}
	return string(cert)
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
