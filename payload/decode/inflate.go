package decode

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
)

func isGzip(b []byte) bool { return len(b) > 10 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8 }

// isZlib: RFC 1950 §2.2, the usual window only.
func isZlib(b []byte) bool {
	return len(b) > 6 && b[0] == 0x78 && b[1]&0x20 == 0 && (int(b[0])<<8|int(b[1]))%31 == 0
}

// inflate undoes gzip and zlib at the start of a span, as far as there is room; what a broken stream gave is kept.
func (d *decoder) inflate(s span) bool {
	b := d.bytes(s)
	kind := ""
	switch {
	case isGzip(b):
		kind = "gzip"
	case isZlib(b):
		kind = "zlib"
	default:
		return false
	}
	out := d.inflated(kind, b)
	return len(out) > 0 && d.add(s, layer{kind: kind, bytes: out})
}

func (d *decoder) inflated(kind string, b []byte) []byte {
	var r io.Reader
	var err error
	if kind == "gzip" {
		r, err = gzip.NewReader(bytes.NewReader(b))
	} else {
		r, err = zlib.NewReader(bytes.NewReader(b))
	}
	if err != nil {
		return nil
	}
	limit := d.share()
	out, _ := io.ReadAll(io.LimitReader(r, int64(limit)+1)) // A stream that breaks off has said something all the same.
	if !d.spend(len(b) + 4*len(out)) {
		return nil
	}
	if len(out) > limit {
		d.stop("output")
		out = out[:limit]
	}
	return out
}
