package wire

import (
	"google.golang.org/protobuf/encoding/protowire"

	"terroir"
)

func writeLoss(w *writer, l *terroir.Loss) {
	w.time(1, l.Time)
	w.string(2, l.Stage)
	w.string(3, l.Reason)
	w.int(4, min(l.Attempts, terroir.MaxAttempts))
}

func readLoss(l *terroir.Loss, n protowire.Number, f field) (err error) {
	switch n {
	case 1:
		l.Time, err = f.time()
	case 2:
		l.Stage, err = f.string()
	case 3:
		l.Reason, err = f.string()
	case 4:
		l.Attempts, err = f.int()
	}
	return err
}

func writeHeartbeat(w *writer, h *terroir.Heartbeat) {
	w.time(1, h.Time)
	w.duration(2, h.Interval)
	w.string(3, h.Region)
	w.int(4, int64(h.Revision))
	w.bool(5, h.Tap)
	w.uint(6, h.Serial)
	w.uint(7, h.Refusal.Serial)
	w.string(8, h.Refusal.Reason)
}

func readHeartbeat(h *terroir.Heartbeat, n protowire.Number, f field) (err error) {
	switch n {
	case 1:
		h.Time, err = f.time()
	case 2:
		h.Interval, err = f.duration()
	case 3:
		h.Region, err = f.string()
	case 4:
		h.Revision, err = f.int32()
	case 5:
		h.Tap, err = f.bool()
	case 6:
		h.Serial, err = f.uint()
	case 7:
		h.Refusal.Serial, err = f.uint()
	case 8:
		h.Refusal.Reason, err = f.string()
		h.Refusal.Reason = terroir.ShortReason(h.Refusal.Reason)
	}
	return err
}

func writeAnnouncement(w *writer, a *terroir.Announcement) {
	w.time(1, a.Time)
	w.string(2, a.Region)
	w.string(3, a.Version)
	for _, addr := range a.Addresses {
		w.addr(4, addr)
	}
	w.string(5, a.Configuration.Theme)
	w.int(6, int64(a.Configuration.Revision))
	for _, p := range a.Configuration.Ports {
		w.message(7, func(w *writer) {
			w.uint(1, uint64(p.Transport))
			w.uint(2, uint64(p.Port))
			w.string(3, p.Service)
			w.bool(4, p.TLS)
			w.string(5, p.Persona)
			w.bool(6, p.Proxy)
		})
	}
	w.uint(8, a.Serial)
}

func readAnnouncement(a *terroir.Announcement, n protowire.Number, f field) (err error) {
	switch n {
	case 1:
		a.Time, err = f.time()
	case 2:
		a.Region, err = f.string()
	case 3:
		a.Version, err = f.string()
	case 4:
		if len(a.Addresses) >= maxList {
			return invalid("more than %d addresses", maxList)
		}
		addr, err := f.addr()
		a.Addresses = append(a.Addresses, addr)
		return err
	case 5:
		a.Configuration.Theme, err = f.string()
	case 6:
		a.Configuration.Revision, err = f.int32()
	case 7:
		return readServed(a, f)
	case 8:
		a.Serial, err = f.uint()
	}
	return err
}

func readServed(a *terroir.Announcement, f field) error {
	// Twice the number of ports that exist: every port on TCP and UDP.
	if len(a.Configuration.Ports) >= 2*maxList {
		return invalid("more than %d served ports", 2*maxList)
	}
	var p terroir.ServedPort
	err := f.message(func(n protowire.Number, f field) (err error) {
		switch n {
		case 1:
			p.Transport, err = name(f, terroir.Transport.String)
		case 2:
			p.Port, err = f.uint16()
		case 3:
			p.Service, err = f.string()
		case 4:
			p.TLS, err = f.bool()
		case 5:
			p.Persona, err = f.string()
		case 6:
			p.Proxy, err = f.bool()
		}
		return err
	})
	if p.Transport != unknownName { // What a later version serves, nobody here can know.
		a.Configuration.Ports = append(a.Configuration.Ports, p)
	}
	return err
}
