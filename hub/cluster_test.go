package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"terroir/bus"
	"terroir/lake"
	"terroir/sensor/spool"
	"terroir/sensor/uplink"
	"terroir/wire"
)

// asNode makes the test binary a server of a cluster.
const asNode = "TERROIR_TEST_NODE"

func TestMain(m *testing.M) {
	if text := os.Getenv(asNode); text != "" {
		if err := runNode(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// node is one server of a cluster, in a process of its own.
type node struct {
	Name, Dir    string
	Port, Routed int
	// Routes are the ports on which the cluster's servers talk to each other.
	Routes []int

	t   *testing.T
	cmd *exec.Cmd
}

// runNode is the main function of a node's process.
func runNode(text string) error {
	var n node
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return err
	}
	o := &natsserver.Options{ServerName: n.Name, Host: "127.0.0.1", Port: n.Port, JetStream: true, StoreDir: n.Dir, MaxPayload: bus.MaxMessage,
		NoLog: true, NoSigs: true, Cluster: natsserver.ClusterOpts{Name: "terroir", Host: "127.0.0.1", Port: n.Routed}}
	for _, port := range n.Routes {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	s, err := natsserver.NewServer(o)
	if err != nil {
		return err
	}
	s.Start()
	s.WaitForShutdown()
	return nil
}

func (n *node) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", n.Port) }

func (n *node) start() {
	n.t.Helper()
	text, err := json.Marshal(n)
	if err != nil {
		n.t.Fatal(err)
	}
	n.cmd = exec.Command(os.Args[0])
	n.cmd.Env = append(os.Environ(), asNode+"="+string(text))
	n.cmd.Stderr = os.Stderr
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
}

// kill ends the process at once.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
}

// newCluster starts three servers; those that still run at the end of the test are killed.
func newCluster(t *testing.T) []*node {
	t.Helper()
	ports := freePorts(t, 6)
	var nodes []*node
	for i := range 3 {
		n := &node{Name: fmt.Sprintf("n%d", i+1), Dir: t.TempDir(), Port: ports[i], Routed: ports[3+i], Routes: ports[3:], t: t}
		n.start()
		t.Cleanup(n.kill)
		nodes = append(nodes, n)
	}
	return nodes
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all at once, so that none is given twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func urls(nodes []*node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.url())
	}
	return strings.Join(all, ",")
}

// leader is the node that leads the stream.
func leader(t *testing.T, nodes []*node) *node {
	t.Helper()
	nc, err := nats.Connect(urls(nodes))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	var found *node
	until(t, 20*time.Second, "a leader", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		s, err := js.Stream(ctx, "TERROIR")
		if err != nil {
			return false
		}
		c := s.CachedInfo()
		if c.Config.Replicas != 3 {
			t.Fatalf("the stream has %d replicas", c.Config.Replicas)
		}
		for _, n := range nodes {
			if c.Cluster != nil && c.Cluster.Leader == n.Name {
				found = n
			}
		}
		return found != nil
	})
	return found
}

// source is a sensor's spool and its uplink, in mid-stream.
type source struct {
	name  string
	spool *spool.Spool
}

func newSource(t *testing.T, ctx context.Context, name, servers string, running *sync.WaitGroup) *source {
	t.Helper()
	sp, err := spool.Open(filepath.Join(t.TempDir(), name), spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Connect(servers, name)
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() {
		if err := uplink.Run(ctx, uplink.Options{Sensor: name, Spool: sp, Bus: b, ResendAfter: 8 * time.Second}); err != nil {
			t.Error(err)
		}
		b.Close()
		sp.Close()
	})
	return &source{name, sp}
}

// observe appends n records, a few milliseconds apart.
func (s *source) observe(t *testing.T, n int) {
	for range n {
		_, err := s.spool.Append(context.Background(), func(b []byte, seq uint64) []byte {
			r := event(seq)
			return wire.AppendRecord(b, &r)
		})
		if err != nil {
			t.Error(err)
			return
		}
		time.Sleep(4 * time.Millisecond)
	}
}

// crewOfCluster starts two hubs on the cluster.
func crewOfCluster(t *testing.T, nodes []*node) (c *crew, hubs []*member) {
	t.Helper()
	dir := t.TempDir()
	l, err := lake.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c = &crew{station: &station{t: t, lake: l}, dir: dir}
	c.connect = func() (*bus.Bus, error) { return bus.Connect(urls(nodes), "hub") }
	for range 2 {
		hubs = append(hubs, c.work(Options{Interval: 200 * time.Millisecond, Replicas: 3}, nil))
	}
	return c, hubs
}

// TestAClusterLosesANodeAndEachRecordIsThereOnce kills the server that leads the stream, and later another one, while
// sensors send and two hubs take in.
func TestAClusterLosesANodeAndEachRecordIsThereOnce(t *testing.T) {
	nodes := newCluster(t)
	c, hubs := crewOfCluster(t, nodes)
	ctx, cancel := context.WithCancel(context.Background())
	var running, observing sync.WaitGroup
	defer running.Wait()
	defer cancel()
	const each = 1500
	var sources []*source
	for _, name := range sensors(12) { // Which hub has a partition is chance: with five sensors one hub had none of theirs, at times.
		s := newSource(t, ctx, name, urls(nodes), &running)
		sources = append(sources, s)
		observing.Go(func() { s.observe(t, each) })
	}
	committed := func(s *source) uint64 {
		m, err := c.lake.Marks(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return m.Last[lake.Spool{Sensor: s.name, Epoch: s.spool.Epoch()}]
	}
	until(t, 2*time.Minute, "the first commits", func() bool { return committed(sources[0]) > 0 })

	first := leader(t, nodes)
	first.kill()
	time.Sleep(2 * time.Second)
	first.start()
	until(t, 20*time.Second, "commits after the leader's end", func() bool { return committed(sources[0]) > each/3 })
	time.Sleep(2 * time.Second) // The node catches up; with two of three away nothing can be stored.
	second := leader(t, nodes)
	second.kill()
	time.Sleep(time.Second)
	second.start()

	observing.Wait()
	for _, s := range sources {
		until(t, 2*time.Minute, s.name+" is complete", func() bool { return committed(s) == each })
		until(t, 20*time.Second, s.name+" is told", func() bool { return s.spool.Pending() == 0 })
	}
	c.single(uint64(len(sources)) * each)
	t.Logf("killed %s and %s; the hubs took in %d and %d", first.Name, second.Name, hubs[0].events(), hubs[1].events())
	if hubs[0].events() == 0 || hubs[1].events() == 0 {
		t.Error("one hub did nothing")
	}
}
