package simulate

import "encoding/binary"

// record wraps the body of a ClientHello in handshake and record headers (RFC 5246 §6.2, §7.4).
func record(body []byte) []byte {
	b := []byte{22, 3, 1, 0, 0, 1, 0, 0, 0}
	binary.BigEndian.PutUint16(b[3:], uint16(len(body)+4))
	binary.BigEndian.PutUint16(b[7:], uint16(len(body)))
	return append(b, body...)
}

// rdp is an X.224 connection request with a cookie ([MS-RDPBCGR] §2.2.1.1).
func rdp(user string) []byte {
	cookie := "Cookie: mstshash=" + user + "\r\n\x01\x00\x08\x00\x03\x00\x00\x00"
	b := []byte{3, 0, 0, byte(11 + len(cookie)), byte(6 + len(cookie)), 0xe0, 0, 0, 0, 0, 0}
	return append(b, cookie...)
}

// smb is a negotiate request of SMB 1 ([MS-CIFS] §2.2.4.52).
func smb(v int) []byte {
	dialect := "\x02NT LM 0.12\x00"
	if v > 0 {
		dialect = "\x02SMB 2.002\x00" + dialect
	}
	b := append([]byte{0, 0, 0, 0}, "\xffSMB\x72\x00\x00\x00\x00\x18\x53\xc8\x00\x00"...)
	b = append(b, make([]byte, 18)...)
	b = append(b, 0, byte(len(dialect)), 0)
	b = append(b, dialect...)
	b[3] = byte(len(b) - 4)
	return b
}

// pgStartup is a startup message of protocol 3.0 (PostgreSQL documentation, "Message Formats").
func pgStartup(user string) []byte {
	body := "user\x00" + user + "\x00database\x00postgres\x00\x00"
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	b = binary.BigEndian.AppendUint32(b, 196608)
	return append(b, body...)
}

// extension is one extension of a hello.
func extension(typ uint16, body ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, typ)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return append(b, body...)
}
