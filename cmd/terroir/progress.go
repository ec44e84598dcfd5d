package main

import (
	"context"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"terroir"
	"terroir/ingest"
)

// progress shows how many records were read, on a terminal only.
type progress struct {
	bar *progressbar.ProgressBar
}

func newProgress(title string) *progress {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return &progress{}
	}
	return &progress{progressbar.NewOptions64(-1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(printable(title)),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"),
		progressbar.OptionThrottle(100_000_000), progressbar.OptionClearOnFinish())}
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

// sink counts what goes into s.
func (p *progress) sink(s ingest.Sink) ingest.Sink {
	if p.bar == nil {
		return s
	}
	return countingSink{s, p.bar}
}

type countingSink struct {
	ingest.Sink
	bar *progressbar.ProgressBar
}

// Put implements ingest.Sink.
func (c countingSink) Put(ctx context.Context, r terroir.Record) error {
	_ = c.bar.Add(1)
	return c.Sink.Put(ctx, r)
}
