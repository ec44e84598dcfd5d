package log4j

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// target is a plain lookup.
type target struct {
	scheme, host, path string
	port               int
}

func (p target) String() string {
	host := p.host
	if p.port > 0 {
		host += ":" + strconv.Itoa(p.port)
	}
	return fmt.Sprintf("jndi:%s://%s%s", p.scheme, host, p.path)
}

func drawTarget(t *rapid.T) target {
	return target{
		scheme: rapid.SampledFrom([]string{"ldap", "ldaps", "rmi", "dns", "iiop", "http"}).Draw(t, "scheme"),
		host:   rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]{1,6}){0,3}`).Draw(t, "host"),
		path:   rapid.StringMatching(`(/[A-Za-z0-9+=_.,;-]{0,12}){0,3}`).Draw(t, "path"),
		port:   rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 65535)).Draw(t, "port"),
	}
}

// obfuscate writes text so that Log4j evaluates it to the same: in pieces, each perhaps the value of a lookup, perhaps nested. Of
// anyCase the case does not matter.
func obfuscate(t *rapid.T, text string, anyCase bool, depth int) string {
	var b strings.Builder
	for runes := []rune(text); len(runes) > 0; {
		n := min(rapid.IntRange(1, 4).Draw(t, "piece"), len(runes))
		b.WriteString(wrap(t, string(runes[:n]), anyCase, depth))
		runes = runes[n:]
	}
	return b.String()
}

// obfuscated is an expression that Log4j evaluates to the target.
func obfuscated(t *rapid.T, p target) string {
	name, rest := p.String()[:4], p.String()[4:]
	return "${" + obfuscate(t, name, true, 3) + obfuscate(t, rest, false, 3) + "}"
}

// names are of lookups that have no value.
var names = []string{"env:BARFOO", ":", "", "k8s:k5", "sd:k5", "a:b:c", "main:\\k5", "EnV:X", "ctx:x", "( ❛ ͜ʖ ❛ ):R", `env:a:\-b`, "sys:none", "bundle:a:b"}

func wrap(t *rapid.T, piece string, anyCase bool, depth int) string {
	if depth == 0 {
		return piece
	}
	within := func() string { return obfuscate(t, piece, anyCase, depth-1) }
	hasHyphen := strings.Contains(piece, "-") // A colon before it would make a default of it.
	same := func(to func(string) string) bool { return !hasHyphen && (anyCase || to(piece) == piece) }
	switch n := rapid.IntRange(0, 9).Draw(t, "form"); {
	case n <= 1 && same(strings.ToLower):
		return "${" + obfuscateWord(t, "lower", depth-1) + ":" + within() + "}"
	case n <= 3 && same(strings.ToUpper):
		if anyCase && rapid.Bool().Draw(t, "dotless") {
			return "${upper:" + strings.NewReplacer("i", "ı", "I", "ı").Replace(piece) + "}"
		}
		return "${" + obfuscateWord(t, "upper", depth-1) + ":" + within() + "}"
	case n <= 6:
		return "${" + rapid.SampledFrom(names).Draw(t, "name") + ":-" + within() + "}"
	case n == 7 && !hasHyphen:
		return "${date:'" + piece + "'}"
	case n == 8 && anyCase:
		return strings.Map(func(r rune) rune {
			if rapid.Bool().Draw(t, "capital") {
				return unicode.ToUpper(r)
			}
			return r
		}, piece)
	}
	return piece
}

// obfuscateWord writes the name of a lookup, whose case does not matter.
func obfuscateWord(t *rapid.T, word string, depth int) string {
	if depth <= 0 || rapid.IntRange(0, 3).Draw(t, "word") > 0 {
		return word
	}
	return obfuscate(t, word, true, depth)
}

// encoders are the transport encodings of a character.
var encoders = []func(c byte) string{
	func(c byte) string { return fmt.Sprintf("%%%02x", c) },
	func(c byte) string { return fmt.Sprintf("%%%02X", c) },
	func(c byte) string { return fmt.Sprintf("%%u%04x", c) },
	func(c byte) string { return fmt.Sprintf(`\u%04x`, c) },
	func(c byte) string { return fmt.Sprintf(`\\u%04X`, c) },
	func(c byte) string { return fmt.Sprintf(`\x%02x`, c) },
	func(c byte) string { return fmt.Sprintf(`\%03o`, c) },
	func(c byte) string { return fmt.Sprintf("&#%d;", c) },
	func(c byte) string { return fmt.Sprintf("&#x%x;", c) },
}

// encode writes a layer of transport encoding: what begins a lookup or an encoding always, the rest here and there.
func encode(t *rapid.T, text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch must := strings.IndexByte(`$%\&`, c) >= 0; {
		case must, ' ' < c && c < 0x7f && rapid.IntRange(0, 7).Draw(t, "encoded") == 0:
			b.WriteString(rapid.SampledFrom(encoders).Draw(t, "encoder")(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func drawSurroundings(t *rapid.T, text string) string {
	return rapid.StringMatching(`[ -#'-Z^-z\n]{0,20}`).Draw(t, "before") + text + rapid.StringMatching(`[ "'-Z^-z\n]{0,20}`).Draw(t, "after")
}

func same(l Lookup, want target) bool {
	return l.Scheme == want.scheme && l.Host == want.host && l.Port == want.port && l.Path == want.path && !l.Malformed
}

// TestAnObfuscatedLookupComesBack: what Log4j would evaluate to a plain lookup is found as that, through any layers of transport
// encoding, and fires.
func TestAnObfuscatedLookupComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTarget(t)
		text := obfuscated(t, want)
		for range rapid.IntRange(0, 3).Draw(t, "layers") {
			text = encode(t, text)
		}
		text = drawSurroundings(t, text)
		found, complete := Find([]byte(text), &Budget{Left: 16 << 20})
		if !complete || len(found) != 1 || !same(found[0], want) || !found[0].Fires || found[0].Resolved != want.String() {
			t.Errorf("%v in\n%s\nis %+v (complete %v)", want, text, found, complete)
		}
	})
}

// TestWhatOnlyASenderMeantComesBack: attempts that Log4j does not evaluate are found as well, and do not fire.
func TestWhatOnlyASenderMeantComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTarget(t)
		obfuscated := obfuscate(t, "jndi", true, 2) + obfuscate(t, want.String()[4:], false, 2)
		text := rapid.SampledFrom([]string{
			"$${" + obfuscated + "}",
			"${" + obfuscated,
			"${ " + obfuscated + "}",
			"${jndi " + obfuscate(t, want.String()[4:], false, 2) + "}",
			"${${base64:" + base64.StdEncoding.EncodeToString([]byte("jndi")) + "}" + want.String()[4:] + "}",
			"${${Base64:" + base64.RawURLEncoding.EncodeToString([]byte("${"+want.String()+"}")) + "}}",
			"${jn${date:d:-d}i" + want.String()[4:] + "}",
		}).Draw(t, "attempt")
		if rapid.Bool().Draw(t, "encoded") {
			text = encode(t, text)
		}
		found, complete := Find([]byte(text), &Budget{Left: 16 << 20})
		if !complete || len(found) != 1 || !same(found[0], want) || found[0].Fires {
			t.Errorf("%v in\n%s\nis %+v (complete %v)", want, text, found, complete)
		}
	})
}

// TestOrdinaryTextHoldsNone: braces, lookups and encodings make no attempt, as long as they do not spell the word.
func TestOrdinaryTextHoldsNone(t *testing.T) {
	words := []string{"${", "}", "$", "{", "%24", "%7B", `\u0024`, "&#36;", "lower:", "upper:", "env:X", ":-", "host", "GET / HTTP/1.1\r\n", "a", " ", "/",
		"sys:os.name", "date:yyyy", "java:x", "jnd", "ldap://h/a", "script", "url", "dns"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 40).Draw(t, "words"), "")
		if found, _ := Find([]byte(text), &Budget{Left: enough}); len(found) > 0 {
			t.Errorf("%q: %+v", text, found)
		}
	})
}
