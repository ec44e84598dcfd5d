package decode

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// seedBytes adds real payloads and the shapes that each decoder is for.
func seedBytes(f *testing.F, more ...string) {
	f.Helper()
	for _, s := range more {
		f.Add([]byte(s))
	}
	for i, e := range exploits(f) {
		if i%60 == 0 {
			f.Add(e.Body)
		}
	}
	for _, b := range studyPayloads(f) {
		f.Add(b)
	}
	seen := map[int]bool{}
	for _, r := range dockerRequests(f) {
		if b := r.raw(); len(r.Data) > 0 && !seen[len(b)] {
			seen[len(b)] = true
			f.Add(b)
		}
	}
}

// small bounds, so that a fuzzer meets them.
var small = Options{MaxDepth: 5, MaxOutput: 8 << 10, MaxNodes: 60, MaxWork: 1 << 20}

// FuzzDecode: whatever comes, the tree keeps its bounds and is the same each time, and the payload is not changed.
func FuzzDecode(f *testing.F) {
	seedBytes(f, zipped("x="+b64(dropper)), deflated(dropper), `{"a":"\u0041\"b"}`, "<a><![CDATA[x]]>&#65;</a>", "Q\x00\x00\x00\x60COPY t FROM PROGRAM 'id'\x00",
		"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$9\r\n* * * * *\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		tr := Decode(b, small)
		check(t, tr, small)
		if !bytes.Equal(b, before) {
			t.Error("the payload was changed")
		}
		if again := Decode(b, small); !reflect.DeepEqual(tr, again) {
			t.Errorf("not the same twice:\n%s\n\n%s", show(tr), show(again))
		}
	})
}

// bounded is a decoder over one node in a language, with small bounds.
func bounded(b []byte, l language) *decoder {
	d := &decoder{o: small.withDefaults(), tree: &Tree{}, seen: map[string]bool{}}
	d.work = d.o.MaxWork
	d.tree.Nodes = append(d.tree.Nodes, Node{Parent: -1, Kind: "payload", Bytes: b, Length: len(b)})
	d.langs, d.depth = append(d.langs, l), append(d.depth, 0)
	return d
}

// fuzzSpan fuzzes one decoder on its own.
func fuzzSpan(f *testing.F, l language, use func(*decoder, span)) {
	f.Helper()
	f.Fuzz(func(t *testing.T, b []byte) {
		d := bounded(b, l)
		use(d, span{end: len(b)})
		check(t, d.tree, small)
	})
}

func FuzzShell(f *testing.F) {
	seedBytes(f, dropper, "A=x;$A $(echo `id`) <<E | sh\na\nE\n", `bash -c {echo,eA==}|{base64,-d}|{bash,-i}`, `printf '\x41%s' $'\101' | xxd -r -p`, "if true; then a; fi; for i in 1 2; do b; done")
	fuzzSpan(f, shell, (*decoder).commandLine)
}

// FuzzSplit: the words that are found without a grammar stand in the line.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(`a "b c" | d\ e; 'f`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range split(b) {
			for _, s := range p.stages {
				for i, w := range s.words {
					if at := s.places[i]; at.off < 0 || at.end > len(b) || at.off > at.end || len(w) > at.end-at.off {
						t.Errorf("%q at %+v of %q", w, at, b)
					}
				}
			}
		}
	})
}

func FuzzCalls(f *testing.F) {
	seedBytes(f, "<?php system(chr(99).chr(100));", `exec(Buffer.from("eA==","base64").toString()+x+'y')`, `new ProcessBuilder(new String[]{"a","b"})`, `eval([1,2].join(''))`)
	fuzzSpan(f, code, func(d *decoder, s span) { d.calls(s) })
}

func FuzzRequest(f *testing.F) {
	seedBytes(f, post("multipart/form-data; boundary=X", "--X\r\n\r\na\r\n--X--"), "POST /?a=%41&b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	fuzzSpan(f, text, func(d *decoder, s span) {
		if isRequest(d.bytes(s)) {
			d.request(s)
		}
	})
}

func FuzzRedis(f *testing.F) {
	for _, s := range []string{"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n", "set x \"\\n* * * * * id\\x41\"\r\n", "*1000000\r\n", "*1\r\n$99999999\r\nx"} {
		f.Add([]byte(s))
	}
	fuzzSpan(f, text, (*decoder).redis)
}

func FuzzJSON(f *testing.F) {
	seedBytes(f, `{"Image":"a","Cmd":"b"}`, `{"kind":"Pod","spec":{"containers":[{"image":"a"}]}}`, `["stdin","id\r"]`, strings.Repeat("[", 1000))
	fuzzSpan(f, text, func(d *decoder, s span) { d.json(s, 0) })
}

func FuzzXML(f *testing.F) {
	f.Add([]byte("<a b='c'>d<![CDATA[e]]></a>"))
	fuzzSpan(f, text, func(d *decoder, s span) { d.xml(s, 0) })
}

func FuzzQuery(f *testing.F) {
	f.Add([]byte("Q\x00\x00\x00\x30COPY t FROM PROGRAM 'it''s'\x00"))
	f.Add([]byte("Q\x00\x00\x000\xc4PROGRAM")) // a byte that is no text before the word
	fuzzSpan(f, text, func(d *decoder, s span) {
		if isQuery(d.bytes(s)) {
			d.query(s)
		}
	})
}

// FuzzEncoded: base64, hexadecimal, UTF-16 and compressed streams.
func FuzzEncoded(f *testing.F) {
	for _, s := range []string{b64(dropper), wide(dropper), zipped(dropper), deflated(dropper), strings.Repeat("4142", 20)} {
		f.Add([]byte(s))
	}
	fuzzSpan(f, text, func(d *decoder, s span) {
		d.inflate(s)
		d.encoded(s)
	})
}

// FuzzEscapes: what is undone is never longer, apart from characters that take more bytes than their escape.
func FuzzEscapes(f *testing.F) {
	for _, s := range []string{`%41%u0041\u{1f600}\\u0041`, `\x41\101`, "&lt;&#x41;&nbsp;", "a%2", `\`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		for _, undo := range []func([]byte) ([]byte, int){percent, unicodeEscapes, hexEscapes, octalEscapes, htmlEntities} {
			out, n := undo(b)
			if len(out) > 2*len(b) || n == 0 && !bytes.Equal(out, b) || n > len(b) {
				t.Errorf("%q became %q, %d times", b, out, n)
			}
		}
		if cEscapes(b); !bytes.Equal(b, before) {
			t.Error("the bytes were changed")
		}
	})
}
