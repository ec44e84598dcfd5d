package bus

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Partition is a part of the stream that one hub consumes at a time. All batches of a sensor are in the same one, so that
// their order is kept.
type Partition int

const (
	// Partitions is how many there are. The server puts batches in by their subjects, so another number would move sensors.
	Partitions = 16
	// Unparted is the place of the batches that were stored before there were partitions.
	Unparted Partition = Partitions
)

// AllPartitions are those that are consumed: the numbered ones, and Unparted.
func AllPartitions() []Partition {
	all := make([]Partition, 0, Partitions+1)
	for p := Partition(0); p <= Unparted; p++ {
		all = append(all, p)
	}
	return all
}

// PartitionOf is where the sensor's batches go: the server's own rule, FNV-1a of the name.
func PartitionOf(sensor string) Partition {
	h := fnv.New32a()
	_, _ = h.Write([]byte(sensor)) // never fails
	return Partition(h.Sum32() % Partitions)
}

// parting is the server's rule, which it applies to a batch before it stores it. Publishers know nothing of it.
func parting() *jetstream.SubjectTransformConfig {
	return &jetstream.SubjectTransformConfig{
		Source:      subjectPrefix + "*",
		Destination: fmt.Sprintf("%s{{partition(%d,1)}}.{{wildcard(1)}}", subjectPrefix, Partitions),
	}
}

// filter is the subject of the partition's batches, as they are stored.
func (p Partition) filter() string {
	if p == Unparted {
		return subjectPrefix + "*"
	}
	return subjectPrefix + strconv.Itoa(int(p)) + ".*"
}

// stored reads the subject under which a batch is stored.
func stored(subject string) (Partition, string) {
	rest := strings.TrimPrefix(subject, subjectPrefix)
	number, sensor, parted := strings.Cut(rest, ".")
	if n, err := strconv.Atoi(number); parted && err == nil && n >= 0 && n < Partitions {
		return Partition(n), sensor
	}
	return Unparted, rest
}

// What of a partition may wait in this process: the batches of one request, which is made when those of the one before are
// taken. It must hold the greatest message and its headers. The client makes room for so many messages at once: without a
// number for a million, which are 130 MiB for all partitions.
const (
	waitingMessages = 1024
	waitingBytes    = MaxMessage + 2<<20
)

// Consume calls f with every batch that the partition still holds, oldest first, and then with each new one, until ctx
// ends or f returns an error. What waits in this process is bounded by 6 MiB.
//
// A bus that is away, or whose consumer broke off, yields an EUNREACHABLE error; to begin anew is then up to the caller.
func (b *Bus) Consume(ctx context.Context, p Partition, f func(Message) error) error {
	it, err := b.messages(ctx, p)
	if err != nil {
		return unreachable(b, "cannot consume", err)
	}
	defer it.Stop()
	for {
		// Not by Stop from elsewhere: a consumer that is just being made anew does not hear of it, and waits for ever.
		m, err := it.Next(jetstream.NextContext(ctx))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return unreachable(b, "the consumer broke off", err)
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

// A server whose consumer says nothing for two heartbeats is given up. forget is when a server gives up a consumer whose
// hub asks for nothing any more.
const (
	expiry    = 10 * time.Second
	heartbeat = 2 * time.Second
	forget    = time.Minute
)

// messages begins at the first batch of the partition.
func (b *Bus) messages(ctx context.Context, p Partition) (jetstream.MessagesContext, error) {
	c, err := b.js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverAllPolicy, FilterSubjects: []string{p.filter()}, InactiveThreshold: forget, MaxResetAttempts: 1,
	})
	if err != nil {
		return nil, err
	}
	return c.Messages(jetstream.PullMaxMessagesWithBytesLimit(waitingMessages, waitingBytes), jetstream.PullThresholdMessages(1),
		jetstream.PullExpiry(expiry), jetstream.PullHeartbeat(heartbeat))
}

// Holds reports whether the bus has a batch of the partition.
func (b *Bus) Holds(ctx context.Context, p Partition) (bool, error) {
	s, err := b.js.Stream(ctx, streamName)
	if err != nil {
		return false, unreachable(b, "cannot look at the stream", err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(p.filter()))
	if err != nil {
		return false, unreachable(b, "cannot look at the stream", err)
	}
	return len(info.State.Subjects) > 0, nil
}

// Free removes the batches of each partition up to and including the stream sequence given for it: the lake has them.
// What it removed it deletes from upTo.
func (b *Bus) Free(ctx context.Context, upTo map[Partition]uint64) error {
	if len(upTo) == 0 {
		return nil
	}
	s, err := b.js.Stream(ctx, streamName)
	if err != nil {
		return unreachable(b, "cannot free committed batches", err)
	}
	var errs []error
	for p, last := range upTo {
		if err := s.Purge(ctx, jetstream.WithPurgeSubject(p.filter()), jetstream.WithPurgeSequence(last+1)); err != nil {
			errs = append(errs, err)
			continue
		}
		delete(upTo, p)
	}
	if len(errs) > 0 {
		return unreachable(b, "cannot free committed batches", errors.Join(errs...))
	}
	return nil
}
