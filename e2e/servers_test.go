package e2e

import (
	"fmt"
	"testing"
)

// TestASensorFindsTheServerThatLives has a list of servers of which the first does not answer; the sensor is confined, so it
// is its monitor that tries one after the other.
func TestASensorFindsTheServerThatLives(t *testing.T) {
	f := newField(t)
	f.hubs = fmt.Sprintf("nats://127.0.0.1:1,%s", f.bus.URL())
	p := f.start("finds", "theme: none\nheartbeat: 1s\ntap: {enabled: false}\n"+
		"listen: {addresses: [127.77.0.9], ports: [{port: 6379, service: redis, transport: tcp}]}\n")
	c := p.dial("tcp/6379")
	say(t, c, "PING\r\n")
	c.Close()
	f.wait(1, "SELECT 1 FROM events WHERE sensor = 'finds' AND kind = 'payload'")
	p.end()
}
