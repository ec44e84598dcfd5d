package indicator

import (
	"crypto/sha256"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/sha3"
)

// runs looks at every run of letters and digits of a length that hashes and wallets have.
func (f *finder) runs() {
	s := f.text
	for i := 0; i < len(s); {
		if !alphanumeric(s[i]) {
			i++
			continue
		}
		end := i
		for end < len(s) && alphanumeric(s[end]) {
			end++
		}
		if end-i >= 26 && end-i <= 106 {
			f.run(s[i:end], span{i, end})
		}
		i = end
	}
}

func (f *finder) run(word string, at span) {
	switch {
	case f.isTaken(at) && f.inHost(at):
	case isHex(word) && hashTypes[len(word)] != "":
		if f.calledHash(at, hashTypes[len(word)]) {
			f.add(hashTypes[len(word)], strings.ToLower(word), "", at)
		}
	case len(word) == 42 && strings.HasPrefix(word, "0x") && isHex(word[2:]):
		if f.mines() || strings.Contains(strings.ToLower(f.text[max(0, at.begin-32):at.begin]), "wallet") {
			f.add("wallet", word, "", at)
		}
	case isBitcoin(word) || isBech32(word) || isMonero(word):
		f.add("wallet", word, "", at)
	}
}

// inHost reports whether what was found around the part is not a URL whose path or query may hold a wallet.
func (f *finder) inHost(at span) bool {
	for _, t := range f.taken {
		if at.begin >= t.begin && at.end <= t.end {
			return !strings.Contains(f.text[t.begin:at.begin], "://")
		}
	}
	return true
}

// hashTypes names hashes by the length of their text.
var hashTypes = map[int]string{32: "md5", 40: "sha1", 64: "sha256"}

func isHex(s string) bool {
	for i := range len(s) {
		if !hexDigit(s[i]) {
			return false
		}
	}
	return true
}

// calledHash reports whether the text right before the run, or a command for checking on its line, says that it is a hash of this type.
func (f *finder) calledHash(at span, typ string) bool {
	s := f.text
	if at.begin > 0 && strings.IndexByte("-_/+%", s[at.begin-1]) >= 0 || at.end < len(s) && strings.IndexByte("-_/+=%", s[at.end]) >= 0 ||
		f.isTaken(at) || f.header(at.begin, "cookie", "authorization", "proxy-authorization", "set-cookie", "etag", "if-none-match") {
		return false
	}
	line := strings.ToLower(s[max(strings.LastIndexByte(s[:at.begin], '\n')+1, at.begin-28):at.begin])
	for _, word := range []string{typ, strings.Replace(typ, "sha", "sha-", 1), "hash", "checksum", "digest"} {
		i := strings.LastIndex(line, word)
		if i < 0 || i > 0 && letter(line[i-1]) && word == "digest" {
			continue
		}
		if rest := line[i+len(word):]; !strings.ContainsAny(rest, ",;&|{}<") {
			return true
		}
	}
	end := strings.IndexByte(s[at.end:min(len(s), at.end+160)], '\n')
	if end < 0 {
		end = min(len(s), at.end+160) - at.end
	}
	return strings.Contains(s[at.end:at.end+end], typ+"sum")
}

// aboutMining reports whether the text is about mining.
func (f *finder) aboutMining() bool {
	for _, w := range []string{"stratum", "xmrig", "--donate-level", "ethminer", "ethash", "nanominer", "--wallet", "\"wallet\"", "minerd", "cpuminer", "lolMiner", "t-rex", "nbminer", "\"pools\"", "--coin"} {
		if strings.Contains(f.text, w) {
			return true
		}
	}
	return false
}

const base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// isBitcoin reports whether the text is a Bitcoin address in base58check: version, 20 bytes, and four bytes of a double SHA-256
// (https://en.bitcoin.it/wiki/Base58Check_encoding).
func isBitcoin(s string) bool {
	if len(s) < 26 || len(s) > 35 || s[0] != '1' && s[0] != '3' {
		return false
	}
	b, ok := base58(s, 25)
	if !ok || b[0] != 0 && b[0] != 5 || b[0] == 0 != (s[0] == '1') {
		return false
	}
	first := sha256.Sum256(b[:21])
	second := sha256.Sum256(first[:])
	return [4]byte(second[:4]) == [4]byte(b[21:])
}

// base58 decodes to exactly n bytes.
func base58(s string, n int) ([]byte, bool) {
	number, base := new(big.Int), big.NewInt(58)
	for i := range len(s) {
		d := strings.IndexByte(base58Digits, s[i])
		if d < 0 {
			return nil, false
		}
		number.Add(number.Mul(number, base), big.NewInt(int64(d)))
	}
	if number.BitLen() > n*8 {
		return nil, false
	}
	return number.FillBytes(make([]byte, n)), true
}

// isMonero reports whether the text is a Monero address (standard, sub- or integrated): base58 in blocks of 8 bytes, the network's byte,
// and four bytes of Keccak-256 (https://docs.getmonero.org/public-address/standard-address/).
func isMonero(s string) bool {
	if len(s) != 95 && len(s) != 106 || s[0] != '4' && s[0] != '8' {
		return false
	}
	var b []byte
	for len(s) > 0 {
		chars, size := min(11, len(s)), 8
		if chars == 7 {
			size = 5
		}
		block, ok := base58(s[:chars], size)
		if !ok {
			return false
		}
		b, s = append(b, block...), s[chars:]
	}
	if b[0] != 18 && b[0] != 19 && b[0] != 42 {
		return false
	}
	h := sha3.NewLegacyKeccak256()
	h.Write(b[:len(b)-4])
	return slices.Equal(h.Sum(nil)[:4], b[len(b)-4:])
}

// isBech32 reports whether the text is a Bitcoin address in bech32 or bech32m (BIP 173, BIP 350).
func isBech32(s string) bool {
	const digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	if s = strings.ToLower(s); len(s) < 42 || len(s) > 62 || !strings.HasPrefix(s, "bc1") {
		return false
	}
	check := uint32(1)
	step := func(v byte) {
		top := check >> 25
		check = check&0x1ffffff<<5 ^ uint32(v)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				check ^= g
			}
		}
	}
	for _, v := range [5]byte{'b' >> 5, 'c' >> 5, 0, 'b' & 31, 'c' & 31} {
		step(v)
	}
	for i := 3; i < len(s); i++ {
		d := strings.IndexByte(digits, s[i])
		if d < 0 {
			return false
		}
		step(byte(d))
	}
	return check == 1 || check == 0x2bc830a3
}
