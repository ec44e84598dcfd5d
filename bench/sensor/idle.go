package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// silentSessions is how many are held at once, if there are descriptors for so many.
	silentSessions = 20_000
	mebibyte       = 1 << 20
)

// idle prints how much memory the sensor with its usual theme takes, alone and with silent sessions.
func idle(args []string) error {
	dir, err := os.MkdirTemp("", "terroir-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, "sensor.yaml")
	text := fmt.Sprintf("sensor: bench\ndir: %s\nhub: nats://127.0.0.1:1\nlimits: {idle_before: 10m, max_age: 10m}\n", filepath.Join(dir, "data"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	p, err := start(dir, server+":6379", args[0], "-c", file)
	if err != nil {
		return err
	}
	program, err := os.Stat(args[0])
	if err != nil {
		return err
	}
	fmt.Printf("%-44s %9s %9s\n", "", "MiB", "limit")
	fmt.Printf("%-44s %9.1f %9d\n", "the program's file", float64(program.Size())/mebibyte, 30)
	time.Sleep(3 * time.Second)
	pss, rss := p.memory()
	fmt.Printf("%-44s %9.1f %9d\n", "resident, no session", float64(rss)/mebibyte, 40)
	fmt.Printf("%-44s %9.1f\n", "with the monitor (proportional)", float64(pss)/mebibyte)
	for _, first := range []string{"", "*1\r\n$4\r\nPING\r\n"} {
		held, err := hold(first)
		if err != nil {
			return err
		}
		time.Sleep(3 * time.Second)
		_, rss = p.memory()
		what := "that say nothing"
		if first != "" {
			what = "that said PING and were answered"
		}
		fmt.Printf("%-44s %9.1f %9d\n", fmt.Sprintf("resident, %d sessions %s", len(held), what), float64(rss)/mebibyte, 512)
		for _, c := range held {
			_ = c.Close()
		}
		time.Sleep(time.Second)
	}
	return p.stop(syscall.SIGTERM)
}

// hold opens sessions from many addresses and says something in each.
func hold(first string) (held []net.Conn, err error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil, err
	}
	// The sensor keeps some descriptors for other things.
	for i := range min(silentSessions, int(limit.Max)-200) {
		from := &net.TCPAddr{IP: net.IPv4(198, 18, byte(i/256), byte(i))}
		c, err := net.DialTCP("tcp", from, &net.TCPAddr{IP: net.ParseIP(server), Port: 6379})
		if err != nil {
			return nil, err
		}
		held = append(held, c)
		if first == "" {
			continue
		}
		if _, err := c.Write([]byte(first)); err != nil {
			return nil, err
		}
		if _, err := c.Read(make([]byte, 100)); err != nil {
			return nil, err
		}
	}
	return held, nil
}
