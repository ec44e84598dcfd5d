package terroir

import "time"

// Reply is what a sensor answers.
type Reply struct {
	Bytes []byte
	// Delay is how long to wait before.
	Delay time.Duration
	// Close ends the sensor's side of the connection after Bytes.
	Close bool
}

// Dialogue says what is answered in one session. It does no I/O, and bounds what it holds and answers.
type Dialogue interface {
	// Greeting is what is said before the client says something; empty for most services.
	Greeting() Reply
	// Take takes what the client sent, in any portions, and returns the answers to it.
	Take(b []byte) []Reply
	// Silence is how long the client may say nothing at the beginning until Idle is said; 0 where it never is.
	Silence() time.Duration
	// Idle is what is said then; it is called once at most.
	Idle() Reply
}
