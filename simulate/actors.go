package simulate

import (
	"fmt"
	"net/netip"

	"terroir"
)

// The classes of actors.
const (
	classProfessional = "professional" // reaches every region
	classCommon       = "common"       // reaches three to five
	classRegional     = "regional"     // sends payloads in one or two regions only
	classPair         = "pair"         // the study's pair of sources
	classStray        = "stray"        // a single attempt
)

// actor is somebody with addresses and habits.
type actor struct {
	id      uint64
	name    string
	class   string
	net     netblock
	sources []netip.Addr
	habits  []habit
}

// habit is something that an actor does: so many events of a kind a week.
type habit struct {
	kind      terroir.Kind
	transport terroir.Transport
	port      uint16
	// family is what is sent (payload only), nil for none; variant is the only one of its variants, or -1.
	family  *family
	variant int
	regions []int
	weekly  float64
}

func (w *World) actor(name, class string, net netblock, sources int) *actor {
	a := &actor{id: uint64(len(w.actors) + 1), name: name, class: class, net: net}
	for i := range sources {
		a.sources = append(a.sources, net.host(10+7*i))
	}
	w.actors = append(w.actors, a)
	return a
}

// does adds a habit.
func (a *actor) does(h habit) { a.habits = append(a.habits, h) }

// bigCountries are those of the actors that reach everywhere.
var bigCountries = []string{"US", "CN", "DE", "NL", "GB", "RU", "FR", "SG", "HK", "JP", "CA", "IN"}

// middleCountries reach three or four regions, regionalCountries one or two.
var (
	middleCountries   = []string{"BR", "VN", "ID", "TH", "TR", "IT", "ES", "PL", "UA", "RO", "BG", "MX", "AR", "TW", "KR", "ZA", "EG", "SE"}
	regionalCountries = []string{"PK", "BD", "LK", "MV", "KE", "PE", "BO", "CL", "CO", "EC", "PT", "MA", "DZ", "IS", "EE", "LV", "KZ", "MN", "GE", "AM", "AZ",
		"CR", "DO", "CY", "JO", "AL", "BA", "CM", "GH"}
)

// allRegions are the five, by their places.
var allRegions = []int{0, 1, 2, 3, 4}

// population of ports: payloads a week at scale 1, from actors that reach everywhere or nearly.
var weekly = []struct {
	port  uint16
	count float64
}{{6379, 4490}, {2375, 1180}, {8888, 900}, {5432, 720}, {11211, 720}, {6443, 690}, {2376, 475}, {5001, 415}, {8090, 370}, {2379, 365}, {2323, 330},
	{5984, 275}, {2380, 160}, {9992, 80}}

// populate makes the actors.
func (w *World) populate() {
	w.professionals()
	w.common()
	w.middle()
	w.regional()
	w.pair()
	w.rare()
	w.planted()
}

// scannerNames are organisations that say who they are; none of them exists.
var scannerNames = []string{"Example Internet Census", "Sample Exposure Research", "Fictional Attack Surface Ltd", "Placeholder University"}

func (w *World) professionals() {
	const n = 36
	for i := range n {
		name := fmt.Sprintf("Cloud Hosting %d", i)
		if i < len(scannerNames) {
			name = scannerNames[i]
		}
		country := bigCountries[i%len(bigCountries)]
		net := w.block4(country, name)
		if i == 8 {
			net = w.block6(country, name+" v6")
		}
		a := w.actor(fmt.Sprintf("scanner-%02d", i), classProfessional, net, 3+i%5)
		for _, p := range weekly {
			w.spread(a, p.port, p.count*.62/n, allRegions, i)
		}
		w.withoutPayload(a, 60, 14, allRegions)
		w.unserved(a, 45, allRegions, commonUnserved)
	}
}

func (w *World) common() {
	const n = 48
	for i := range n {
		net := w.block4(bigCountries[i*5%len(bigCountries)], fmt.Sprintf("Access Network %d", i))
		a := w.actor(fmt.Sprintf("botnet-%02d", i), classCommon, net, 2+i%7)
		for _, p := range weekly {
			w.spread(a, p.port, p.count*.33/n, allRegions, i+3)
		}
		w.withoutPayload(a, 45, 12, allRegions)
		w.unserved(a, 38, allRegions, commonUnserved)
	}
}

func (w *World) middle() {
	for i, country := range middleCountries {
		regions := take(i, 3+i%2)
		a := w.actor("middle-"+country, classCommon, w.block4(country, fmt.Sprintf("%s Telecom", country)), 2+i%3)
		for _, p := range weekly {
			w.spread(a, p.port, p.count*.05/float64(len(middleCountries)), regions, i+1)
		}
		// One payload in each region makes the reach certain.
		for _, r := range regions {
			a.does(habit{terroir.KindPayload, terroir.TCP, 2323, familyFor(2323, i), -1, []int{r}, 2})
		}
		w.withoutPayload(a, 25, 8, regions)
		w.unserved(a, 22, regions, commonUnserved)
	}
}

// regional makes the countries that the study is about. Some of them are seen in further regions without a payload:
// who counts every kind finds fewer.
func (w *World) regional() {
	ports := []uint16{2323, 2323, 2323, 5432, 8090, 8888, 2375, 5984, 11211, 5001}
	for i, country := range regionalCountries {
		regions := take(i*3+1, 1+i%2)
		a := w.actor("regional-"+country, classRegional, w.block4(country, fmt.Sprintf("%s Broadband", country)), 1+i%4)
		for _, r := range regions {
			a.does(habit{terroir.KindPayload, terroir.TCP, 2323, familyFor(2323, i), -1, []int{r}, 8})
		}
		for k := range 2 {
			port := ports[(i*2+k)%len(ports)]
			a.does(habit{terroir.KindPayload, terroir.TCP, port, familyFor(port, i), -1, regions, 2})
		}
		if i%7 == 0 {
			a.does(habit{terroir.KindPayload, terroir.TCP, 6379, familyFor(6379, i), -1, regions, 1})
		}
		w.withoutPayload(a, 6, 3, regions)
		w.unserved(a, 14, regions, regionalUnserved)
		if i%5 == 2 {
			a.does(habit{terroir.KindConnection, terroir.TCP, 8888, nil, -1, allRegions, 9})
			a.does(habit{terroir.KindUnserved, terroir.TCP, 23, nil, -1, allRegions, 6})
		}
	}
}

// pairPorts are the twelve unserved ports that the study's pair tried.
var pairPorts = []uint16{5613, 5622, 5660, 5677, 5691, 5749, 5808, 5811, 5923, 5978, 10443, 30005}

func (w *World) pair() {
	net := w.block4("NG", "UCloud Information Technology HK Limited")
	a := w.actor("pair-NG", classPair, net, 2)
	a.does(habit{terroir.KindPayload, terroir.TCP, 8888, families["jupyter-api"], -1, []int{3}, 11})
	for _, p := range pairPorts {
		a.does(habit{terroir.KindUnserved, terroir.TCP, p, nil, -1, []int{3}, 2})
	}
}

// rare makes the study's own finds: each once or a few times.
func (w *World) rare() {
	for i, p := range studyPayloads() {
		country := bigCountries[(i*7+1)%len(bigCountries)]
		a := w.actor(fmt.Sprintf("rare-%02d", i), classStray, w.block4(country, fmt.Sprintf("Hosting %s %d", country, i)), 1)
		a.does(habit{terroir.KindPayload, terroir.TCP, p.port, p.family, -1, []int{i % 5}, float64(1 + i%4)})
	}
}

// plantedPorts are the unserved ports that many regional sources try in one region only.
var plantedPorts = []struct {
	region int
	port   uint16
}{{2, 1521}, {0, 37777}, {4, 5555}}

func (w *World) planted() {
	for k, p := range plantedPorts {
		for i := range 20 {
			country := regionalCountries[(k*9+i%4)%len(regionalCountries)]
			a := w.actor(fmt.Sprintf("planted-%d-%02d", p.port, i), classRegional, w.block4(country, fmt.Sprintf("%s Mobile %d", country, i)), 1)
			a.does(habit{terroir.KindUnserved, terroir.TCP, p.port, nil, -1, []int{p.region}, 4})
		}
	}
}

// take returns n of the five regions, beginning at some place.
func take(from, n int) []int {
	var list []int
	for i := range n {
		list = append(list, (from+2*i)%5)
	}
	return list
}

// spread divides payloads on a port among the families of the port, a few of which an actor uses.
func (w *World) spread(a *actor, port uint16, count float64, regions []int, turn int) {
	list := portFamilies[port]
	const tools = 3
	for k := range min(tools, len(list)) {
		f := list[(turn+k*5)%len(list)]
		a.does(habit{terroir.KindPayload, f.transport, port, f, -1, regions, count / float64(min(tools, len(list)))})
	}
}

// withoutPayload adds sessions in which the client said nothing.
func (w *World) withoutPayload(a *actor, connections, errors float64, regions []int) {
	for i, p := range []uint16{6379, 2375, 8888, 5432} {
		a.does(habit{terroir.KindConnection, terroir.TCP, p, nil, -1, regions, connections / 4})
		if i < 2 {
			a.does(habit{terroir.KindError, terroir.TCP, p, nil, -1, regions, errors / 2})
		}
	}
}

var (
	commonUnserved   = []uint16{22, 23, 80, 443, 445, 1433, 3306, 3389, 5900, 8080, 9200, 27017}
	regionalUnserved = []uint16{23, 445, 5060, 7547, 8291, 5555}
)

func (w *World) unserved(a *actor, count float64, regions []int, ports []uint16) {
	for i, p := range ports {
		h := habit{terroir.KindUnserved, terroir.TCP, p, nil, -1, regions, count / float64(len(ports))}
		if p == 5060 || i == len(ports)-1 && a.id%3 == 0 {
			h.transport = terroir.UDP
		}
		a.does(h)
	}
	if a.id%4 == 0 {
		a.does(habit{terroir.KindUnserved, terroir.ICMP, 8, nil, -1, regions, count / 12})
	}
}
