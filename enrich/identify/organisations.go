package identify

// organisation is one that scans the internet and says so.
type organisation struct {
	name string
	// domains are those of its own: its hosts are named below them, its probes point to them. One that begins with a
	// label and a star, such as "researchscan*.eecs.umich.edu", is the pattern of host names only: not the whole university scans.
	domains []string
	// says are other words by which its probes name it, in lower case.
	says []string
}

// Palo Alto's scans name the company that it bought, the product and itself.
const expanse = "Expanse (Palo Alto Networks)"

// organisations are sorted by name. Domains are what hosts of these organisations are called in the list of Maltrail and
// what the organisations' own pages about their scans say; the words are from requests that honeypots recorded.
var organisations = []organisation{
	{"Alpha Strike Labs", []string{"alphastrike.io", "alphastrike.de"}, nil},
	{"BinaryEdge", []string{"binaryedge.ninja", "binaryedge.io"}, nil},
	{"Bitsight", []string{"internet-census.org", "bitsight.com"}, []string{"bitsightbot"}},
	{"CAIDA", []string{"caida.org"}, nil},
	{"Censys", []string{"censys.io", "censys-scanner.com", "censys.com"}, []string{"censysinspect"}},
	{"Colorado State University", []string{"pinger*.netsec.colostate.edu"}, nil},
	{"Criminal IP", []string{"criminalip.com", "criminalip.io"}, []string{"criminalip"}},
	{"Driftnet", []string{"driftnet.io", "internet-measurement.com"}, []string{"internetmeasurement"}},
	{expanse, []string{"expanseinc.com"}, []string{"palo alto networks", "paloaltonetworks.com", "cortex xpanse", "cortex-xpanse"}},
	{"FOFA", []string{"fofa.info", "fofa.pro"}, nil},
	{"IPIP.net", []string{"ipip.net"}, nil},
	{"InternetTTL", []string{"internettl.org"}, nil},
	{"Kudelski Security", []string{"kudelskisecurity.com"}, nil},
	{"LeakIX", []string{"leakix.net", "leakix.org"}, []string{"l9scan"}},
	{"ltx71", []string{"ltx71.com"}, []string{"ltx71"}},
	{"Modat", []string{"modat.io"}, []string{"modatscanner"}},
	{"Netcraft", []string{"netcraft.com"}, []string{"netcraftsurveyagent", "netcraft web server survey"}},
	{"NetSystems Research", []string{"netsystemsresearch.com"}, nil},
	{"Nokia Deepfield", []string{"deepfield.net"}, []string{"genomecrawler"}},
	{"Odin", []string{"getodin.com"}, nil},
	{"ONYPHE", []string{"onyphe.net", "onyphe.io"}, []string{"onyphe"}},
	{"Open NTP Project", []string{"openntpproject.org"}, nil},
	{"Open Port Statistics", []string{"openportstats.com"}, nil},
	{"Open Resolver Project", []string{"openresolverproject.org"}, nil},
	{"PDR Labs", []string{"pdrlabs.net"}, nil},
	{"Project Blindferret", []string{"projectblindferret.com"}, nil},
	{"Quake (360)", []string{"quake.360.cn", "quake.360.net"}, nil},
	{"Rapid7", []string{"labs.rapid7.com", "opendata.rapid7.com"}, []string{"project sonar", "rapid7.com"}},
	{"RedHunt Labs", []string{"redhuntlabs.com", "project-resonance.com"}, []string{"project-resonance"}},
	{"RiskIQ", []string{"riskiq.com"}, nil},
	{"RWTH Aachen University", []string{"researchscan*.comsys.rwth-aachen.de"}, nil},
	{"SBA Research", []string{"sba-research.org"}, nil},
	{"Shadowserver", []string{"shadowserver.org"}, nil},
	{"Shodan", []string{"shodan.io"}, nil},
	{"Stretchoid", []string{"stretchoid.com"}, nil},
	{"Technical University of Munich", []string{"scan*.net.in.tum.de"}, nil},
	{"University of California, Berkeley", []string{"researchscan*.eecs.berkeley.edu"}, nil},
	{"University of Michigan", []string{"researchscan*.eecs.umich.edu"}, nil},
	{"University of Southern California (ISI)", []string{"pinger*.ant.isi.edu"}, nil},
	{"Validin", []string{"validin.com"}, nil},
	{"VisionHeight", []string{"visionheight.com"}, nil},
	{"ZoomEye", []string{"zoomeye.org", "zoomeye.ai"}, nil},
}
