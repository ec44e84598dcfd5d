package measure

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Port is a port of a transport ("tcp", "udp").
type Port struct {
	Transport string
	Number    uint16
}

func comparePorts(a, b Port) int {
	if a.Number != b.Number {
		return int(a.Number) - int(b.Number)
	}
	return strings.Compare(a.Transport, b.Transport)
}

// Want is a source that tried a port where nothing listened.
type Want struct {
	// Source is an index into the sources' values. Number sources in the order of their names, so that results do not depend
	// on the order in which they came.
	Source int
	Port   Port
	// Chance is the probability that it would have sent a payload, or 1 to count attempts only.
	Chance float64
}

// Novelty is what hearing a source is worth: nothing for a declared scanner and for one that is heard already, else one over
// the root of the number of ports that it tried, so that scans of all ports do not decide.
func Novelty(heard, declared bool, ports int) float64 {
	if heard || declared {
		return 0
	}
	return 1 / math.Sqrt(float64(max(ports, 1)))
}

// Demand is what sources want of the ports that are not served, in a region. The gain of a set P of ports is
//
//	f(P) = Σ value(s) · max over p in P that s wants, of chance(s, p)
//
// over the sources s. f is monotone and submodular: a port gains less, the more ports there are already.
type Demand struct {
	// ports are sorted; wants are those of each port, sorted by source.
	ports  []Port
	wants  [][]want
	values []float64
}

type want struct {
	source int32
	chance float64
}

// NewDemand takes the value of each source (see [Novelty]) and what they want; of several wants of a source and port the
// most probable counts. It fails on values and chances that are negative or no numbers, and on sources that have no value.
func NewDemand(values []float64, wants []Want) (*Demand, error) {
	for _, v := range values {
		if !(v >= 0) || math.IsInf(v, 1) {
			return nil, fmt.Errorf("a source of value %g", v)
		}
	}
	d := &Demand{values: slices.Clone(values)}
	at := map[Port]int{}
	for _, w := range wants {
		if w.Source < 0 || w.Source >= len(values) || int64(w.Source) > math.MaxInt32 || !(w.Chance >= 0 && w.Chance <= 1) {
			return nil, fmt.Errorf("source %d of %d wants port %d with chance %g", w.Source, len(values), w.Port.Number, w.Chance)
		}
		if _, ok := at[w.Port]; !ok {
			at[w.Port] = 0
			d.ports = append(d.ports, w.Port)
		}
	}
	slices.SortFunc(d.ports, comparePorts)
	for i, p := range d.ports {
		at[p] = i
	}
	d.wants = make([][]want, len(d.ports))
	for _, w := range wants {
		i := at[w.Port]
		d.wants[i] = append(d.wants[i], want{int32(w.Source), w.Chance})
	}
	for i, list := range d.wants {
		slices.SortFunc(list, func(a, b want) int {
			if a.source != b.source {
				return int(a.source) - int(b.source)
			}
			return compare(b.chance, a.chance)
		})
		d.wants[i] = slices.CompactFunc(list, func(a, b want) bool { return a.source == b.source })
	}
	return d, nil
}

// Ports are all that are wanted, the lower number first.
func (d *Demand) Ports() []Port { return slices.Clone(d.ports) }

// index is that of a port, or -1.
func (d *Demand) index(p Port) int {
	if i, ok := slices.BinarySearchFunc(d.ports, p, comparePorts); ok {
		return i
	}
	return -1
}

// covered is how probably each source is heard already.
type covered []float64

func (d *Demand) none() covered { return make(covered, len(d.values)) }

// marginal is what a port adds.
func (d *Demand) marginal(c covered, port int) (gain float64) {
	for _, w := range d.wants[port] {
		if more := w.chance - c[w.source]; more > 0 {
			gain += d.values[w.source] * more
		}
	}
	return gain
}

// take adds a port; sources are those that it is the first to hear, of those that have a value.
func (d *Demand) take(c covered, port int) (gain float64, sources int) {
	gain = d.marginal(c, port)
	for _, w := range d.wants[port] {
		if c[w.source] == 0 && w.chance > 0 && d.values[w.source] > 0 {
			sources++
		}
		c[w.source] = max(c[w.source], w.chance)
	}
	return gain, sources
}

// Gain is f of the ports, in the unit of the values. Ports that nobody wants add nothing.
func (d *Demand) Gain(ports []Port) (sum float64) {
	c := d.none()
	for _, p := range ports {
		if i := d.index(p); i >= 0 {
			gain, _ := d.take(c, i)
			sum += gain
		}
	}
	return sum
}

// Most is the gain of all ports together.
func (d *Demand) Most() float64 { return d.Gain(d.ports) }

// Frequent are the k ports that most sources want, whatever their value; the lower port of equals first.
func (d *Demand) Frequent(k int) []Port {
	order := make([]int, len(d.ports))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(d.wants[b]) - len(d.wants[a]) })
	order = order[:min(max(k, 0), len(order))]
	ports := make([]Port, len(order))
	for i, at := range order {
		ports[i] = d.ports[at]
	}
	return ports
}

// Point is a point of a gain curve.
type Point struct {
	Port Port
	// Gain is what the port adds to those before it, Total what it and they have together, Share the same of what all ports
	// would have (0 where nothing is wanted).
	Gain, Total, Share float64
	// Sources are those that it is the first to hear.
	Sources int
}

// Curve is the gain of the first, the first two, the first three ports.
func (d *Demand) Curve(ports []Port) []Point {
	most := d.Most()
	c := d.none()
	var total float64
	points := make([]Point, len(ports))
	for k, p := range ports {
		points[k].Port = p
		if i := d.index(p); i >= 0 {
			points[k].Gain, points[k].Sources = d.take(c, i)
		}
		total += points[k].Gain
		points[k].Total = total
		if most > 0 {
			points[k].Share = min(total/most, 1)
		}
	}
	return points
}
