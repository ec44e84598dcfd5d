package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	busserver "terroir/bus/server"
)

// line is what the accept loop writes of a session.
type line struct {
	Time    time.Time `json:"ts"`
	Source  string    `json:"src"`
	Port    int       `json:"port"`
	Payload []byte    `json:"payload"`
}

// loop is what the sensor is compared with: it accepts, reads until the client ends, appends a JSON line to a file, and
// knows no bounds, time limits or fsync.
func loop(args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	f, err := os.OpenFile(args[1], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	lines := json.NewEncoder(f)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			at := time.Now()
			buf := make([]byte, 4096)
			var got []byte
			for {
				n, err := c.Read(buf)
				got = append(got, buf[:n]...)
				if err != nil {
					break
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if err := lines.Encode(line{at, c.RemoteAddr().String(), c.LocalAddr().(*net.TCPAddr).Port, got}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}()
	}
}

// runBus is a bus on the address, without a hub.
func runBus(args []string) error {
	s, err := busserver.Start(args[0], args[1], nil)
	if err != nil {
		return err
	}
	b, err := s.Connect("bench")
	if err != nil {
		return err
	}
	if err := b.Setup(ctx(), 1); err != nil {
		return err
	}
	fmt.Println("ready")
	select {}
}
