// Package bus carries batches of records from sensors to the hub, and the hub's marks back, over NATS JetStream. The
// server may be embedded (package bus/server) or anywhere else.
//
// Subjects: sensors publish batches on terroir.events.SENSOR; the stream TERROIR stores them as
// terroir.events.PARTITION.SENSOR. The bucket terroir_marks holds, under the sensor's name, the last sequence per epoch
// that is committed to the lake; terroir_workers holds the hubs that live.
package bus

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"terroir"
)

const (
	streamName    = "TERROIR"
	subjectPrefix = "terroir.events."
	marksBucket   = "terroir_marks"
	// oldestHeader tells the oldest sequence that the sensor still has: a gap before it is a loss, not a delay.
	oldestHeader = "Terroir-Oldest"
)

// EventsSubject is where the sensor publishes.
func EventsSubject(sensor string) string { return subjectPrefix + sensor }

// MaxMessage bounds a message; it leaves room for one record of the greatest size in a batch.
const MaxMessage = 4 << 20

// Bus is a connection. Its methods may be called concurrently.
type Bus struct {
	nc *nats.Conn
	js jetstream.JetStream
}

// Connect connects to the server at the URL. It does not wait for the server to be there: the connection is made, and
// made again, in the background.
//
// A URL that is malformed yields an ECONFIG error.
func Connect(url, name string, more ...nats.Option) (*Bus, error) {
	options := append([]nats.Option{
		nats.Name(name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			slog.Warn("bus", "error", err)
		}),
	}, more...)
	nc, err := nats.Connect(url, options...)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: url, Message: "cannot use this as the bus", Err: err,
			Hint: "give an address such as nats://127.0.0.1:4222"}
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("bus: %w", err)
	}
	return &Bus{nc, js}, nil
}

// Close ends the connection.
func (b *Bus) Close() { b.nc.Close() }

// Connected reports whether the server can be reached at the moment.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

func unreachable(b *Bus, message string, err error) error {
	where := b.nc.ConnectedUrlRedacted()
	if where == "" {
		where = strings.Join(b.nc.Servers(), ",")
	}
	return &terroir.Error{Code: terroir.EUNREACHABLE, Where: where, Message: message, Err: err, Hint: "is the hub running?"}
}

// ServeJoins answers those who ask for credentials with what f returns for the token's id and the request, until the
// returned function is called.
func (b *Bus) ServeJoins(f func(id string, request []byte) []byte) (stop func(), err error) {
	s, err := b.nc.Subscribe(JoinSubject("*"), func(m *nats.Msg) {
		_ = m.Respond(f(strings.TrimPrefix(m.Subject, JoinSubject("")), m.Data)) // Who hears nothing asks again.
	})
	if err != nil {
		return nil, unreachable(b, "cannot serve those who join", err)
	}
	return func() { _ = s.Unsubscribe() }, nil
}

// Publish stores an encoded batch of the sensor on the bus and returns when the bus has it. id names the batch: a
// batch that is published again under its id is stored once. oldest is the oldest sequence that the sensor still has.
func (b *Bus) Publish(ctx context.Context, sensor, id string, oldest uint64, batch []byte) error {
	m := nats.NewMsg(EventsSubject(sensor))
	m.Data = batch
	m.Header.Set(oldestHeader, strconv.FormatUint(oldest, 10))
	if _, err := b.js.PublishMsg(ctx, m, jetstream.WithMsgID(id)); err != nil {
		return unreachable(b, "batch not stored", err)
	}
	return nil
}

// Message is one batch as it lies on the bus.
type Message struct {
	// Stream is its sequence there, Partition the part of the stream that it is in.
	Stream    uint64
	Partition Partition
	// Sensor is the name in the subject, which only that sensor may publish to.
	Sensor string
	Oldest uint64
	Data   []byte
}

func message(m jetstream.Msg) (Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Message{}, fmt.Errorf("bus: %w", err)
	}
	oldest, _ := strconv.ParseUint(m.Headers().Get(oldestHeader), 10, 64) // 0: nothing is known to be gone
	partition, sensor := stored(m.Subject())
	return Message{Stream: meta.Sequence.Stream, Partition: partition, Sensor: sensor, Oldest: oldest, Data: m.Data()}, nil
}
