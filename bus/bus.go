// Package bus carries batches of records from sensors to the hub, and the hub's marks back, over NATS JetStream. The
// server may be embedded (package bus/server) or anywhere else.
//
// Subjects: terroir.events.SENSOR holds batches in the stream TERROIR; the bucket terroir_marks holds, under the
// sensor's name, the last sequence per epoch that is committed to the lake.
package bus

import (
	"context"
	"errors"
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

// Setup makes the stream and the bucket where they do not exist. The hub calls it before it consumes; replicas is 1
// for a single server.
func (b *Bus) Setup(ctx context.Context, replicas int) error {
	_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: streamName, Subjects: []string{subjectPrefix + "*"}, Storage: jetstream.FileStorage, Replicas: replicas,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, MaxMsgSize: MaxMessage,
		Duplicates: 10 * time.Minute, AllowDirect: true,
	})
	if err == nil {
		_, err = b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: marksBucket, Storage: jetstream.FileStorage, Replicas: replicas})
	}
	if err != nil {
		return unreachable(b, "cannot set up the stream", err)
	}
	return nil
}

func unreachable(b *Bus, message string, err error) error {
	where := b.nc.ConnectedUrl()
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
	// Stream is its sequence there.
	Stream uint64
	// Sensor is the name in the subject, which only that sensor may publish to.
	Sensor string
	Oldest uint64
	Data   []byte
}

// Consume calls f with every batch that the stream still holds, oldest first, and then with each new one, until ctx
// ends or f returns an error.
func (b *Bus) Consume(ctx context.Context, f func(Message) error) error {
	c, err := b.js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return unreachable(b, "cannot consume", err)
	}
	// The bytes that wait in this process are bounded, not only the messages.
	it, err := c.Messages(jetstream.PullMaxBytes(32 << 20))
	if err != nil {
		return unreachable(b, "cannot consume", err)
	}
	defer it.Stop()
	stop := context.AfterFunc(ctx, it.Stop)
	defer stop()
	for {
		m, err := it.Next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return unreachable(b, "the consumer was closed", err)
		}
		if err != nil {
			slog.Warn("bus", "error", err) // The ordered consumer is made anew by the library.
			continue
		}
		msg, err := message(m)
		if err == nil {
			err = f(msg)
		}
		if err != nil {
			return err
		}
	}
}

func message(m jetstream.Msg) (Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Message{}, fmt.Errorf("bus: %w", err)
	}
	oldest, _ := strconv.ParseUint(m.Headers().Get(oldestHeader), 10, 64) // 0: nothing is known to be gone
	return Message{Stream: meta.Sequence.Stream, Sensor: strings.TrimPrefix(m.Subject(), subjectPrefix), Oldest: oldest, Data: m.Data()}, nil
}

// Free removes the batches up to and including the stream sequence: the lake has them.
func (b *Bus) Free(ctx context.Context, upTo uint64) error {
	s, err := b.js.Stream(ctx, streamName)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSequence(upTo+1))
	}
	if err != nil {
		return unreachable(b, "cannot free committed batches", err)
	}
	return nil
}
