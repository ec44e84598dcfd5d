package main

import (
	"context"
	"fmt"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"terroir"
	"terroir/encode"
	"terroir/ingest"
)

// progress shows how far something is, on a terminal only.
type progress struct {
	bar *progressbar.ProgressBar
}

// newBar shows a share of something whose size is known.
func newBar(title string) *progress {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return &progress{}
	}
	return &progress{progressbar.NewOptions64(1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(printable(title)),
		progressbar.OptionThrottle(100_000_000), progressbar.OptionClearOnFinish())}
}

// set shows that done of total is done.
func (p *progress) set(done, total int64) {
	if p.bar != nil {
		p.bar.ChangeMax64(total)
		_ = p.bar.Set64(done)
	}
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish() // Only the picture is at stake.
	}
}

// sink shows how much of the file was read, and how many records of it went into s.
func (p *progress) sink(s ingest.Sink, title string, in *ingest.File) ingest.Sink {
	if p.bar == nil {
		return s
	}
	return &countingSink{Sink: s, progress: p, title: printable(title), in: in}
}

type countingSink struct {
	ingest.Sink
	*progress
	title string
	in    *ingest.File
	n     int64
}

// Put implements ingest.Sink.
func (c *countingSink) Put(ctx context.Context, r terroir.Record) error {
	if c.n++; c.n%1024 == 0 {
		c.bar.Describe(fmt.Sprintf("%s: %s events", c.title, encode.Thousands(c.n)))
		if done, total := c.in.Progress(); total > 0 {
			c.set(done, total)
		} else {
			c.set(0, -1) // Standard input: a turning bar.
		}
	}
	return c.Sink.Put(ctx, r)
}
