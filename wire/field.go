package wire

import (
	"bytes"
	"math"
	"net/netip"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is the value of one field as it lies in the message: a number or bytes.
type field struct {
	typ protowire.Type
	num uint64
	raw []byte
}

// fields calls f with each field of the message. Fields of types that terroir does not use are skipped.
func fields(b []byte, f func(protowire.Number, field) error) error {
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeTag(b)
		if size < 0 {
			return invalid("malformed: %v", protowire.ParseError(size))
		}
		b = b[size:]
		v := field{typ: typ}
		switch typ {
		case protowire.VarintType:
			v.num, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			v.raw, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(n, typ, b)
		}
		if size < 0 {
			return invalid("malformed: %v", protowire.ParseError(size))
		}
		b = b[size:]
		if typ != protowire.VarintType && typ != protowire.BytesType {
			continue
		}
		if err := f(n, v); err != nil {
			return err
		}
	}
	return nil
}

func (f field) uint() (uint64, error) {
	if f.typ != protowire.VarintType {
		return 0, invalid("bytes where a number is wanted")
	}
	return f.num, nil
}

func (f field) int() (int64, error) {
	n, err := f.uint()
	return protowire.DecodeZigZag(n), err
}

func (f field) bool() (bool, error) {
	n, err := f.uint()
	return n != 0, err
}

func (f field) uint16() (uint16, error) {
	n, err := f.uint()
	if n > math.MaxUint16 {
		return 0, invalid("%d is not a port", n)
	}
	return uint16(n), err
}

func (f field) int32() (int32, error) {
	n, err := f.int()
	if n > math.MaxInt32 || n < math.MinInt32 {
		return 0, invalid("%d is too large", n)
	}
	return int32(n), err
}

func (f field) bytes(limit int) ([]byte, error) {
	if f.typ != protowire.BytesType {
		return nil, invalid("a number where bytes are wanted")
	}
	if len(f.raw) > limit {
		return nil, invalid("%d bytes, at most %d are allowed", len(f.raw), limit)
	}
	return bytes.Clone(f.raw), nil
}

func (f field) string() (string, error) {
	if f.typ != protowire.BytesType {
		return "", invalid("a number where text is wanted")
	}
	if len(f.raw) > maxString {
		return "", invalid("a text of %d bytes, at most %d are allowed", len(f.raw), maxString)
	}
	return text(string(f.raw)), nil
}

// stringOr is string, and known itself where the text is the same: a text that was read needs no second look, nor new memory.
func (f field) stringOr(known string) (string, error) {
	if f.typ == protowire.BytesType && string(f.raw) == known {
		return known, nil
	}
	return f.string()
}

func (f field) addr() (netip.Addr, error) {
	if f.typ != protowire.BytesType {
		return netip.Addr{}, invalid("a number where an address is wanted")
	}
	a, ok := netip.AddrFromSlice(f.raw)
	if !ok {
		return a, invalid("an address of %d bytes", len(f.raw))
	}
	return a.Unmap(), nil
}

func (f field) time() (time.Time, error) {
	n, err := f.int()
	if err != nil {
		return time.Time{}, err
	}
	return timeOf(n)
}

func (f field) duration() (time.Duration, error) {
	n, err := f.int()
	if err != nil {
		return 0, err
	}
	return durationOf(n)
}

func (f field) message(read func(protowire.Number, field) error) error {
	if f.typ != protowire.BytesType {
		return invalid("a number where a message is wanted")
	}
	return fields(f.raw, read)
}
