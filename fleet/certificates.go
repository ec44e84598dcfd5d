package fleet

import (
	"bytes"
	"crypto/tls"
	"sync"
)

// certificates has the hub's certificate by the authority that vouches for it now.
type certificates struct {
	fleet *Fleet

	mu  sync.Mutex
	by  []byte
	now *tls.Certificate
}

// get implements tls.Config.GetCertificate.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	g := c.fleet.holding()[0]
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Equal(c.by, g.Authority) {
		return c.now, nil
	}
	made, err := serverCertificate(&g)
	if err != nil {
		return nil, err
	}
	c.by, c.now = g.Authority, made
	return made, nil
}
