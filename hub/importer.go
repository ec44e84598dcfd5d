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

	work chan *lake.Batch
	done sync.WaitGroup

	mu  sync.Mutex
	err error
}

// importRows and importBytes bound a batch of an import: large, because each commit writes a file for every day.
const (
	importRows  = 1 << 17
	importBytes = 256 << 20
)

// NewImporter begins an import into the lake. The epoch names the input: use the same for the same bytes and options.
// serves, which may be nil, is recorded as the configuration of every sensor that occurs.
func NewImporter(ctx context.Context, l *lake.Lake, epoch uint64, e Enricher, a Analyzer, serves *terroir.Configuration) *Importer {
	im := &Importer{lake: l, epoch: epoch, pipe: newPipeline(e, a), next: map[string]uint64{}, announce: serves, work: make(chan *lake.Batch)}
	im.done.Add(1)
	go im.run(ctx)
	return im
}

func (im *Importer) run(ctx context.Context) {
	defer im.done.Done()
	for b := range im.work {
		if im.failure() != nil {
			continue // Drained, so that Put is never stuck.
		}
		if _, err := commit(ctx, im.lake, b); err != nil {
			im.mu.Lock()
			im.err = err
			im.mu.Unlock()
		}
	}
}

func (im *Importer) failure() error {
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
	if im.pipe.rows() >= importRows || im.pipe.bytes >= importBytes {
		return im.flush()
	}
	return nil
}

func (im *Importer) flush() error {
	if err := im.failure(); err != nil {
		return err
	}
	im.work <- im.pipe.take()
	return nil
}

// Close commits what is left and returns the first error of any commit. It must be called, also after an error of a
// reader: what was read before is kept.
func (im *Importer) Close() error {
	if im.pipe.rows() > 0 && im.failure() == nil {
		im.work <- im.pipe.take()
	}
	close(im.work)
	im.done.Wait()
	return im.failure()
}
