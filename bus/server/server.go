// Package server is the NATS server that a hub carries within itself.
package server

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/jwt/v2"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"terroir"
	"terroir/bus"
)

// Server is an embedded NATS server with JetStream on disk.
type Server struct {
	s *natsserver.Server
	// trusting: it has TLS, and believes not everybody.
	trusting bool
}

// readyWithin is how long the server may take to open its files and its port.
const readyWithin = 30 * time.Second

// Start starts a server that listens on the address (port 0: any free one) and keeps its streams in dir. Without an
// authority everybody who reaches it may do everything.
//
// A taken port yields an ECONFIG error, a folder that cannot be used EUNREACHABLE.
func Start(listen, dir string, trust *Trust) (*Server, error) {
	host, port, err := free(listen)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: listen, Message: "the bus cannot listen here", Err: err,
			Hint: "stop what uses the port, or set bus.listen to another"}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot keep the bus here", Err: err}
	}
	options := &natsserver.Options{
		ServerName: "terroir", Host: host, Port: port, JetStream: true, StoreDir: dir, MaxPayload: bus.MaxMessage,
		NoSigs: true, NoLog: true, MaxClosedClients: maxClosed,
	}
	if err := trust.apply(options); err != nil {
		return nil, err
	}
	s, err := natsserver.NewServer(options)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "the bus does not start", Err: err}
	}
	s.Start()
	if !s.ReadyForConnections(readyWithin) {
		s.Shutdown()
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: listen, Message: fmt.Sprintf("the bus was not ready within %s", readyWithin)}
	}
	return &Server{s, trust != nil}, nil
}

// Trust says whom the server believes, and how it is known itself.
type Trust struct {
	TLS      *tls.Config
	Operator *jwt.OperatorClaims
	// System is the public key of the account for the server's own affairs. Accounts are the claims of the accounts by their
	// public keys.
	System   string
	Accounts map[string]string
}

// tlsWithin is how long a handshake may take.
const tlsWithin = 5 * time.Second

func (t *Trust) apply(o *natsserver.Options) error {
	if t == nil {
		return nil
	}
	resolver := &natsserver.MemAccResolver{}
	for key, claims := range t.Accounts {
		if err := resolver.Store(key, claims); err != nil {
			return fmt.Errorf("bus: %w", err)
		}
	}
	o.TrustedOperators, o.SystemAccount, o.AccountResolver = []*jwt.OperatorClaims{t.Operator}, t.System, resolver
	o.TLSConfig, o.TLSTimeout = t.TLS, tlsWithin.Seconds()
	return nil
}

// Update changes the claims of an account. Connections of users that it does not vouch for any more end at once.
func (s *Server) Update(key, claims string) error {
	decoded, err := jwt.DecodeAccountClaims(claims)
	if err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	if err := s.s.AccountResolver().Store(key, claims); err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	account, err := s.s.LookupAccount(key)
	if err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	s.s.UpdateAccountClaims(account, decoded)
	return nil
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

// Connect connects to the server: within the process, without a socket, unless there is TLS, which asks for one.
func (s *Server) Connect(name string, more ...nats.Option) (*bus.Bus, error) {
	if !s.trusting {
		return bus.Connect(s.URL(), name, append(more, nats.InProcessServer(s.s))...)
	}
	at := s.s.Addr().(*net.TCPAddr).AddrPort()
	if at.Addr().IsUnspecified() {
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port()) // Go listens on IPv4, too.
	}
	return bus.Connect("tls://"+at.String(), name, more...)
}

// Shutdown ends the server; what it acknowledged is on disk.
func (s *Server) Shutdown() {
	s.s.Shutdown()
	s.s.WaitForShutdown()
}
