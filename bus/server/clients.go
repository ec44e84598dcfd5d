package server

import (
	"math"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// maxClosed is how many connections that ended are remembered with what they sent.
const maxClosed = 4096

// Client is a connection of somebody with a key, open or closed lately.
type Client struct {
	ID uint64
	// Key is the public key of the user.
	Key string
	// Bytes and Messages that it has sent since it was made.
	Bytes, Messages int64
	Closed          bool
}

// Clients are the connections to the server.
func (s *Server) Clients() []Client {
	all, err := s.s.Connz(&natsserver.ConnzOptions{Username: true, State: natsserver.ConnAll, Limit: math.MaxInt32})
	if err != nil {
		return nil // The options are good.
	}
	list := make([]Client, 0, len(all.Conns))
	for _, c := range all.Conns {
		if c.AuthorizedUser != "" {
			list = append(list, Client{ID: c.Cid, Key: c.AuthorizedUser, Bytes: c.InBytes, Messages: c.InMsgs, Closed: c.Stop != nil})
		}
	}
	return list
}

// Disconnect ends a connection.
func (s *Server) Disconnect(id uint64) {
	_ = s.s.DisconnectClientByID(id) // It may have ended meanwhile.
}
