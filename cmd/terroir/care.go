package main

import (
	"context"
	"log/slog"
	"time"

	"terroir/config"
	"terroir/lake"
)

// rewriter is an engine that can write Parquet files.
type rewriter interface {
	lake.Rewriter
	lake.Roller
}

// care looks after the tables until ctx ends: small files first, then rollups, then what is old. A failure is told, and the next turn comes.
func care(ctx context.Context, l *lake.Lake, rw rewriter, cfg config.Care) error {
	if cfg.Every == 0 {
		return nil
	}
	tick := time.NewTicker(time.Duration(cfg.Every))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := careOnce(ctx, l, rw, cfg); err != nil && ctx.Err() == nil {
			slog.Error("hub: the tables could not be looked after", "error", err)
		}
	}
}

// compact rewrites small files into larger ones, and makes the rollups of those.
func compact(ctx context.Context, l *lake.Lake, rw rewriter, opt lake.CompactOptions) ([]lake.Compacted, error) {
	done, err := l.Compact(ctx, rw, opt)
	if err == nil {
		_, err = l.RollUp(ctx, rw, lake.RollUpOptions{})
	}
	return done, err
}

func careOnce(ctx context.Context, l *lake.Lake, rw rewriter, cfg config.Care) error {
	done, err := compact(ctx, l, rw, lake.CompactOptions{TargetBytes: int64(cfg.Target)})
	for _, c := range done {
		slog.Info("hub: files rewritten", "table", c.Table, "files", c.FilesBefore, "into", c.FilesAfter, "rows", c.Rows)
	}
	if err != nil {
		return err
	}
	keep := map[string]time.Duration{}
	for name, age := range map[string]config.Duration{"events": cfg.Keep.Events, "losses": cfg.Keep.Losses, "heartbeats": cfg.Keep.Heartbeats} {
		if age > 0 {
			keep[name] = time.Duration(age)
		}
	}
	gone, err := l.Expire(ctx, lake.ExpireOptions{Older: time.Duration(cfg.Snapshots), Keep: keep})
	for _, e := range gone {
		if e.Rows > 0 {
			slog.Info("hub: old rows removed", "table", e.Table, "rows", e.Rows, "before", e.RowsBefore)
		}
	}
	return err
}
