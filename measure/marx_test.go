package measure

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// marxRow is an attempt on one of the nine sensors of Marx (2013).
type marxRow struct {
	host, proto, port string
	source            uint32
	day               int32
	at                int64
}

// marxData is what facts.py computed with pandas and scipy, and the rows that it read.
type marxData struct {
	Chi struct {
		Chi2 float64
		DOF  int
		N    int64
		V    float64 `json:"cramers_v"`
	} `json:"chi2_host_x_top10_ports"`
	TopPorts [][3]any                                    `json:"top_ports"`
	SplitDay string                                      `json:"transfer_split_day"`
	Transfer map[string]struct{ Known, Seen, Hit int64 } `json:"transfer"`
	Rows     int                                         `json:"rows"`

	hosts []string
	rows  []marxRow
}

// sharedData is the folder of real data beside the repository, or "" where it is not at hand.
func sharedData() string {
	for dir := ".."; ; dir = filepath.Join(dir, "..") {
		if found := filepath.Join(dir, "shared", "data"); exists(found) {
			return found
		}
		if full, err := filepath.Abs(dir); err != nil || full == filepath.Dir(full) {
			return ""
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readMarx(t *testing.T) (d marxData) {
	t.Helper()
	folder := filepath.Join(sharedData(), "marx")
	b, err := os.ReadFile(filepath.Join(folder, "facts.json"))
	if os.IsNotExist(err) {
		t.Skip("the data of Marx is not at hand")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(folder, "marx-2013-03-to-06.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Scan()
	hosts := map[string]bool{}
	for lines.Scan() {
		row, err := marxLine(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		hosts[row.host] = true
		d.rows = append(d.rows, row)
	}
	for h := range hosts {
		d.hosts = append(d.hosts, h)
	}
	slices.Sort(d.hosts)
	if err := lines.Err(); err != nil || len(d.rows) != d.Rows {
		t.Fatalf("%d rows, not %d: %v", len(d.rows), d.Rows, err)
	}
	return d
}

// marxLine reads "datetime,host,src,proto,type,spt,dpt", the ports being floats.
func marxLine(line string) (r marxRow, err error) {
	f := strings.Split(line, ",")
	if len(f) != 7 {
		return r, fmt.Errorf("%d fields in %q", len(f), line)
	}
	at, err := time.Parse(time.DateTime, f[0])
	if err != nil {
		return r, err
	}
	source, err := strconv.ParseUint(f[2], 10, 32)
	return marxRow{
		host: f[1], proto: f[3], port: strings.TrimSuffix(f[6], ".0"), source: uint32(source),
		day: int32(at.Unix() / 86400), at: at.Unix(),
	}, err
}

func (d *marxData) sightings() []Sighting {
	ids := d.ids()
	type key struct {
		source uint32
		host   string
		day    int32
	}
	events := map[key]int64{}
	for _, r := range d.rows {
		events[key{r.source, r.host, r.day}]++
	}
	var list []Sighting
	for k, n := range events {
		host, _ := slices.BinarySearch(d.hosts, k.host)
		list = append(list, Sighting{Entity: ids[k.source], Region: uint8(host), Day: k.day, Events: n})
	}
	return list
}

// ids number the sources in their order.
func (d *marxData) ids() map[uint32]uint32 {
	var all []uint32
	for _, r := range d.rows {
		all = append(all, r.source)
	}
	slices.Sort(all)
	ids := map[uint32]uint32{}
	for i, s := range slices.Compact(all) {
		ids[s] = uint32(i)
	}
	return ids
}

func TestMarxHostsAndPorts(t *testing.T) {
	d := readMarx(t)
	columns := map[string]int{}
	for i, p := range d.TopPorts[:10] {
		columns[fmt.Sprintf("%v/%v", p[0], p[1])] = i
	}
	table := Table{Rows: len(d.hosts), Cols: 10, Counts: make([]int64, len(d.hosts)*10)}
	for _, r := range d.rows {
		if at, ok := columns[r.proto+"/"+r.port]; ok {
			host, _ := slices.BinarySearch(d.hosts, r.host)
			table.Counts[host*10+at]++
		}
	}
	a, err := Associate(table)
	if err != nil {
		t.Fatal(err)
	}
	if a.N != d.Chi.N || a.DOF != d.Chi.DOF {
		t.Errorf("n %d and %d degrees of freedom, want %d and %d", a.N, a.DOF, d.Chi.N, d.Chi.DOF)
	}
	near(t, "chi-squared", a.ChiSquared, d.Chi.Chi2, 1e-12)
	near(t, "V", a.V, d.Chi.V, 1e-12)
	if a.P != 0 || a.LogP > -50_000 {
		t.Errorf("p %g, log p %g: the one underflows, the other must not", a.P, a.LogP)
	}
}

func TestMarxTransfer(t *testing.T) {
	d := readMarx(t)
	day, err := time.Parse(time.DateOnly, d.SplitDay)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := CrossOnce(context.Background(), len(d.hosts), d.sightings(), int(day.Unix()/86400))
	if err != nil {
		t.Fatal(err)
	}
	if len(cells) != 81 || len(d.Transfer) != 81 {
		t.Fatalf("%d pairs, want %d", len(cells), len(d.Transfer))
	}
	var own, other []float64
	for _, c := range cells {
		if c.From == c.To {
			own = append(own, c.Rates().Coverage)
		} else {
			other = append(other, c.Rates().Coverage)
		}
		name := d.hosts[c.From] + "->" + d.hosts[c.To]
		if want := d.Transfer[name]; c.Known != want.Known || c.Seen != want.Seen || c.Hit != want.Hit {
			t.Errorf("%s: known %d, seen %d, hit %d; want %+v", name, c.Known, c.Seen, c.Hit, want)
		}
	}
	a, _ := mean(own)
	b, _ := mean(other)
	t.Logf("of the later sources %.4f were known to the same sensor, %.4f to others", a, b)
}

// Two of the sensors stand in the same region: nothing else in the data says so, and the overlap of their sources must.
func TestMarxSensorsOfOneRegionOverlapMost(t *testing.T) {
	d := readMarx(t)
	sources := make([][]uint32, len(d.hosts))
	for _, s := range d.sightings() {
		sources[s.Region] = append(sources[s.Region], s.Entity)
	}
	best, pair := -1., ""
	for i := range d.hosts {
		for j := range i {
			if overlap := Jaccard(sources[i], sources[j]); overlap > best {
				best, pair = overlap, d.hosts[j]+" "+d.hosts[i]
			}
		}
	}
	if pair != "groucho-norcal zeppo-norcal" {
		t.Errorf("%s overlap most", pair)
	}
}

// The daily matrix is the same on any order of the rows, and its ends hold together.
func TestMarxDailyTransferIsTheSameInAnyOrder(t *testing.T) {
	d := readMarx(t)
	list := d.sightings()
	o := TransferOptions{Horizon: 1, Interval: Resampling{Draws: 100, Seed: 3}}
	first, err := Transfer(context.Background(), len(d.hosts), list, o)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list)
	second, err := Transfer(context.Background(), len(d.hosts), list, o)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%v", first) != fmt.Sprintf("%v", second) {
		t.Error("the order of the sightings changes the result")
	}
	for _, p := range first.Pairs {
		if p.From == p.To && math.Abs(p.RelativeCoverage-1) > 1e-12 {
			t.Errorf("a region relative to itself: %g", p.RelativeCoverage)
		}
		if !(p.CoverageInterval.Low <= p.Coverage && p.Coverage <= p.CoverageInterval.High) {
			t.Errorf("coverage %g is not in %v", p.Coverage, p.CoverageInterval)
		}
	}
	t.Logf("coverage gain %.4f %v, precision gain %.5f over %d days", first.CoverageGain, first.CoverageGainInterval, first.PrecisionGain, first.Days)
}
