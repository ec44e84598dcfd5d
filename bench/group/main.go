// Command group measures the grouping of many distinct payloads; see bench/group.sh.
package main

import (
	"fmt"
	"log"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"terroir"
	"terroir/payload"
	"terroir/payload/family"
	"terroir/payload/protocol"
)

// batch is how many templates come at a time, as on a hub.
const batch = 5000

func main() {
	log.SetFlags(0)
	n, err := 0, error(nil)
	if len(os.Args) > 1 {
		n, err = strconv.Atoi(os.Args[1])
	}
	if err != nil || n < 1 {
		log.Fatal("usage: group PAYLOADS [PROFILE]")
	}
	list, err := distinct(n)
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 2 {
		f, err := os.Create(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	group(list)
}

func group(list []sent) {
	begin := time.Now()
	templates := make([]terroir.Template, len(list))
	distinct := map[terroir.PayloadID]bool{}
	for i, s := range list {
		templates[i] = payload.NewTemplate(s.bytes, s.self, protocol.Recognize(s.bytes, s.transport), s.cargo)
		distinct[templates[i].ID] = true
	}
	masked := time.Since(begin)
	g, last, rows := family.New(), map[terroir.PayloadID]terroir.Grouped{}, 0
	for from := 0; from < len(templates); from += batch {
		changed := g.Add(templates[from:min(from+batch, len(templates))])
		rows += len(changed)
		for _, r := range changed {
			last[r.Template] = r
		}
	}
	all := time.Since(begin)
	substrings, families := map[terroir.PayloadID]bool{}, map[terroir.PayloadID]bool{}
	for _, r := range last {
		substrings[r.Substring], families[r.Family] = true, true
	}
	fmt.Printf("%d payloads, %d templates, %d substring groups, %d families; %d rows in batches of %d\n", len(list), len(distinct), len(substrings), len(families), rows, batch)
	fmt.Printf("masked in %.1f s, grouped in %.1f s, %.1f s together (%.1f s of processor, with making the payloads); peak of memory %s\n",
		masked.Seconds(), (all - masked).Seconds(), all.Seconds(), processor().Seconds(), peak())
}

// processor is the time that the process has spent computing.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the greatest size of the process so far, as the kernel counts it.
func peak() string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
