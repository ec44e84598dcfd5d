package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"terroir"
	"terroir/sensor"
	"terroir/sensor/listen"
)

// demoSensors are the sensor processes of a demo.
type demoSensors struct {
	list []demoSensor
	g    *errgroup.Group
}

type demoSensor struct {
	region string
	addrs  []netip.Addr
	bound  []listen.Bound
	// moved are the ports that are served elsewhere than asked for.
	moved []listen.Bound
}

// readyWithin is how long a sensor process may take to listen.
const readyWithin = 15 * time.Second

// startDemoSensors starts one process a region, each with its own address on loopback, and waits until all listen.
func startDemoSensors(ctx context.Context, dir, busURL string, page uint16, log io.Writer) (*demoSensors, error) {
	d := &demoSensors{}
	d.g, ctx = errgroup.WithContext(ctx)
	for i, r := range terroir.StudyRegions() {
		addrs := demoAddresses(i)
		home, err := demoDir(dir, r.Code)
		if err != nil {
			return nil, err
		}
		if err := d.start(ctx, home, demoConfig(home, r.Code, busURL, page, addrs), r.Code, log); err != nil {
			return nil, err
		}
	}
	for i, r := range terroir.StudyRegions() {
		s, err := waitBound(ctx, filepath.Join(dir, "sensors", r.Code, sensor.BoundFile))
		if err != nil {
			return nil, fmt.Errorf("sensor in %s: %w", r.Code, err)
		}
		s.region, s.addrs = r.Code, demoAddresses(i)
		d.list = append(d.list, s)
	}
	return d, nil
}

// demoAddresses gives the first sensor 127.0.0.1 and ::1, and each further one an address of 127.0.0.0/8 of its own
// where the system has them all (Linux); elsewhere they share 127.0.0.1 and move their ports.
func demoAddresses(i int) []netip.Addr {
	a := netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i)})
	if l, err := net.Listen("tcp", netip.AddrPortFrom(a, 0).String()); err == nil {
		l.Close()
	} else {
		a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if i == 0 {
		if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
			l.Close()
			return []netip.Addr{a, netip.IPv6Loopback()}
		}
	}
	return []netip.Addr{a}
}

func (d *demoSensors) start(ctx context.Context, home, config, region string, log io.Writer) error {
	file := filepath.Join(home, "sensor.yaml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return &terroir.Error{Code: terroir.EUNREACHABLE, Where: file, Message: "cannot write the sensor's configuration", Err: err}
	}
	if err := os.Remove(filepath.Join(home, sensor.BoundFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, exe, "sensor", "run", "--any-port", "-c", file)
	cmd.Args[0] = "terroir"
	cmd.Stderr = log
	endWithParent(cmd)
	// A sensor is asked to end, so that it records its open sessions, and killed only when it does not.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 15 * time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("sensor in %s: %w", region, err)
	}
	d.g.Go(func() error {
		err := cmd.Wait()
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("the sensor in %s ended: %w", region, errors.Join(err, errors.New("see above")))
	})
	return nil
}

// demoConfig is a complete configuration of a sensor: a good one to start from.
func demoConfig(home, region, busURL string, page uint16, addrs []netip.Addr) string {
	var list []string
	for _, a := range addrs {
		list = append(list, fmt.Sprintf("%q", a))
	}
	return fmt.Sprintf(`sensor: demo-%s
region: %s
dir: %q
hub: %s
theme: containers
listen: {addresses: [%s]}
limits: {idle_before: 10s, idle_after: 1s}
heartbeat: 10s
tap: {enabled: true, interval: 2s, never: [22, %d]}
`, region, region, home, busURL, strings.Join(list, ", "), page)
}

// waitBound waits for the file in which a sensor says what it listens on.
func waitBound(ctx context.Context, file string) (demoSensor, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	var s demoSensor
	for {
		text, err := os.ReadFile(file)
		if err == nil {
			if err := json.Unmarshal(text, &s.bound); err != nil {
				return s, err
			}
			for _, b := range s.bound {
				if b.Addr.Port() != b.Port.Port {
					s.moved = append(s.moved, b)
				}
			}
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, fmt.Errorf("it did not listen within %s", readyWithin)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// wait returns when a sensor ends on its own, or when all have ended after ctx did.
func (d *demoSensors) wait(context.Context) error { return d.g.Wait() }

// example is an address and a port, as nc wants them, where a sensor listens.
func (d *demoSensors) example() string {
	for _, s := range d.list {
		for _, b := range s.bound {
			if b.Port.Port == 6379 && b.Port.Transport == terroir.TCP {
				return fmt.Sprintf("%s %d", b.Addr.Addr(), b.Addr.Port())
			}
		}
	}
	return ""
}
