// Command measure times package measure on made-up data as large as a busy month, and prints the medians.
package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"time"

	"terroir/measure"
)

func main() {
	fmt.Printf("%d cores; seconds, and seconds of processor: the median of up to three runs\n", runtime.GOMAXPROCS(0))
	random := rand.New(rand.NewPCG(1, 2))
	tables(random)
	things(random)
	reach(random)
	losses(random)
	ports(random)
	transfers(random)
}

// timed prints how long it takes, and how much of the processor, which is what counts where others are at work. What takes
// more than three seconds in all is not repeated.
func timed(what string, do func(ctx context.Context) error) {
	var wall, cpu []float64
	first := time.Now()
	for len(wall) < 3 && (len(wall) == 0 || time.Since(first) < 3*time.Second) {
		runtime.GC()
		begun, used := time.Now(), processor()
		if err := do(context.Background()); err != nil {
			log.Fatalf("%s: %v", what, err)
		}
		wall, cpu = append(wall, time.Since(begun).Seconds()), append(cpu, (processor()-used).Seconds())
	}
	slices.Sort(wall)
	slices.Sort(cpu)
	fmt.Printf("%7.3f %7.3f  %s\n", wall[len(wall)/2], cpu[len(cpu)/2], what)
}

// processor is the time that this process has had, in all threads.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func tables(random *rand.Rand) {
	for _, mean := range []int{3, 100, 1000} {
		t := measure.Table{Rows: 30, Cols: 30}
		for range 900 {
			t.Counts = append(t.Counts, int64(random.IntN(2*mean)))
		}
		timed(fmt.Sprintf("10,000 permutations of a 30 x 30 table of about %d a cell", mean), func(ctx context.Context) error {
			_, err := measure.PermutationTest(ctx, t, measure.Permutations, 1)
			return err
		})
		timed(fmt.Sprintf("1,000 bootstrap draws of its V, and BCa, about %d a cell", mean), func(ctx context.Context) error {
			_, err := measure.BootstrapV(ctx, 30, 30, measure.UnitsOf(t), measure.Resampling{})
			return err
		})
	}
}

// regions draws a set of 30, mostly one or few.
func regions(random *rand.Rand) (set uint64) {
	for range 1 + int(random.ExpFloat64()) {
		set |= 1 << random.IntN(30)
	}
	return set
}

func things(random *rand.Rand) {
	var list []measure.Thing
	for i := range 100 {
		counts := map[[2]uint64]int64{}
		for range 10_000 {
			seen := regions(random)
			var did uint64
			if random.IntN(i+2) == 0 {
				did = seen
			}
			counts[[2]uint64{seen, did}]++
		}
		thing := measure.Thing{Name: fmt.Sprint(i)}
		for k, n := range counts {
			thing.Sources = append(thing.Sources, measure.Presence{Seen: k[0], Did: k[1], Sources: n})
		}
		list = append(list, thing)
	}
	timed("regionality of 100 things of 10,000 sources in 30 regions", func(ctx context.Context) error {
		_, err := measure.MeasureRegionality(ctx, 30, list, measure.RegionalityOptions{})
		return err
	})
}

func reach(random *rand.Rand) {
	exposure := make([]float64, 30)
	for r := range exposure {
		exposure[r] = 1 + random.Float64()
	}
	null, err := measure.NewNull(exposure)
	if err != nil {
		log.Fatal(err)
	}
	var list []measure.Visitor
	for i := range 100_000 {
		v := measure.Visitor{Name: fmt.Sprint(i), Contacts: make([]int64, 30)}
		for range 1 + int(random.ExpFloat64()*20) {
			v.Contacts[random.IntN(30)]++
		}
		list = append(list, v)
	}
	timed("corrected reach of 100,000 entities in 30 regions", func(ctx context.Context) error {
		_, err := measure.ClassifyReach(ctx, null, list, measure.ReachOptions{})
		return err
	})
}

func losses(random *rand.Rand) {
	list := make([]measure.SourceLoss, 1_000_000)
	for i := range list {
		s := &list[i]
		s.Class, s.Network, s.Block = fmt.Sprint(i%3), fmt.Sprint(i%5000), fmt.Sprint(i%200_000)
		s.Served, s.Unserved = int64(random.IntN(4)), int64(random.ExpFloat64()*3)
		s.ServedAttempts, s.UnservedAttempts = 2*s.Served, 2*s.Unserved
		s.Heard = int64(random.IntN(int(s.Served) + 1))
	}
	timed("chances of payloads of 1,000,000 sources", func(context.Context) error {
		measure.EstimateChances(list)
		return nil
	})
	timed("four lossiness measures of them, with intervals", func(ctx context.Context) error {
		_, err := measure.MeasureLossiness(ctx, list, measure.Resampling{})
		return err
	})
}

func ports(random *rand.Rand) {
	const sources = 200_000
	values := make([]float64, sources)
	var days []measure.DayWant
	var wants []measure.Want
	for s := range values {
		n := 1 + int(random.ExpFloat64()*5)
		values[s] = measure.Novelty(false, false, n)
		for range n {
			port := measure.Port{Transport: "tcp", Number: uint16(random.ExpFloat64() * 5000)}
			w := measure.Want{Source: s, Port: port, Chance: .1 + .8*random.Float64()}
			wants = append(wants, w)
			days = append(days, measure.DayWant{Want: w, Day: random.IntN(7)})
		}
	}
	timed(fmt.Sprintf("recommendation of 10 ports from %d wants", len(wants)), func(ctx context.Context) error {
		d, err := measure.NewDemand(values, wants)
		if err != nil {
			return err
		}
		_, err = d.Recommend(ctx, measure.RecommendOptions{K: 10})
		return err
	})
	timed("its backtest", func(ctx context.Context) error {
		_, err := measure.Backtest(ctx, values, days, measure.BacktestOptions{LastFit: 4})
		return err
	})
}

func transfers(random *rand.Rand) {
	var list []measure.Sighting
	var arrivals []measure.Arrival
	for e := range uint32(1_000_000) {
		set := regions(random)
		for day := range int32(30) {
			for r := range uint8(30) {
				if set>>r&1 != 0 && random.IntN(5) == 0 {
					list = append(list, measure.Sighting{Entity: e, Region: r, Day: day, Events: 1})
					arrivals = append(arrivals, measure.Arrival{Entity: e, Region: r, At: int64(day)*86400 + int64(random.IntN(86400))})
				}
			}
		}
	}
	name := fmt.Sprintf("1,000,000 entities, 30 regions, 30 days (%d sightings)", len(list))
	timed("transfer of "+name, func(ctx context.Context) error {
		_, err := measure.Transfer(ctx, 30, list, measure.TransferOptions{})
		return err
	})
	timed("the same with a memory of 7 days and a horizon of 3", func(ctx context.Context) error {
		_, err := measure.Transfer(ctx, 30, list, measure.TransferOptions{Memory: 7, Horizon: 3})
		return err
	})
	timed("lead times of the same", func(context.Context) error {
		_, err := measure.LeadTimes(30, arrivals)
		return err
	})
	few := slices.DeleteFunc(slices.Clone(list), func(s measure.Sighting) bool { return s.Entity%50 != 0 })
	timed(fmt.Sprintf("199 permutations of a fiftieth of them (%d sightings)", len(few)), func(ctx context.Context) error {
		_, err := measure.CheckLocality(ctx, 30, few, measure.TransferOptions{}, 199, 1)
		return err
	})
}
