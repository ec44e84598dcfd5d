// Package simulate makes a labelled week of traffic at five sensors, with the facts of the study of June 2022:
// professional scanners that reach every region, regional sources that reach one or two, what was sent to port 6379, the
// rare payloads, the pair of sources that tried twelve unserved ports. The same options give the same bytes.
//
// Nobody's addresses are used: sources are in 100.64.0.0/10 (RFC 6598) and 2001:db8::/32 (RFC 3849). Countries and
// networks of these are invented, but for the names that the study itself gives, and come as MMDB files.
package simulate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"terroir"
)

// Options of a world. Zero values get defaults: seed 2022, 7 days, scale 1.
type Options struct {
	Seed  uint64
	Days  int
	Scale float64
}

// Begin is when every simulated window begins.
var Begin = time.Date(2022, 6, 14, 0, 0, 0, 0, time.UTC)

// Sensor is one of the five.
type Sensor struct {
	Name, Region string
	Addr4, Addr6 netip.Addr
}

// World is a simulated window. It does not change; its methods may be called at the same time.
type World struct {
	opt     Options
	sensors []Sensor
	actors  []*actor
	nets    []netblock
	outage  Outage
}

// Outage is when one sensor was down: nothing is observed there.
type Outage struct {
	Region   string    `json:"region"`
	From, To time.Time `json:"-"`
	FromText string    `json:"from"`
	ToText   string    `json:"to"`
}

// New makes a world. Options out of range yield an EUSAGE error.
func New(opt Options) (*World, error) {
	if opt.Seed == 0 {
		opt.Seed = 2022
	}
	if opt.Days == 0 {
		opt.Days = 7
	}
	if opt.Scale == 0 {
		opt.Scale = 1
	}
	if opt.Days < 1 || opt.Days > 366 || opt.Scale < 0.01 || opt.Scale > 100_000 {
		return nil, &terroir.Error{Code: terroir.EUSAGE, Message: fmt.Sprintf("%d days at scale %g", opt.Days, opt.Scale),
			Hint: "use 1 to 366 days and a scale of 0.01 to 100000"}
	}
	w := &World{opt: opt}
	for i, r := range terroir.StudyRegions() {
		w.sensors = append(w.sensors, Sensor{"sim-" + r.Code, r.Code, netip.AddrFrom4([4]byte{100, 127, byte(i), 10}),
			netip.MustParseAddr(fmt.Sprintf("2001:db8:ffff:%x::10", i))})
	}
	from := Begin.Add(2*24*time.Hour + 2*time.Hour)
	w.outage = Outage{"ap-south-1", from, from.Add(6 * time.Hour), from.Format(time.RFC3339), from.Add(6 * time.Hour).Format(time.RFC3339)}
	w.populate()
	return w, nil
}

// Sensors lists the five, in the order of the study's regions.
func (w *World) Sensors() []Sensor { return w.sensors }

// End is when the window ends.
func (w *World) End() time.Time { return Begin.AddDate(0, 0, w.opt.Days) }

// random is a generator that depends on the seed and the keys alone.
func (w *World) random(keys ...uint64) *rand.Rand {
	h := w.opt.Seed
	for _, k := range keys {
		h ^= k + 0x9e3779b97f4a7c15 + h<<6 + h>>2
		h *= 0xff51afd7ed558ccd
		h ^= h >> 33
	}
	return rand.New(rand.NewPCG(w.opt.Seed, h))
}

// netblock is a prefix with its country and network.
type netblock struct {
	prefix  netip.Prefix
	country string
	asn     uint32
	name    string
}

// block4 gives the next /20 of 100.64.0.0/10 to a country and network. The last quarter belongs to the sensors.
func (w *World) block4(country, name string) netblock {
	n := uint32(len(w.nets))
	base := uint32(100)<<24 | uint32(64)<<16 | n<<12
	b := netblock{netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(base >> 24), byte(base >> 16), byte(base >> 8), byte(base)}), 20), country, 4200000000 + n, name}
	w.nets = append(w.nets, b)
	return b
}

// block6 gives the next /48 of 2001:db8::/32.
func (w *World) block6(country, name string) netblock {
	n := uint32(len(w.nets))
	b := netblock{netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::", n)), 48), country, 4200000000 + n, name}
	w.nets = append(w.nets, b)
	return b
}

// host is the i-th host of the block.
func (b *netblock) host(i int) netip.Addr {
	if b.prefix.Addr().Is4() {
		a := b.prefix.Addr().As4()
		a[2] += byte(i >> 8 & 15)
		a[3] = byte(i)
		return netip.AddrFrom4(a)
	}
	a := b.prefix.Addr().As16()
	a[14], a[15] = byte(i>>8), byte(i)
	return netip.AddrFrom16(a)
}
