package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"terroir"
	"terroir/lake"
	"terroir/query"
	"terroir/simulate"
	"terroir/views"
)

// TestTheProfileOfManyMachines puts the simulated week and the Marx data on S3 with catalogs in PostgreSQL, and asks
// DuckDB, Trino and pyiceberg the same: before and after Trino deleted rows, and after it wrote the files anew. The
// configuration of hub and Trino is that of deploy/.
func TestTheProfileOfManyMachines(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	p := startProfile(t)
	week, marx := p.open(t, "terroir", "payload"), p.open(t, "marx", "unserved")
	importWeek(t, week.duck, simulate.Options{Seed: 7, Days: 2, Scale: 0.25})
	importMarx(t, marx.duck)

	t.Run("week", func(t *testing.T) { week.of(t).viewsAgree(true) })
	t.Run("marx", func(t *testing.T) { marx.of(t).viewsAgree(false) })
	t.Run("statements", func(t *testing.T) { week.of(t).statementsAgree() })
	t.Run("what does more than read", func(t *testing.T) { week.of(t).trinoOnlyReads() })
	t.Run("care is Trino's", func(t *testing.T) {
		if _, err := week.duck.lake.Verify(context.Background(), nil); terroir.ErrorCode(err) != terroir.EINVALID {
			t.Errorf("tables on S3 were looked after: %v", err)
		}
	})
	t.Run("commands", func(t *testing.T) { p.commandsAgree(t, week) })

	t.Run("after a delete", func(t *testing.T) {
		week.of(t).erase("dst_port IN (23, 6379) AND src_port % 2 = 0")
		week.viewsAgree(false)
		marx.of(t).erase("dst_port = 445 AND region = 'us-west-1'")
		marx.overviewAgrees()
	})
	t.Run("after an optimize", func(t *testing.T) {
		for _, b := range []*both{week.of(t), marx.of(t)} {
			b.alter("ALTER TABLE events EXECUTE optimize")
			if f := b.files(); len(f.Erased) > 0 {
				t.Errorf("%d files have deletes still", len(f.Erased))
			}
			b.overviewAgrees()
		}
	})
	t.Run("what was deleted does not come back", func(t *testing.T) {
		before := marx.of(t).count()
		importMarx(t, marx.duck)
		if after := marx.count(); after != before {
			t.Errorf("%d rows before the file was imported again, %d after", before, after)
		}
	})
}

// profile is the servers.
type profile struct {
	s3       string
	postgres postgres
	trino    string
}

// deployed is a file that users are given.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func startProfile(t *testing.T) *profile {
	t.Helper()
	p := &profile{s3: startS3(t), postgres: startPostgres(t, "terroir", "marx", "empty")}
	catalog := deployed(t, "trino/terroir.properties")
	jdbc := "jdbc:postgresql://" + p.postgres.host + "/"
	p.trino = startTrino(t, map[string]string{
		"terroir": catalog,
		"marx":    strings.NewReplacer("${ENV:TERROIR_CATALOG_JDBC}", jdbc+"marx", "s3://terroir/lake", "s3://terroir/marx").Replace(catalog),
	}, "TERROIR_CATALOG_JDBC="+jdbc+"terroir", "TERROIR_CATALOG_USER="+serverUser, "TERROIR_CATALOG_PASSWORD="+serverSecret,
		"TERROIR_S3_ENDPOINT="+p.s3, "TERROIR_S3_KEY="+serverUser, "TERROIR_S3_SECRET="+serverSecret)
	return p
}

// both is a lake on S3 with both engines over it.
type both struct {
	t       *testing.T
	profile *profile
	// catalog is the name of the lake: of its database, and of its catalog in Trino.
	catalog string
	// kind is that of most of its events.
	kind        string
	duck, trino *world
}

func (p *profile) open(t *testing.T, catalog, kind string) *both {
	t.Helper()
	l, err := lake.OpenWith(context.Background(), lake.Options{Dir: t.TempDir(), Warehouse: p.warehouse(catalog),
		Catalog: p.postgres.url(catalog), S3: lake.S3{Endpoint: p.s3, Region: s3Region, Key: serverUser, Secret: serverSecret, PathStyle: true}})
	if err != nil {
		t.Fatal(err)
	}
	duck, err := query.Open(l, query.Options{})
	if err != nil {
		t.Fatal(err)
	}
	trino, err := query.OpenTrino(l, query.TrinoOptions{URL: p.trino, Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { duck.Close(); trino.Close(); l.Close() })
	reg, err := views.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return &both{t, p, catalog, kind, &world{t, l, duck, reg}, &world{t, l, trino, reg}}
}

func (p *profile) warehouse(catalog string) string {
	if catalog == "terroir" {
		return "s3://" + bucket + "/lake"
	}
	return "s3://" + bucket + "/" + catalog
}

// of makes failures those of t.
func (b *both) of(t *testing.T) *both {
	b.t, b.duck.t, b.trino.t = t, t, t
	return b
}

// questions are sets of parameters for a view that counts events of the kind: that alone, and with all also every value of its
// enumerations. Parameters that views share reach every statement by the same relation, scope, and top the same way: one view
// tries them for all.
func questions(v *views.View, kind string, all bool) []map[string]string {
	with := func(more ...string) map[string]string {
		q := map[string]string{}
		if takes(v, "kind") {
			q["kind"] = kind
		}
		for i := 0; i < len(more); i += 2 {
			q[more[i]] = more[i+1]
		}
		return q
	}
	list := []map[string]string{with()}
	if !all {
		return list
	}
	for _, p := range v.Params {
		if (ofScope(p.Name) || p.Name == "top") && v.Name != "port-by-region" {
			continue
		}
		switch {
		case p.Name == "from":
			list = append(list, with("from", "2013-04-01T06:30:00Z", "to", "2022-06-15"))
		case p.Name == "top":
			list = append(list, with("top", "7"))
		case p.Name == "max_reach":
			list = append(list, with("max_reach", "60"))
		}
		for _, e := range p.Values {
			if q := with(p.Name, e.Name); e.Name != p.Default && (p.Name != "kind" || e.Name != kind) {
				list = append(list, q)
			}
		}
	}
	return list
}

func ofScope(param string) bool {
	return slices.ContainsFunc(views.SharedParams(), func(p views.Param) bool { return p.Name == param })
}

func takes(v *views.View, param string) bool {
	return slices.ContainsFunc(v.Params, func(p views.Param) bool { return p.Name == param })
}

// viewsAgree asks both engines every view, in many ways with all, and pyiceberg for the number of rows.
func (b *both) viewsAgree(all bool) { b.t.Helper(); b.agree(b.duck.views.All(), all) }

// overviewAgrees asks them the views of the overview, and pyiceberg.
func (b *both) overviewAgrees() { b.t.Helper(); b.agree(b.duck.views.Page("overview"), false) }

func (b *both) agree(list []*views.View, all bool) {
	b.t.Helper()
	rows := 0
	for _, v := range list {
		for _, params := range questions(v, b.kind, all) {
			d, t := b.duck.run(v.Name, params), b.trino.run(v.Name, params)
			rows += len(d.Rows)
			b.same(fmt.Sprintf("view %s %v", v.Name, params), d, t)
		}
	}
	if rows == 0 {
		b.t.Error("no view had a row")
	}
	b.pyicebergAgrees()
}

// same compares rows, their order and their types.
func (b *both) same(what string, d, t *views.Result) {
	b.t.Helper()
	if d.Snapshot != t.Snapshot || !d.Complete || !t.Complete {
		b.t.Errorf("%s: snapshots %d and %d", what, d.Snapshot, t.Snapshot)
	}
	if len(d.Rows) != len(t.Rows) {
		b.t.Errorf("%s: DuckDB has %d rows, Trino %d", what, len(d.Rows), len(t.Rows))
		return
	}
	for i := range d.Rows {
		x, _ := json.Marshal(d.Rows[i])
		y, _ := json.Marshal(t.Rows[i])
		if string(x) != string(y) {
			b.t.Errorf("%s, row %d:\n DuckDB %s\n Trino  %s", what, i, x, y)
			return
		}
	}
}

// statementsAgree compares values of every type that the tables have, and of those that SQL makes of them.
func (b *both) statementsAgree() {
	for _, statement := range []string{
		"SELECT * FROM events ORDER BY event_id LIMIT 200",
		"SELECT * FROM payloads ORDER BY payload_id LIMIT 50",
		"SELECT * FROM served_ports ORDER BY sensor, transport, port LIMIT 50",
		"SELECT count(*) AS n, min(ts) AS a, max(ts) AS b, avg(attempts) AS c, sum(src_bytes) AS d, CAST(1.25 AS decimal(9, 4)) AS e, NULL AS f FROM events",
		"WITH x AS (SELECT region, count(DISTINCT src_ip) AS n FROM events GROUP BY region) SELECT * FROM x ORDER BY n DESC, region",
		"-- of a person\n /* twice */ SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY kind;",
		"WITH events AS (SELECT 1 AS n) SELECT * FROM events", "(SELECT 1 AS a) UNION ALL SELECT 2 ORDER BY a", "SELECT count(*) AS n FROM losses", "VALUES (1, 'a')",
	} {
		d, err := b.duck.engine.Query(context.Background(), statement)
		if err != nil {
			b.t.Fatal(err)
		}
		t, err := b.trino.engine.Query(context.Background(), statement)
		if err != nil {
			b.t.Fatal(err)
		}
		b.same(statement, d, t)
		for i := range d.Columns {
			// NULL of no type is an integer to DuckDB, and Trino does not name what has no name.
			if x, y := d.Columns[i], t.Columns[i]; x.Name != "f" && (x.Type != y.Type || (x.Name != y.Name && !strings.HasPrefix(y.Name, "_col"))) {
				b.t.Errorf("%s: column %v in DuckDB, %v in Trino", statement, x, y)
			}
		}
	}
}

func (b *both) trinoOnlyReads() {
	before := b.count()
	for statement, code := range map[string]terroir.Code{
		"DELETE FROM events": terroir.EINVALID, "DROP TABLE events": terroir.EINVALID, "EXPLAIN ANALYZE DELETE FROM events": terroir.EINVALID,
		"CALL system.rollback_to_snapshot('terroir', 'events', 1)": terroir.EINVALID, "/* SELECT */ DELETE FROM events": terroir.EINVALID,
		"SELECT 1; DELETE FROM events": terroir.EINVALID, "WITH x AS (SELECT 1) DELETE FROM events": terroir.EINVALID, "": terroir.EINVALID,
		" -- nothing": terroir.EINVALID, "SELECT nothing FROM events": terroir.EINVALID, "INSERT INTO losses SELECT * FROM losses": terroir.EINVALID,
		"SET SESSION query_max_run_time = '1s'": terroir.EINVALID, "SELECT": terroir.EINVALID,
	} {
		_, err := b.trino.engine.Query(context.Background(), statement)
		if terroir.ErrorCode(err) != code || strings.Contains(fmt.Sprint(err), "\n") {
			b.t.Errorf("%q: %v", statement, err)
		}
	}
	if after := b.count(); after != before {
		b.t.Errorf("%d rows before, %d after", before, after)
	}
}

// alter has Trino do what terroir's own engine refuses.
func (b *both) alter(statement string) {
	b.t.Helper()
	c := exec.Command("curl", "-sS", "-H", "X-Trino-User: admin", "-H", "X-Trino-Catalog: "+b.catalog, "-H", "X-Trino-Schema: terroir",
		"--data-binary", statement, b.profile.trino+"/v1/statement")
	for {
		out, err := c.CombinedOutput()
		var answer struct {
			NextURI string
			Error   *struct{ Message string }
		}
		if err == nil {
			err = json.Unmarshal(out, &answer)
		}
		if err != nil || answer.Error != nil {
			b.t.Fatalf("%s: %v\n%s", statement, err, out)
		}
		if answer.NextURI == "" {
			return
		}
		c = exec.Command("curl", "-sS", answer.NextURI)
	}
}

func (b *both) files() lake.Files {
	b.t.Helper()
	f, err := b.duck.lake.Files(context.Background(), "events")
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

func (b *both) count() int64 {
	b.t.Helper()
	r, err := b.duck.engine.Query(context.Background(), "SELECT count(*) FROM events")
	if err != nil {
		b.t.Fatal(err)
	}
	return r.Rows[0][0].(int64)
}

// erase has Trino delete events, which must leave delete files: else nothing is tried.
func (b *both) erase(condition string) {
	b.t.Helper()
	before := b.count()
	b.alter("DELETE FROM events WHERE " + condition)
	f := b.files()
	if after := b.count(); len(f.Erased) == 0 || after >= before || after != f.Rows-f.Deleted {
		b.t.Errorf("%d rows before, %d after; %d files with deletes, %d rows in files, %d deleted", before, after, len(f.Erased), f.Rows, f.Deleted)
	}
}

func (b *both) pyicebergAgrees() {
	b.t.Helper()
	python := os.Getenv("TERROIR_TEST_PYTHON")
	if python == "" {
		if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
			b.t.Fatal("TERROIR_TEST_PYTHON is not set")
		}
		b.t.Log("not compared with pyiceberg: TERROIR_TEST_PYTHON is not set")
		return
	}
	var want []string
	for _, from := range []string{"events", "payloads", "payload_facts", "served_ports", "events WHERE dst_port = 6379 AND kind = 'payload'"} {
		r, err := b.duck.engine.Query(context.Background(), "SELECT count(*) FROM "+from)
		if err != nil {
			b.t.Fatal(err)
		}
		want = append(want, fmt.Sprint(r.Rows[0][0]))
	}
	out, err := exec.Command(python, filepath.Join("..", "cmd", "terroir", "testdata", "count.py"),
		strings.Replace(strings.Replace(b.profile.postgres.url(b.catalog), "postgres:", "postgresql+psycopg2:", 1), "?sslmode=disable", "", 1),
		b.profile.warehouse(b.catalog), "s3.endpoint="+b.profile.s3, "s3.access-key-id="+serverUser, "s3.secret-access-key="+serverSecret,
		"s3.region="+s3Region).CombinedOutput()
	if got := strings.Fields(string(out)); err != nil || !slices.Equal(got, want) {
		b.t.Errorf("pyiceberg counts %s, terroir %v (%v)", out, want, err)
	}
}

// commandsAgree runs the program itself with the configuration of deploy/.
func (p *profile) commandsAgree(t *testing.T, week *both) {
	dir := t.TempDir()
	program := filepath.Join(dir, "terroir")
	if out, err := exec.Command("go", "build", "-o", program, "terroir/cmd/terroir").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	config := filepath.Join("..", "deploy", "hub.yaml")
	command := func(engine string, args ...string) *exec.Cmd {
		c := exec.Command(program, args...)
		c.Env = append(os.Environ(), "TERROIR_CONFIG="+config, "TERROIR_HUB_DIR="+filepath.Join(dir, "data"), "TERROIR_HUB_LAKE_S3_ENDPOINT="+p.s3,
			"TERROIR_HUB_LISTEN=127.0.0.1:0", "TERROIR_HUB_BUS_LISTEN=127.0.0.1:0",
			"TERROIR_HUB_QUERY_TRINO="+p.trino, "TERROIR_HUB_QUERY_ENGINE="+engine, "TERROIR_CATALOG="+p.postgres.url(week.catalog),
			"TERROIR_S3_KEY="+serverUser, "TERROIR_S3_SECRET="+serverSecret)
		return c
	}
	run := func(engine string, args ...string) string {
		t.Helper()
		out, err := command(engine, args...).CombinedOutput()
		if err != nil {
			t.Errorf("terroir %v with %s: %v\n%s", args, engine, err, out)
		}
		return string(out)
	}
	before, file := week.of(t).count(), filepath.Join(dir, "attempts.csv")
	if err := os.WriteFile(file, []byte("ts,transport,src_ip,dst_port,kind\n2022-06-14T10:00:00Z,tcp,198.51.100.7,22,unserved\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("duckdb", "import", "--sensor", "a", "--region", "r", file)
	if after := week.count(); after != before+1 {
		t.Errorf("%d rows before a row was imported, %d after", before, after)
	}
	hub := command("trino", "hub", "run", "-c", config)
	said, err := hub.StderrPipe()
	if err == nil {
		err = hub.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	page, err := bufio.NewReader(said).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(page), "page and API: ")
	if err != nil || !ok {
		t.Errorf("the hub says %q, %v", page, err)
	} else if far, near := run("duckdb", "view", "kinds", "-o", "json", "--hub", url), run("duckdb", "view", "kinds", "-o", "json"); far != near {
		t.Errorf("the hub with Trino:\n%s\nDuckDB here:\n%s", far, near)
	}
	_ = hub.Process.Signal(os.Interrupt)
	_ = hub.Wait()
	for _, args := range [][]string{{"view", "summary", "-o", "csv"}, {"view", "port-by-region", "-o", "json"},
		{"sql", "SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY kind"}, {"lake", "stats"}} {
		if d, tr := run("duckdb", args...), run("trino", args...); d != tr || len(d) < 20 {
			t.Errorf("terroir %v:\n%s\n%s", args, d, tr)
		}
	}
	for line := range strings.Lines(run("duckdb", "lake", "glue")) {
		var g struct {
			TableInput struct {
				Name       string
				Parameters map[string]string
			}
		}
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			t.Fatal(err)
		}
		if place := g.TableInput.Parameters["metadata_location"]; !strings.HasPrefix(place, "s3://terroir/lake/terroir/"+g.TableInput.Name+"/metadata/") {
			t.Errorf("table %s is registered at %s", g.TableInput.Name, place)
		}
	}
	for engine, want := range map[string]string{"duckdb": "there is no data here", "trino": "there is no data here"} {
		c := exec.Command(program, "view", "summary", "-c", config)
		c.Env = append(os.Environ(), "TERROIR_HUB_DIR="+filepath.Join(dir, "nothing"), "TERROIR_HUB_QUERY_ENGINE="+engine,
			"TERROIR_CATALOG="+p.postgres.url("empty"), "TERROIR_S3_KEY="+serverUser, "TERROIR_S3_SECRET="+serverSecret)
		if out, err := c.CombinedOutput(); c.ProcessState.ExitCode() != 6 || !strings.Contains(string(out), want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("a database without tables, %s: %v\n%s", engine, err, out)
		}
	}
	if report := run("trino", "report"); !strings.Contains(report, "--config") || strings.Contains(report, "--dir") {
		t.Error("the report does not say how to ask again")
	}
}
