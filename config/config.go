// Package config reads the configuration files of the two services. They are YAML, strictly: an unknown key, a key
// given twice and a value that does not fit are errors with file, line and column. What a file does not say has a
// default; an environment variable TERROIR_SENSOR_… or TERROIR_HUB_… (the key in capitals, its parts joined by "_")
// wins over the file, a flag of the command line over both.
package config

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"terroir"
)

// Sensor is the configuration of a sensor.
type Sensor struct {
	Sensor string `yaml:"sensor" doc:"name of the sensor, unique in the fleet"`
	Region string `yaml:"region" doc:"region in which it stands, such as eu-west-3"`
	Dir    string `yaml:"dir" doc:"folder for spool and certificate"`
	Hub    string `yaml:"hub" doc:"address of the hub's bus, such as nats://127.0.0.1:4222; of a cluster, several with commas between them"`
	Token  string `yaml:"token" doc:"file:NAME or env:NAME of a token to join the fleet with, if that was not done; who joined has name, region and hub from there"`
	// Credentials and CA are references to secrets.
	Credentials string   `yaml:"credentials" doc:"file:NAME or env:NAME of the NATS credentials, or the NKey's seed, that a bus without a fleet asks for"`
	CA          string   `yaml:"ca" doc:"file:NAME or env:NAME of the certificate (PEM) by which such a bus is known"`
	Theme       string   `yaml:"theme" doc:"list of served ports: containers, or none"`
	Listen      Listen   `yaml:"listen" doc:"what is served, beside the theme"`
	Limits      Limits   `yaml:"limits" doc:"bounds of sessions and spool"`
	Personas    string   `yaml:"personas" doc:"folder with personas of your own, beside the shipped ones"`
	Heartbeat   Duration `yaml:"heartbeat" doc:"interval of heartbeats"`
	Drain       Duration `yaml:"drain" doc:"how long a sensor that ends goes on sending what it has"`
	Tap         Tap      `yaml:"tap" doc:"attempts on unserved ports"`
	Explore     Explore  `yaml:"explore" doc:"unserved ports that are opened for a while, to learn what is sent there"`
	Confine     Confine  `yaml:"confine" doc:"what the sensor's process gives up once it listens (Linux)"`
	// Configurations say whose documents change theme and ports.
	Configurations Configurations `yaml:"configurations" doc:"what the hub may change: theme and ports, by signed documents"`

	origins map[string]string
	pos     positions
}

// Listen says where, and what beside the theme, a sensor serves.
type Listen struct {
	Addresses []string `yaml:"addresses" doc:"own addresses to serve; none means all, IPv4 and IPv6"`
	Ports     []Port   `yaml:"ports" doc:"ports beside those of the theme, or in their place"`
	Answer    bool     `yaml:"answer" doc:"answer TCP as the personas say; false: silence on every port"`
	Proxies   []string `yaml:"proxies" doc:"addresses or prefixes whose PROXY headers are believed, on ports with proxy"`
}

// Port is a served port.
type Port struct {
	Port      int    `yaml:"port" json:"port" doc:"1 to 65535"`
	Transport string `yaml:"transport" json:"transport,omitempty" doc:"tcp, udp or both (default)"`
	Service   string `yaml:"service" json:"service,omitempty" doc:"what is expected there"`
	TLS       bool   `yaml:"tls" json:"tls,omitempty" doc:"complete TLS handshakes"`
	Persona   string `yaml:"persona" json:"persona,omitempty" doc:"what answers there; default: the persona of the service; none: silence"`
	Proxy     bool   `yaml:"proxy" json:"proxy,omitempty" doc:"trusted proxies send PROXY headers (version 1 or 2) there"`
}

// Limits bound what strangers can make a sensor hold.
type Limits struct {
	KeepBytes    Size     `yaml:"keep_bytes" doc:"bytes of a payload that are kept, at most 1MiB"`
	SessionBytes Size     `yaml:"session_bytes" doc:"bytes after which a session is ended"`
	IdleBefore   Duration `yaml:"idle_before" doc:"how long a client may send nothing at first"`
	IdleAfter    Duration `yaml:"idle_after" doc:"how long a client may be silent after it sent something"`
	MaxAge       Duration `yaml:"max_age" doc:"how long a session may last"`
	Sessions     int      `yaml:"sessions" doc:"sessions at once"`
	PerSource    int      `yaml:"per_source" doc:"sessions of one address (of IPv6, one /64) at once"`
	PerNetwork   int      `yaml:"per_network" doc:"sessions of one /24 (of IPv6, one /48) at once"`
	Datagrams    int      `yaml:"datagrams" doc:"datagrams of one source to one port per second"`
	SpoolBytes   Size     `yaml:"spool_bytes" doc:"size of the spool on disk"`
	Memory       Size     `yaml:"memory" doc:"memory to stay within; what open sessions keep may take a quarter of it"`
}

// Tap says what is observed of unserved ports.
type Tap struct {
	Enabled   bool     `yaml:"enabled" doc:"observe attempts on unserved ports (Linux, needs CAP_NET_RAW)"`
	Interface string   `yaml:"interface" doc:"network interface; none means all"`
	Interval  Duration `yaml:"interval" doc:"attempts of one source on one port are one row an interval"`
	ICMP      bool     `yaml:"icmp" doc:"observe echo requests, too"`
	Never     []int    `yaml:"never" doc:"ports that are never observed, such as your own SSH"`
}

// Explore bounds what is opened to learn the first bytes of what is sent to unserved ports.
type Explore struct {
	Ports   int      `yaml:"ports" doc:"how many are open at once, at most 64; 0: none"`
	Hold    Duration `yaml:"hold" doc:"how long each stays open"`
	Minutes int      `yaml:"minutes" doc:"port-minutes a day; a region's budget is shared among its sensors by their configurations"`
}

// Confine says what a sensor's process gives up once everything listens.
type Confine struct {
	Enabled  bool   `yaml:"enabled" doc:"give up the superuser, files but its own, connections but to the hub, and other system calls"`
	User     string `yaml:"user" doc:"whom it becomes when it was started as the superuser; default: terroir if there is one, else nobody"`
	Required bool   `yaml:"required" doc:"do not run where a part of that is missing"`
}

// Configurations say whether, and by which key, the hub may change what is served.
type Configurations struct {
	Accept bool   `yaml:"accept" doc:"serve what the hub's signed documents say, in place of theme and listen.ports"`
	Trust  string `yaml:"trust" doc:"public key of the hub's, which begins with N, or file:NAME or env:NAME of it; default: the fleet's keys or, for a hub on loopback, the first key that is seen"`
}

// Hub is the configuration of a hub.
type Hub struct {
	Dir    string `yaml:"dir" doc:"folder of the data"`
	Listen string `yaml:"listen" doc:"address of page and API; loopback only, unless page.users"`
	Page   Page   `yaml:"page" doc:"who may see the page and use the API"`
	Views  string `yaml:"views" doc:"folder with views of your own"`
	Bus    Bus    `yaml:"bus" doc:"where batches of sensors come in"`
	Lake   Lake   `yaml:"lake" doc:"where the tables are"`
	Query  Query  `yaml:"query" doc:"what answers queries"`
	Care   Care   `yaml:"care" doc:"how the tables are looked after"`
	Commit Commit `yaml:"commit" doc:"when a batch is committed"`
	Geo    Geo    `yaml:"geo" doc:"databases asked before the shipped ones"`

	origins map[string]string
	pos     positions
}

// Page says who may see the page and use the API, and how they are reached beyond loopback.
type Page struct {
	// Users is a reference to a secret.
	Users       string `yaml:"users" doc:"file:NAME or env:NAME with the users, a line each (terroir hub user); without it everybody on this machine reads, and nobody changes anything"`
	Certificate string `yaml:"certificate" doc:"PEM file with the page's certificate and those between it and its authority; with it and key the page speaks HTTPS. Needed beyond loopback"`
	Key         string `yaml:"key" doc:"PEM file with the certificate's key"`
	Host        string `yaml:"host" doc:"name under which browsers know the page, beside its addresses and localhost"`
}

// Bus says which bus a hub uses.
type Bus struct {
	Listen string `yaml:"listen" doc:"address of the embedded bus; loopback only, unless auth"`
	URL    string `yaml:"url" doc:"a NATS server elsewhere, in place of the embedded one; of a cluster, several with commas between them"`
	Dir    string `yaml:"dir" doc:"folder of the embedded bus; default DIR/bus"`
	Auth   bool   `yaml:"auth" doc:"only sensors that joined (terroir fleet) are let in, over TLS; needed beyond loopback"`
	// Credentials and CA are references to secrets.
	Credentials string   `yaml:"credentials" doc:"file:NAME or env:NAME of the NATS credentials, or the NKey's seed, that the bus at url asks for"`
	CA          string   `yaml:"ca" doc:"file:NAME or env:NAME of the certificate (PEM) by which the bus at url is known"`
	Replicas    int      `yaml:"replicas" doc:"servers of the bus that keep each batch: 1, or 3 or 5 in a cluster"`
	Wait        Duration `yaml:"wait" doc:"how long a bus that is not ready is waited for at the start"`
}

// Lake says where the tables are: in a folder, or on S3 with a catalog in PostgreSQL.
type Lake struct {
	Dir       string `yaml:"dir" doc:"folder of the tables (with warehouse: of copies of their files); default DIR/lake. Hubs that share a bus share the tables, too"`
	Warehouse string `yaml:"warehouse" doc:"s3://BUCKET/PATH for the tables, in place of a folder; needs catalog"`
	Catalog   string `yaml:"catalog" doc:"file:NAME or env:NAME of the address of the PostgreSQL database that has the catalog, such as postgres://USER:PASSWORD@HOST/NAME"`
	S3        S3     `yaml:"s3" doc:"how the warehouse is reached; what is left out is found as Amazon's tools find it"`
	Cache     Size   `yaml:"cache" doc:"copies of files of the warehouse that DuckDB may keep on this machine"`
}

// S3 says how a server that speaks S3 is reached.
type S3 struct {
	Endpoint  string `yaml:"endpoint" doc:"URL of a server that is not Amazon's"`
	Region    string `yaml:"region" doc:"region of the bucket"`
	Key       string `yaml:"key" doc:"file:NAME or env:NAME of the access key"`
	Secret    string `yaml:"secret" doc:"file:NAME or env:NAME of the secret key"`
	PathStyle bool   `yaml:"path_style" doc:"the bucket stands in the path of a request, not in the host's name; most servers that are not Amazon's want it"`
}

// Query says what answers queries.
type Query struct {
	Engine   string `yaml:"engine" doc:"duckdb (within terroir) or trino"`
	Trino    string `yaml:"trino" doc:"URL of the Trino, such as https://terroir@trino.example:8443"`
	Catalog  string `yaml:"catalog" doc:"what Trino calls the catalog of the tables"`
	Password string `yaml:"password" doc:"file:NAME or env:NAME of the password of Trino's user; needs https"`
}

// Care says how the hub looks after the tables.
type Care struct {
	Every     Duration `yaml:"every" doc:"how often small files are rewritten and what is old goes; 0: never"`
	Target    Size     `yaml:"target" doc:"size of the files that are made"`
	Snapshots Duration `yaml:"snapshots" doc:"age from which on snapshots go; longer than any query"`
	Keep      Keep     `yaml:"keep" doc:"how long rows are kept; 0: for ever"`
}

// Keep says how long rows are kept, by table. Whole days of UTC go.
type Keep struct {
	Events     Duration `yaml:"events" doc:"such as 90d"`
	Losses     Duration `yaml:"losses" doc:"such as 365d"`
	Heartbeats Duration `yaml:"heartbeats" doc:"such as 365d"`
}

// Commit says when a batch is committed: whichever comes first.
type Commit struct {
	Interval Duration `yaml:"interval" doc:"age of the oldest record"`
	Rows     int      `yaml:"rows" doc:"number of rows"`
}

// Geo lists MMDB files.
type Geo struct {
	Country []string `yaml:"country" doc:"MMDB files with countries"`
	ASN     []string `yaml:"asn" doc:"MMDB files with networks"`
}

// Check says what is wrong with the values, as ParseHub does; it is for values that did not come from the file alone.
func (h *Hub) Check() error { return h.check() }

// DefaultSensor is what an empty file means.
func DefaultSensor() Sensor {
	return Sensor{
		Sensor: "sensor", Region: "unknown", Dir: "terroir-sensor", Hub: "nats://127.0.0.1:4222", Theme: "containers", Listen: Listen{Answer: true},
		Limits: Limits{KeepBytes: 64 << 10, SessionBytes: 4 << 20, IdleBefore: Duration(30 * time.Second), IdleAfter: Duration(5 * time.Second),
			MaxAge: Duration(5 * time.Minute), Sessions: 20_000, PerSource: 256, PerNetwork: 1024, Datagrams: 1000, SpoolBytes: 1 << 30, Memory: 384 << 20},
		Heartbeat: Duration(time.Minute), Drain: Duration(3 * time.Second), Confine: Confine{Enabled: true}, Configurations: Configurations{Accept: true},
		Explore: Explore{Hold: Duration(10 * time.Minute), Minutes: 480},
		Tap:     Tap{Enabled: true, Interval: Duration(time.Minute), Never: []int{22}},
	}
}

// DefaultHub is what an empty file means.
func DefaultHub() Hub {
	return Hub{Dir: "terroir-data", Listen: "127.0.0.1:8080", Bus: Bus{Listen: "127.0.0.1:4222", Replicas: 1, Wait: Duration(time.Minute)},
		Lake: Lake{Cache: 10 << 30}, Query: Query{Engine: "duckdb", Catalog: "terroir"},
		Commit: Commit{Interval: Duration(10 * time.Second), Rows: 50_000},
		Care:   Care{Every: Duration(10 * time.Minute), Target: 128 << 20, Snapshots: Duration(time.Hour)}}
}

// LoadSensor reads a sensor's file; "" stands for an empty one. Everything that is wrong comes as an ECONFIG error
// whose Where is file:line:column.
func LoadSensor(file string) (Sensor, error) {
	text, err := read(file)
	if err != nil {
		return Sensor{}, err
	}
	return ParseSensor(file, text)
}

// ParseSensor is LoadSensor for text; name stands in messages.
func ParseSensor(name string, text []byte) (Sensor, error) {
	s := DefaultSensor()
	var err error
	if s.pos, s.origins, err = decode(name, text, "TERROIR_SENSOR", &s); err != nil {
		return s, err
	}
	return s, s.check()
}

// LoadHub reads a hub's file; "" stands for an empty one. Errors are those of LoadSensor.
func LoadHub(file string) (Hub, error) {
	text, err := read(file)
	if err != nil {
		return Hub{}, err
	}
	return ParseHub(file, text)
}

// ParseHub is LoadHub for text; name stands in messages.
func ParseHub(name string, text []byte) (Hub, error) {
	h := DefaultHub()
	var err error
	if h.pos, h.origins, err = decode(name, text, "TERROIR_HUB", &h); err != nil {
		return h, err
	}
	return h, h.check()
}

func read(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "cannot read the configuration", Err: cause(err),
			Hint: "name an existing file with -c"}
	}
	return text, nil
}

// Origins says for each key that is not a default where its value comes from: a place in the file or the name of a
// variable.
func (s *Sensor) Origins() map[string]string { return s.origins }

// Origins says for each key that is not a default where its value comes from.
func (h *Hub) Origins() map[string]string { return h.origins }

// loopback reports whether the address (host:port) is on this machine only.
func loopback(address string) (bool, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false, err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false, err
	}
	if host == "localhost" {
		return true, nil
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return false, nil // "" and names mean more than loopback
	}
	return a.IsLoopback(), nil
}
