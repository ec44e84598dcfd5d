package simulate

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"terroir"
	"terroir/payload/render"
)

// studyLines are the payloads of the study as its observer printed them: escaped, without blanks, and with
// <HONEYPOT IP> in place of the sensor's address.
//
//go:embed study.jsonl
var studyLines []byte

// studyPayload is one of the study's finds.
type studyPayload struct {
	port   uint16
	family *family
}

// studyPayloads brings the study's payloads back to bytes, with their blanks.
func studyPayloads() []studyPayload {
	var list []studyPayload
	for line := range bytes.Lines(studyLines) {
		var p struct {
			Port     uint16
			Rendered string
		}
		if err := json.Unmarshal(line, &p); err != nil {
			panic(fmt.Sprintf("simulate: the embedded payloads: %v", err)) // A fault of the build, not of the input.
		}
		b := withBlanks(render.Parse([]byte(p.Rendered)))
		list = append(list, studyPayload{p.Port, &family{name: fmt.Sprintf("study-%02d", len(list)), proto: "study", transport: terroir.TCP, variants: 1,
			make: func(_ int, t target) []byte { return bytes.ReplaceAll(b, []byte("<HONEYPOT IP>"), []byte(t.host)) }}})
	}
	return list
}

// blanks are where the observer had taken blanks away, as far as the protocols tell.
var blanks = strings.NewReplacer(
	"GET/HTTP/1.1", "GET / HTTP/1.1", "GET/?id=HTTP/1.1", "GET /?id= HTTP/1.1", "GET/?", "GET /?", ")HTTP/1.1", ") HTTP/1.1",
	"POST/api/v0/idHTTP/1.1", "POST /api/v0/id HTTP/1.1", "OPTIONS*RTSP/1.0", "OPTIONS * RTSP/1.0",
	"CONNECTqzone", "CONNECT qzone", "CONNECTzz", "CONNECT zz", ":443HTTP/1.1", ":443 HTTP/1.1", "@RSYNCD:29", "@RSYNCD: 29",
	`configsetdbfilename"backup.db"`, `config set dbfilename "backup.db"`, "CSeq:", "CSeq: ",
	"Mozilla/5.0(X11;Ubuntu;Linuxx86_64;rv:58.0)Gecko/20100101Firefox/58.0", "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:58.0) Gecko/20100101 Firefox/58.0",
	"Mozilla/5.0(Linux;Android6.0;Nexus5Build/MRA58N)AppleWebKit/537.36(KHTML,likeGecko)Chrome/81.0.4044.138MobileSafari/537.36",
	"Mozilla/5.0 (Linux; Android 6.0; Nexus 5 Build/MRA58N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/81.0.4044.138 Mobile Safari/537.36",
)

var header = regexp.MustCompile(`(?m)^([A-Za-z][A-Za-z-]*):([^ \r\n])`)

// withBlanks puts the blanks back: after the names of headers, and where blanks says.
func withBlanks(b []byte) []byte {
	b = []byte(blanks.Replace(string(b)))
	head, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || !bytes.Contains(head, []byte("HTTP/")) {
		return b
	}
	return append(append(head, "\r\n"...), header.ReplaceAll(rest, []byte("$1: $2"))...)
}
