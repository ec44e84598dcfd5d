package lake

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"terroir"
)

// Batch is what one commit adds. Rows that the tables already hold are left out by Commit.
type Batch struct {
	// Stream is the last bus sequence of which the batch has all records; 0 when it does not come from the bus.
	Stream uint64

	Events        []*terroir.Event
	Payloads      []terroir.Payload
	Facts         []terroir.PayloadFacts
	Templates     []terroir.Template
	Indicators    []terroir.Indicator
	Losses        []terroir.Loss
	Heartbeats    []terroir.Heartbeat
	Announcements []terroir.Announcement
}

// Commit adds the batch, each row once whatever was committed before, and returns the marks of the table events. The
// batch's slices are not changed.
//
// After an error some tables may hold the batch and others not; offering the same rows again completes it. A full or
// failing disk yields an EUNREACHABLE error.
func (l *Lake) Commit(ctx context.Context, b *Batch) (Marks, error) {
	l.commit.Lock()
	defer l.commit.Unlock()
	marks, err := l.commitAll(ctx, b)
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return marks, &terroir.Error{Code: terroir.EUNREACHABLE, Where: l.dir, Message: "disk full: the batch was not committed",
			Hint: "free space; what was committed before is intact"}
	case err != nil:
		return marks, fmt.Errorf("lake: commit: %w", err)
	}
	return marks, nil
}

// commitAll appends to one table after the other; events comes last (rule 5).
func (l *Lake) commitAll(ctx context.Context, b *Batch) (Marks, error) {
	if err := l.appendPayloads(ctx, b); err != nil {
		return Marks{}, err
	}
	if _, err := appendNumbered(ctx, l, l.losses, pointers(b.Losses), 0, func(r *terroir.Loss) *terroir.Position { return &r.Position }); err != nil {
		return Marks{}, err
	}
	if _, err := appendNumbered(ctx, l, l.heartbeats, pointers(b.Heartbeats), 0,
		func(r *terroir.Heartbeat) *terroir.Position { return &r.Position }); err != nil {
		return Marks{}, err
	}
	if err := l.announce(ctx, b.Announcements); err != nil {
		return Marks{}, err
	}
	return appendNumbered(ctx, l, l.events, b.Events, b.Stream, func(e *event) *terroir.Position { return &e.Position },
		positionsOf(b)...)
}

// appendPayloads adds what is kept once for each distinct payload. Its facts come last: where they are, the rest is.
func (l *Lake) appendPayloads(ctx context.Context, b *Batch) error {
	if err := appendDistinct(ctx, l, &l.knownPayloads, l.payloads, b.Payloads,
		func(p *terroir.Payload) terroir.PayloadID { return p.ID }); err != nil {
		return err
	}
	if err := appendDistinct(ctx, l, &l.knownTemplates, l.templates, b.Templates,
		func(t *terroir.Template) terroir.PayloadID { return t.ID }); err != nil {
		return err
	}
	if err := appendDistinct(ctx, l, &l.knownIndicators, l.indicators, b.Indicators,
		func(i *terroir.Indicator) terroir.PayloadID { return i.Payload }); err != nil {
		return err
	}
	return appendDistinct(ctx, l, &l.knownFacts, l.facts, b.Facts, func(f *terroir.PayloadFacts) terroir.PayloadID { return f.Payload })
}

// announce adds to the dimensions.
func (l *Lake) announce(ctx context.Context, as []terroir.Announcement) error {
	rows := make([]sensorRow, len(as))
	for i := range as {
		rows[i] = sensorRow{as[i]}
	}
	position := func(s *sensorRow) *terroir.Position { return &s.Position }
	if _, err := appendNumbered(ctx, l, l.sensors, pointers(rows), 0, position); err != nil {
		return err
	}
	if _, err := appendNumbered(ctx, l, l.revisions, pointers(rows), 0, position); err != nil {
		return err
	}
	_, err := appendNumbered(ctx, l, l.servedPorts, pointers(servedPorts(rows)), 0, func(p *servedPort) *terroir.Position { return &p.Position })
	return err
}

// positionsOf lists the positions of the batch's rows outside events: its marks vouch for them too.
func positionsOf(b *Batch) []*terroir.Position {
	var ps []*terroir.Position
	for i := range b.Losses {
		ps = append(ps, &b.Losses[i].Position)
	}
	for i := range b.Heartbeats {
		ps = append(ps, &b.Heartbeats[i].Position)
	}
	for i := range b.Announcements {
		ps = append(ps, &b.Announcements[i].Position)
	}
	return ps
}
