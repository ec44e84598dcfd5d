package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/config"
	"terroir/lake"
	"terroir/payload"
)

// careCommands are those that look after the tables. A hub does the first two by itself.
func careCommands() []*cobra.Command {
	return []*cobra.Command{compactCommand(), expireCommand(), snapshotsCommand(), verifyCommand(), backupCommand(), restoreCommand(), rebuildCommand()}
}

// withStore opens the folder for the command.
func withStore(dir *string, use func(context.Context, *cobra.Command, *store, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		s, err := openStore(c.Context(), source{dir: *dir}, "")
		if err != nil {
			return err
		}
		defer s.Close()
		return use(c.Context(), c, s, args)
	}
}

// rewriter is the engine, where it can write Parquet files.
func (s *store) rewriter() (rewriter, error) {
	rw, ok := s.engine.(rewriter)
	if !ok {
		return nil, &terroir.Error{Code: terroir.EINVALID, Message: "the query engine cannot rewrite files", Hint: "compact with duckdb, or with OPTIMIZE of your engine"}
	}
	return rw, nil
}

func compactCommand() *cobra.Command {
	var dir string
	target, least := config.Size(128<<20), 5
	c := &cobra.Command{Use: "compact", Short: "Rewrite small files into larger ones, in the order of the table", Args: cobra.NoArgs,
		Long: "Rewrite small files into larger ones, in the order of the table. Rows do not change, and readers are not disturbed: the small\n" +
			"files go when the snapshots that need them expire. Large files of events get rollups, from which pages are answered sooner.\n" +
			"A hub does this by itself (care in its configuration)."}
	c.RunE = withStore(&dir, func(ctx context.Context, c *cobra.Command, s *store, _ []string) error {
		rw, err := s.rewriter()
		if err != nil {
			return err
		}
		done, err := compact(ctx, s.lake, rw, lake.CompactOptions{TargetBytes: int64(target), MinFiles: least})
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "table\trows\tfiles before\tfiles after\tbytes before\tbytes after")
		for _, t := range done {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\n", t.Table, t.Rows, t.FilesBefore, t.FilesAfter, t.BytesBefore, t.BytesAfter)
		}
		return w.Flush()
	})
	dirFlag(c, &dir)
	c.Flags().TextVar(&target, "target", target, "size of the files that are made")
	c.Flags().IntVar(&least, "min-files", least, "how many small files of a day are worth it")
	return c
}

func expireCommand() *cobra.Command {
	var dir string
	opt := lake.ExpireOptions{Older: time.Hour, Orphans: 24 * time.Hour}
	var keep []string
	c := &cobra.Command{Use: "expire", Short: "Remove old rows, old snapshots and files that nothing needs", Args: cobra.NoArgs,
		Example: "  terroir lake expire --keep events=90d --keep heartbeats=365d"}
	c.RunE = withStore(&dir, func(ctx context.Context, c *cobra.Command, s *store, _ []string) (err error) {
		if opt.Keep, err = parseKeep(keep); err != nil {
			return err
		}
		done, err := s.lake.Expire(ctx, opt)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "table\trows\tsnapshots\torphans\tbytes of orphans")
		for _, t := range done {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", t.Table, t.Rows, t.Snapshots, t.Orphans, t.OrphanBytes)
		}
		return w.Flush()
	})
	dirFlag(c, &dir)
	c.Flags().DurationVar(&opt.Older, "older", opt.Older, "age from which on snapshots go; longer than any query")
	c.Flags().DurationVar(&opt.Orphans, "orphans", opt.Orphans, "age from which on files that no snapshot knows go")
	c.Flags().StringArrayVar(&keep, "keep", nil, "TABLE=AGE: rows of events, losses or heartbeats that are older go, by whole days; such as events=90d")
	return c
}

// parseKeep reads TABLE=AGE.
func parseKeep(list []string) (map[string]time.Duration, error) {
	keep := map[string]time.Duration{}
	for _, text := range list {
		name, age, ok := strings.Cut(text, "=")
		var d config.Duration
		if err := d.UnmarshalText([]byte(age)); !ok || err != nil || d <= 0 || (name != "events" && name != "losses" && name != "heartbeats") {
			return nil, &terroir.Error{Code: terroir.EUSAGE, Where: "--keep " + text, Message: "not TABLE=AGE", Hint: "events, losses or heartbeats, and such as 90d or 36h"}
		}
		keep[name] = time.Duration(d)
	}
	return keep, nil
}

func snapshotsCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "snapshots [TABLE]", Short: "List the snapshots of a table (default: events), newest first", Args: cobra.MaximumNArgs(1)}
	c.RunE = withStore(&dir, func(ctx context.Context, c *cobra.Command, s *store, args []string) error {
		name := "events"
		if len(args) > 0 {
			name = args[0]
		}
		all, err := s.lake.Snapshots(ctx, name)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "snapshot\tmade\toperation\trows")
		for _, n := range all {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", n.ID, n.Made.Format(time.RFC3339), n.Operation, n.Rows)
		}
		return w.Flush()
	})
	dirFlag(c, &dir)
	return c
}

func verifyCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "verify", Short: "Compare every file, its rows and its sum with the metadata, and look for rows that are there twice", Args: cobra.NoArgs}
	c.RunE = withStore(&dir, func(ctx context.Context, c *cobra.Command, s *store, _ []string) error {
		bar := newBar("verify")
		found, err := s.lake.Verify(ctx, func(done, total int) { bar.set(int64(done), int64(total)) })
		bar.done()
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "table\tsnapshots\tfiles\trows\tbytes\twithout a sum\torphans\tdamage")
		var damage, orphans []string
		for _, v := range found {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", v.Table, v.Snapshots, v.Files, v.Rows, v.Bytes, v.Unrecorded, len(v.Orphans), len(v.Damage))
			for _, d := range v.Damage {
				damage = append(damage, v.Table+": "+d)
			}
			orphans = append(orphans, v.Orphans...)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		for _, o := range orphans {
			fmt.Fprintln(c.OutOrStdout(), "orphan:", printable(o))
		}
		if len(damage) == 0 {
			more, err := contradictions(ctx, s)
			if err != nil {
				return err
			}
			damage = more
		}
		for _, d := range damage {
			fmt.Fprintln(c.OutOrStdout(), "damage:", printable(d))
		}
		if len(damage) > 0 {
			return &terroir.Error{Code: terroir.ECHECK, Where: dir, Message: fmt.Sprintf("%d things are wrong", len(damage)), Hint: "restore from a backup (terroir lake restore)"}
		}
		return nil
	})
	dirFlag(c, &dir)
	return c
}

// promises are what the rows of all tables together must fulfil: a statement that counts the breaches.
var promises = []struct{ statement, breach string }{
	{"SELECT count(*) - count(DISTINCT event_id) FROM events", "events: %v rows are there twice"},
	{"SELECT count(*) - count(DISTINCT payload_id) FROM payloads", "payloads: %v rows are there twice"},
	{"SELECT count(DISTINCT e.payload_id) FROM events e LEFT JOIN payloads p ON p.payload_id = e.payload_id WHERE e.payload_id IS NOT NULL AND p.payload_id IS NULL",
		"payloads: %v that events name are missing"},
	{"SELECT count(DISTINCT p.payload_id) FROM payloads p LEFT JOIN payload_facts f ON f.payload_id = p.payload_id WHERE f.payload_id IS NULL",
		"payload_facts: %v payloads have none"},
}

func contradictions(ctx context.Context, s *store) (all []string, err error) {
	for _, p := range promises {
		r, err := s.engine.Query(ctx, p.statement)
		if err != nil {
			return nil, err
		}
		if n := r.Rows[0][0]; n != int64(0) {
			all = append(all, fmt.Sprintf(p.breach, n))
		}
	}
	return all, nil
}

func backupCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "backup FOLDER", Short: "Copy the tables as they are now into a folder; again into the same one: what is new", Args: cobra.ExactArgs(1),
		Long: "Copy the tables as they are now into a folder. A hub may run meanwhile. Files never change: a backup into the same folder\n" +
			"again copies what is new. The folder also holds the marks up to which each sensor's records are in it."}
	c.RunE = withStore(&dir, func(ctx context.Context, c *cobra.Command, s *store, args []string) error {
		r, err := s.lake.Backup(ctx, args[0])
		if err == nil {
			fmt.Fprintf(c.OutOrStdout(), "%d rows in %d files, %d bytes; %d files were copied\n", r.Rows, r.Files, r.Bytes, r.Copied)
		}
		return err
	})
	dirFlag(c, &dir)
	return c
}

func restoreCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "restore FOLDER", Short: "Fill a new folder of data from a backup", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := lake.Open(c.Context(), lakeDir(dir))
			if err != nil {
				return err
			}
			defer l.Close()
			r, err := l.Restore(c.Context(), args[0])
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "%d rows in %d files, %d bytes\n", r.Rows, r.Files, r.Bytes)
			}
			return err
		}}
	dirFlag(c, &dir)
	return c
}

func rebuildCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "rebuild", Short: "Analyze every payload again; events and payloads are not touched", Args: cobra.NoArgs}
	c.RunE = withStore(&dir, func(ctx context.Context, c *cobra.Command, s *store, _ []string) error {
		analyze, err := analyzeAgain(ctx, s)
		if err != nil {
			return err
		}
		n, err := s.lake.Rebuild(ctx, analyze, nil)
		if err == nil {
			err = s.groups.Rebuild(ctx)
		}
		if err == nil {
			fmt.Fprintf(c.OutOrStdout(), "%d payloads, analyzer %d\n", n, payload.AnalyzerVersion)
		}
		return err
	})
	dirFlag(c, &dir)
	return c
}

// analyzeAgain is the analysis of payloads that are stored: over which transport they came, and which addresses they may
// name, the tables know.
func analyzeAgain(ctx context.Context, s *store) (func(terroir.PayloadID, []byte) terroir.Analysis, error) {
	r, err := s.engine.Query(ctx, "SELECT payload_id, min(transport), min(dst_ip) FROM events WHERE payload_id IS NOT NULL GROUP BY payload_id")
	if err != nil {
		return nil, err
	}
	type met struct {
		transport terroir.Transport
		self      payload.Self
	}
	fleet, err := s.engine.Query(ctx, "SELECT DISTINCT addresses FROM sensors WHERE addresses IS NOT NULL ORDER BY addresses")
	if err != nil {
		return nil, err
	}
	var own []netip.Addr
	for _, row := range fleet.Rows {
		own = append(own, lake.Addresses(fmt.Sprint(row[0]))...)
	}
	known := make(map[string]met, len(r.Rows))
	for _, row := range r.Rows {
		m := met{}
		if m.transport, err = terroir.ParseTransport(fmt.Sprint(row[1])); err != nil {
			return nil, err
		}
		m.self.Addrs = append(lake.Addresses(fmt.Sprint(row[2])), own...)
		known[fmt.Sprint(row[0])] = m
	}
	return func(id terroir.PayloadID, b []byte) terroir.Analysis {
		m, ok := known[id.String()]
		if !ok {
			m.transport = terroir.TCP // A transcript.
		}
		return payload.Analyze(b, m.transport, m.self)
	}, nil
}
