// Package server is the NATS server that a hub carries within itself.
package server

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"terroir"
	"terroir/bus"
)

// Server is an embedded NATS server with JetStream on disk.
type Server struct {
	s *natsserver.Server
}

// readyWithin is how long the server may take to open its files and its port.
const readyWithin = 30 * time.Second

// Start starts a server that listens on the address (port 0: any free one) and keeps its streams in dir.
//
// A taken port yields an ECONFIG error, a folder that cannot be used EUNREACHABLE.
func Start(listen, dir string) (*Server, error) {
	host, port, err := free(listen)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: listen, Message: "the bus cannot listen here", Err: err,
			Hint: "stop what uses the port, or set bus.listen to another"}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot keep the bus here", Err: err}
	}
	s, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "terroir", Host: host, Port: port, JetStream: true, StoreDir: dir, MaxPayload: bus.MaxMessage,
		NoSigs: true, NoLog: true,
	})
	if err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "the bus does not start", Err: err}
	}
	s.Start()
	if !s.ReadyForConnections(readyWithin) {
		s.Shutdown()
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: listen, Message: fmt.Sprintf("the bus was not ready within %s", readyWithin)}
	}
	return &Server{s}, nil
}

// free checks that the address can be listened on: the server itself would end the process.
func free(listen string) (host string, port int, err error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", 0, err
	}
	host, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(p)
	if err != nil {
		return "", 0, err
	}
	return host, port, l.Close()
}

// URL is the address that sensors connect to.
func (s *Server) URL() string { return s.s.ClientURL() }

// Connect connects within the process, without a socket.
func (s *Server) Connect(name string) (*bus.Bus, error) {
	return bus.Connect(s.URL(), name, nats.InProcessServer(s.s))
}

// Shutdown ends the server; what it acknowledged is on disk.
func (s *Server) Shutdown() {
	s.s.Shutdown()
	s.s.WaitForShutdown()
}
