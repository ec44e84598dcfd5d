package decode

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
)

// functions of PHP may stand behind a dot that joins strings; they are no methods.
var functions = newNames("chr", "base64_decode", "hex2bin", "urldecode", "rawurldecode", "str_rot13", "strrev", "gzinflate")

// apply computes the functions by which programs hide their strings.
func apply(name string, args []value) value {
	switch name {
	case "chr", "CHR", "fromCharCode":
		return characterCodes(args)
	case "concat":
		v := value{known: true}
		for _, a := range args {
			v.text = append(v.text, a.text...)
			v.known = v.known && a.known
		}
		return v
	}
	if len(args) == 0 || !args[0].known || len(args[0].text) == 0 {
		return value{}
	}
	in := args[0]
	switch name {
	case "base64_decode", "atob", "b64decode", "decodeBase64", "FromBase64String", "decode64", "decode":
		return decoded(in, "base64", fromBase64)
	case "from", "Buffer":
		if len(args) > 1 {
			return buffer(in, string(args[1].text))
		}
		return in
	case "hex2bin", "unhexlify", "fromhex":
		return decoded(in, "hex", fromHex)
	case "urldecode", "rawurldecode", "decodeURIComponent", "decodeURI", "unescape", "unquote":
		return decoded(in, "percent", func(b []byte) []byte { out, _ := percent(b); return out })
	case "str_rot13":
		return decoded(in, "rot13", rot13)
	case "strrev":
		return decoded(in, "reversed", func(b []byte) []byte { out := bytes.Clone(b); slices.Reverse(out); return out })
	case "gzinflate":
		return decoded(in, "deflate", inflateRaw)
	case "String", "str", "bytes", "escapeshellcmd", "trim":
		return in
	}
	return value{}
}

func decoded(in value, how string, undo func([]byte) []byte) value {
	out := undo(in.text)
	return value{text: out, known: len(out) > 0, off: in.off, end: in.end, how: how}
}

// buffer is Buffer.from of Node.js.
func buffer(in value, coding string) value {
	switch coding {
	case "base64", "base64url":
		return decoded(in, "base64", fromBase64)
	case "hex":
		return decoded(in, "hex", fromHex)
	}
	return in
}

func fromBase64(b []byte) []byte {
	out, ok := unbase64(b)
	if !ok {
		return nil
	}
	return out
}

func fromHex(b []byte) []byte {
	out := make([]byte, len(b)/2)
	if n, err := hex.Decode(out, b[:len(b)/2*2]); err != nil {
		return out[:n]
	}
	return out
}

func rot13(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		switch lower := c | 0x20; {
		case lower >= 'a' && lower <= 'm':
			out[i] = c + 13
		case lower >= 'n' && lower <= 'z':
			out[i] = c - 13
		}
	}
	return out
}

// inflateRaw undoes raw deflate, at most maxText bytes of it.
func inflateRaw(b []byte) []byte {
	out, _ := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxText)) // What a broken stream gave is kept.
	return out
}

func characterCodes(args []value) value {
	v := value{known: len(args) > 0, how: "characters"}
	for _, a := range args {
		n, err := strconv.ParseUint(string(a.text), 0, 8)
		if err != nil {
			return value{}
		}
		v.text = append(v.text, byte(n))
	}
	return v
}
