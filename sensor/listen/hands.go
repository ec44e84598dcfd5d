package listen

import "sync"

// visit is one client to serve.
type visit struct {
	conn   *client
	guest  *guest
	serves *service
	proxy  bool
}

// maxIdleHands is how many goroutines wait for a client.
const maxIdleHands = 128

// hands are the goroutines that serve clients. One that has served waits for the next: its stack has grown already.
type hands struct {
	serve  func(visit)
	visits chan visit
	idle   chan struct{}
	all    sync.WaitGroup
}

func newHands(serve func(visit)) *hands {
	return &hands{serve: serve, visits: make(chan visit), idle: make(chan struct{}, maxIdleHands)}
}

// take has the client served.
func (h *hands) take(v visit) {
	select {
	case h.visits <- v:
	default:
		h.all.Go(func() { h.work(v) })
	}
}

func (h *hands) work(v visit) {
	for ok := true; ok; {
		h.serve(v)
		select {
		case h.idle <- struct{}{}:
		default:
			return // Enough are waiting.
		}
		v, ok = <-h.visits
		<-h.idle
	}
}

// rest returns when all clients are served. Nothing is taken any more.
func (h *hands) rest() {
	close(h.visits)
	h.all.Wait()
}
