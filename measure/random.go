package measure

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
)

// maxDraws bounds the time and memory of whatever is drawn again and again.
const maxDraws = 10_000_000

// checkDraws fails on a number of draws that is out of range.
func checkDraws(n int) error {
	if n < 1 || n > maxDraws {
		return fmt.Errorf("a number of draws of %d, which must be from 1 to %d", n, maxDraws)
	}
	return nil
}

// stream is the random stream of a block of work. Streams of different seeds or blocks are independent of each other
// (ChaCha8), and the same on every machine.
func stream(seed, block uint64) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], block)
	return rand.New(rand.NewChaCha8(key))
}

// inBlocks cuts the numbers below total into blocks of size, and has them done on all cores, each with a stream of its own.
// What is done for a number must depend on that number and the stream only, and may be written to places of that number or
// of its block only; then the result does not depend on the number of cores.
func inBlocks(ctx context.Context, total, size int, seed uint64, do func(from, to int, random *rand.Rand)) error {
	blocks := (total + size - 1) / size
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), blocks) {
		group.Go(func() {
			for ctx.Err() == nil {
				b := int(next.Add(1)) - 1
				if b >= blocks {
					return
				}
				do(b*size, min(b*size+size, total), stream(seed, uint64(b)))
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

// factorials are natural logarithms of factorials: a table of the small ones, and Stirling's series (DLMF 5.11.1) beyond it,
// where its error is below 1e-16.
type factorials []float64

// maxFactorials bounds the table to 512 KB: a larger one does not stay in a core's cache, and is slower than the series.
const maxFactorials = 1 << 16

// newFactorials has those up to n in its table, where they are not too many.
func newFactorials(n int64) factorials {
	f := make(factorials, min(max(n, 255)+1, maxFactorials))
	for i := 2; i < len(f); i++ {
		f[i], _ = math.Lgamma(float64(i) + 1)
	}
	return f
}

func (f factorials) log(n int64) float64 {
	if n < int64(len(f)) {
		return f[n]
	}
	x := float64(n)
	return (x+.5)*math.Log(x) - x + .5*math.Log(2*math.Pi) + 1/(12*x) - 1/(360*x*x*x)
}

// hypergeometric draws how many of k marked among n are in a sample of a: by inversion from the mode outwards, as in
// algorithm AS 159 (Patefield 1981), which takes some standard deviations of steps, or where these are many by rejection.
func (f factorials) hypergeometric(random *rand.Rand, a, k, n int64) int64 {
	if x := float64(n); x > 1 && float64(a)*float64(k)/x*(float64(n-k)/x)*(float64(n-a)/(x-1)) > maxInverted {
		return f.rejected(random, a, k, n)
	}
	low, high := max(0, a+k-n), min(a, k)
	if low == high {
		return low
	}
	mode := min(max(int64(float64(a+1)*float64(k+1)/float64(n+2)), low), high)
	p := math.Exp(f.log(k) + f.log(n-k) + f.log(a) + f.log(n-a) - f.log(n) -
		f.log(mode) - f.log(k-mode) - f.log(a-mode) - f.log(n-k-a+mode))
	u := random.Float64() - p
	up, down, pu, pd := mode, mode, p, p
	for u >= 0 && (up < high || down > low) {
		if up < high {
			pu *= float64(k-up) * float64(a-up) / (float64(up+1) * float64(n-k-a+up+1))
			up++
			if u -= pu; u < 0 {
				return up
			}
		}
		if down > low {
			pd *= float64(down) * float64(n-k-a+down) / (float64(k-down+1) * float64(a-down+1))
			down--
			if u -= pd; u < 0 {
				return down
			}
		}
	}
	return mode
}

// maxInverted is the variance above which rejection is faster.
const maxInverted = 50

// rejected draws a hypergeometric variable by the ratio of uniforms (Stadlober 1990, The ratio of uniforms approach for
// generating discrete random variates, algorithm HRUA), for the smaller of the halves of marked and of sampled.
func (f factorials) rejected(random *rand.Rand, a, k, n int64) int64 {
	few, many, sample := min(k, n-k), max(k, n-k), min(a, n-a)
	x := float64(n)
	mean := float64(sample) * float64(few) / x
	variance := mean * (float64(many) / x) * (float64(n-sample) / (x - 1))
	c := math.Sqrt(variance + .5)
	h := 2*math.Sqrt(2/math.E)*c + 3 - 2*math.Sqrt(3/math.E)
	weight := func(y int64) float64 {
		return f.log(y) + f.log(few-y) + f.log(sample-y) + f.log(many-sample+y)
	}
	top := weight(int64(float64(sample+1) * float64(few+1) / (x + 2)))
	end := min(float64(min(sample, few)+1), math.Floor(mean+.5+16*c))
	for {
		u, v := random.Float64(), random.Float64()
		at := mean + .5 + h*(v-.5)/u
		if !(at >= 0 && at < end) {
			continue
		}
		y := int64(at)
		if t := top - weight(y); u*(4-u)-3 <= t || u*(u-t) < 1 && 2*math.Log(u) <= t {
			return unfolded(y, a, k, n)
		}
	}
}

// unfolded is the count of a sample of a with k marked, from that of the smaller halves.
func unfolded(y, a, k, n int64) int64 {
	if k > n-k {
		y = min(a, n-a) - y
	}
	if a > n-a {
		y = k - y
	}
	return y
}

// binomial draws the number of successes of n trials, by inversion where few are expected, else by transformed rejection
// (Hörmann 1993, The generation of binomial random variates, algorithm BTRS).
func (f factorials) binomial(random *rand.Rand, n int64, p float64) int64 {
	switch {
	case n <= 0 || !(p > 0):
		return 0
	case p >= 1:
		return n
	case p > .5:
		return n - f.binomial(random, n, 1-p)
	case float64(n)*p < 10:
		return inverted(random, n, p)
	}
	m, x := int64(float64(n+1)*p), float64(n)
	s := math.Sqrt(x * p * (1 - p))
	b := 1.15 + 2.53*s
	a := -.0873 + .0248*b + .01*p
	alpha, squeeze := (2.83+5.1/b)*s, .92-4.2/b
	h, odds := f.log(m)+f.log(n-m), math.Log(p/(1-p))
	for {
		u, v := random.Float64()-.5, random.Float64()
		us := .5 - math.Abs(u)
		at := math.Floor((2*a/us+b)*u + x*p + .5)
		if at < 0 || at > x {
			continue
		}
		k := int64(at)
		if us >= .07 && v <= squeeze || math.Log(v*alpha/(a/(us*us)+b)) <= h-f.log(k)-f.log(n-k)+float64(k-m)*odds {
			return k
		}
	}
}

func inverted(random *rand.Rand, n int64, p float64) int64 {
	odds, at := p/(1-p), math.Exp(float64(n)*math.Log1p(-p))
	u := random.Float64()
	var k int64
	for ; k < n && u >= at; k++ {
		u -= at
		at *= odds * float64(n-k) / float64(k+1)
		if at == 0 {
			break
		}
	}
	return k
}

// multinomial draws how often each of the outcomes comes in n trials, the weights being counts of sum total.
func (f factorials) multinomial(random *rand.Rand, n int64, weights []int64, total int64, into []int64) {
	for i, w := range weights {
		into[i] = 0
		if n > 0 && w > 0 {
			into[i] = f.binomial(random, n, float64(w)/float64(total))
		}
		n -= into[i]
		total -= w
	}
}
