package listen

import "sync"

// maxIdleHands is how many goroutines wait for something to do.
const maxIdleHands = 128

// hands are the goroutines that accept and serve clients. One that has done its work waits for more: its stack has grown
// already.
type hands struct {
	work chan func()
	idle chan struct{}
	busy sync.WaitGroup
	all  sync.WaitGroup
}

func newHands() *hands {
	return &hands{work: make(chan func()), idle: make(chan struct{}, maxIdleHands)}
}

// do has somebody do it.
func (h *hands) do(f func()) {
	h.busy.Add(1)
	select {
	case h.work <- f:
	default:
		h.all.Go(func() { h.hand(f) })
	}
}

func (h *hands) hand(f func()) {
	for ok := true; ok; {
		f()
		h.busy.Done()
		select {
		case h.idle <- struct{}{}:
		default:
			return // Enough are waiting.
		}
		f, ok = <-h.work
		<-h.idle
	}
}

// rest returns when all is done. Only what is being done may still ask for more.
func (h *hands) rest() {
	h.busy.Wait()
	close(h.work)
	h.all.Wait()
}
