package indicator

import (
	"encoding/base64"
	"strings"

	"golang.org/x/crypto/ssh"
)

var keyTypes = []string{"ssh-rsa ", "ssh-ed25519 ", "ssh-dss ", "ecdsa-sha2-nistp"}

// keys finds public keys as authorized_keys has them. Their value is the SHA-256 fingerprint as OpenSSH prints it.
func (f *finder) keys() {
	for _, typ := range keyTypes {
		for at := 0; ; {
			i := strings.Index(f.text[at:], typ)
			if i < 0 {
				break
			}
			begin := at + i
			at = begin + len(typ)
			data := f.text[at:]
			if typ[len(typ)-1] != ' ' {
				if len(data) < 4 || data[3] != ' ' {
					continue
				}
				data, at = data[4:], at+4
			}
			n := 0
			for n < len(data) && (alphanumeric(data[n]) || strings.IndexByte("+/=", data[n]) >= 0) {
				n++
			}
			f.key(data[:n], span{begin, at + n})
			at += n
		}
	}
}

func (f *finder) key(text string, at span) {
	if n := strings.Index(text, "=="); n >= 0 {
		text = text[:n]
	}
	blob, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return
	}
	if key, err := ssh.ParsePublicKey(blob); err == nil {
		f.add("ssh_key", ssh.FingerprintSHA256(key), "", at)
	}
}
