package hub

import (
	"context"
	"sync"

	"terroir"
	"terroir/lake"
)

// Importer is the sink of an import: it numbers the records of each sensor, enriches them and commits them in large
// batches while the next one is being read. The numbering depends only on the epoch and the order of the records, so
// the same file imported again adds nothing, and an import that broke off is completed by running it again.
type Importer struct {
	lake  *lake.Lake
	epoch uint64
	pipe  *pipeline
	next  map[string]uint64
	// announce is what every sensor of the import serves, or nil when it is not known.
	announce *terroir.Configuration

	// begun are the epochs of the batch that is being made.
	begun map[uint64]bool

	work chan *lake.Batch
	// pending are batches that are not committed yet.
	pending, done sync.WaitGroup

	mu  sync.Mutex
	err error
}

// importRows and importBytes bound a batch of an import: large, because each commit writes a file for every day.
const (
	importRows  = 1 << 17
	importBytes = 256 << 20
)

// NewImporter begins an import into the lake. The epoch names the first input: use the same for the same bytes and options.
// serves, which may be nil, is recorded as the configuration of every sensor that occurs.
func NewImporter(ctx context.Context, l *lake.Lake, epoch uint64, e Enricher, a Analyzer, serves *terroir.Configuration) *Importer {
	im := &Importer{lake: l, epoch: epoch, pipe: newPipeline(e, a), next: map[string]uint64{}, announce: serves,
		begun: map[uint64]bool{epoch: true}, work: make(chan *lake.Batch)}
	im.done.Add(1)
	go im.run(ctx)
	return im
}

func (im *Importer) run(ctx context.Context) {
	defer im.done.Done()
	for b := range im.work {
		if im.Err() == nil { // Else drained, so that Put is never stuck.
			if _, err := commit(ctx, im.lake, b); err != nil {
				im.mu.Lock()
				im.err = err
				im.mu.Unlock()
			}
		}
		im.pending.Done()
	}
}

// Next goes on with another input, which has an epoch of its own. What is small is committed together with what came before: a
// commit costs as much as some thousand rows.
func (im *Importer) Next(epoch uint64) error {
	if im.begun[epoch] { // Rows are told apart by what was committed before their batch, not within it.
		if err := im.Flush(); err != nil {
			return err
		}
	}
	im.begun[epoch] = true
	im.epoch, im.next = epoch, map[string]uint64{}
	return nil
}

// Flush commits all that was put so far, and returns the first error of any commit.
func (im *Importer) Flush() error {
	if im.Err() == nil && im.pipe.rows() > 0 {
		im.send()
	}
	im.pending.Wait()
	return im.Err()
}

// send hands the batch over to be committed, and begins a new one.
func (im *Importer) send() {
	im.pending.Add(1)
	im.work <- im.pipe.take()
	im.begun = map[uint64]bool{im.epoch: true}
}

// Err is the first error of any commit. After one nothing more is committed.
func (im *Importer) Err() error {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.err
}

// Put implements ingest.Sink.
func (im *Importer) Put(_ context.Context, r terroir.Record) error {
	p := r.Position()
	if im.announce != nil && im.next[p.Sensor] == 0 && r.Event != nil {
		if err := im.number(announcement(r.Event, *im.announce)); err != nil {
			return err
		}
	}
	return im.number(r)
}

func announcement(e *terroir.Event, c terroir.Configuration) terroir.Record {
	a := &terroir.Announcement{Time: e.Time, Region: e.Region, Configuration: c}
	a.Sensor = e.Sensor
	if d := e.Destination.Addr(); d.IsValid() {
		a.Addresses = append(a.Addresses, d)
	}
	return terroir.Record{Announcement: a}
}

func (im *Importer) number(r terroir.Record) error {
	p := r.Position()
	im.next[p.Sensor]++
	p.Epoch, p.Sequence = im.epoch, im.next[p.Sensor]
	if im.announce != nil && r.Event != nil && r.Event.Revision == 0 {
		r.Event.Revision = im.announce.Revision
	}
	if r.Event != nil {
		// What names the bytes is what they are, never what the reader says.
		r.Event.Payload, r.Event.Transcript = terroir.NewPayloadID(r.Payload), terroir.NewPayloadID(r.Transcript)
	}
	if err := im.pipe.add(&r); err != nil {
		return err
	}
	if im.pipe.rows() < importRows && im.pipe.bytes < importBytes {
		return nil
	}
	if err := im.Err(); err != nil {
		return err
	}
	im.send()
	return nil
}

// Close commits what is left and returns the first error of any commit. It must be called, also after an error of a
// reader: what was read before is kept.
func (im *Importer) Close() error {
	err := im.Flush()
	close(im.work)
	im.done.Wait()
	return err
}
