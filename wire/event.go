package wire

import (
	"net/netip"

	"google.golang.org/protobuf/encoding/protowire"

	"terroir"
)

func writeEvent(w *writer, e *terroir.Event, cut bool) {
	w.time(1, e.Time)
	w.duration(2, e.Duration)
	w.string(3, e.Region)
	w.int(4, int64(e.Revision))
	w.uint(5, uint64(e.Kind))
	w.uint(6, uint64(e.Transport))
	w.addr(7, e.Source.Addr())
	w.uint(8, uint64(e.Source.Port()))
	w.addr(9, e.Destination.Addr())
	w.uint(10, uint64(e.Destination.Port()))
	w.int(11, min(e.Attempts, terroir.MaxAttempts))
	w.int(12, e.SourceBytes)
	w.bool(13, e.Truncated || cut)
	w.uint(14, uint64(e.Close))
	w.string(15, e.AppProto)
	w.string(16, e.TLS.Version)
	w.string(17, e.TLS.SNI)
	w.string(18, e.TLS.ALPN)
	w.string(19, e.TLS.JA3)
	w.string(20, e.TLS.JA4)
	w.string(21, e.TCPSignature)
	w.string(22, e.Tool)
	w.bool(23, e.Explored)
}

// readEvent reads a field of e. before is the event before it, or e: a text that is the same is that one's.
func readEvent(e, before *terroir.Event, n protowire.Number, f field) (err error) {
	switch n {
	case 1:
		e.Time, err = f.time()
	case 2:
		e.Duration, err = f.duration()
	case 3:
		e.Region, err = f.stringOr(before.Region)
	case 4:
		e.Revision, err = f.int32()
	case 5:
		e.Kind, err = name(f, terroir.Kind.String)
	case 6:
		e.Transport, err = name(f, terroir.Transport.String)
	case 7, 8:
		e.Source, err = end(e.Source, f, n == 7)
	case 9, 10:
		e.Destination, err = end(e.Destination, f, n == 9)
	case 11:
		e.Attempts, err = f.int()
	case 12:
		e.SourceBytes, err = f.int()
	case 13:
		e.Truncated, err = f.bool()
	case 14:
		if e.Close, err = name(f, terroir.Close.String); e.Close == unknownName {
			e.Close = 0
		}
	case 23:
		e.Explored, err = f.bool()
	default:
		return readEventText(e, before, n, f)
	}
	return err
}

func readEventText(e, before *terroir.Event, n protowire.Number, f field) (err error) {
	switch n {
	case 15:
		e.AppProto, err = f.stringOr(before.AppProto)
	case 16:
		e.TLS.Version, err = f.stringOr(before.TLS.Version)
	case 17:
		e.TLS.SNI, err = f.stringOr(before.TLS.SNI)
	case 18:
		e.TLS.ALPN, err = f.stringOr(before.TLS.ALPN)
	case 19:
		e.TLS.JA3, err = f.stringOr(before.TLS.JA3)
	case 20:
		e.TLS.JA4, err = f.stringOr(before.TLS.JA4)
	case 21:
		e.TCPSignature, err = f.stringOr(before.TCPSignature)
	case 22:
		e.Tool, err = f.stringOr(before.Tool)
	}
	return err
}

// name reads a number that has a name, or unknownName for one that may have a name in a later version.
func name[T ~uint8](f field, text func(T) string) (T, error) {
	n, err := f.uint()
	if n > unknownName || n > 0 && text(T(n)) == "" {
		return unknownName, err
	}
	return T(n), err
}

// end sets address or port of one end.
func end(p netip.AddrPort, f field, addr bool) (netip.AddrPort, error) {
	if addr {
		a, err := f.addr()
		return netip.AddrPortFrom(a, p.Port()), err
	}
	port, err := f.uint16()
	return netip.AddrPortFrom(p.Addr(), port), err
}
