package lake

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"time"
)

// placed is an event with what says where its place is: its partition, then the table's order. It is small, since sorting moves
// it about: of the region there is the place among all regions, of the source the first bytes of its text, which for an IPv4
// address are all.
type placed struct {
	day    int32
	region int32
	port   uint16
	source [2]uint64
	event  *event
}

// arrangeEvents brings events into the order of the table, a run for each day.
func arrangeEvents(rows []*event) (runs [][]*event) {
	regions := rankRegions(rows)
	places := make([]placed, len(rows))
	var text [64]byte
	for i, e := range rows {
		clear(text[:16])
		appendAddr(text[:0], e.Source.Addr())
		source := [2]uint64{binary.BigEndian.Uint64(text[:8]), binary.BigEndian.Uint64(text[8:16])}
		places[i] = placed{dayOf(e.Time), regions[e.Region], e.Destination.Port(), source, e}
	}
	slices.SortFunc(places, comparePlaces)
	sorted := make([]*event, len(places))
	begin := 0
	for i := range places {
		sorted[i] = places[i].event
		if i > 0 && places[i].day != places[i-1].day {
			runs, begin = append(runs, sorted[begin:i]), i
		}
	}
	return append(runs, sorted[begin:])
}

// rankRegions numbers the regions of the rows in their order.
func rankRegions(rows []*event) map[string]int32 {
	ranks := map[string]int32{}
	for _, e := range rows {
		ranks[e.Region] = 0
	}
	for i, region := range slices.Sorted(maps.Keys(ranks)) {
		ranks[region] = int32(i)
	}
	return ranks
}

func comparePlaces(a, b placed) int {
	switch {
	case a.day != b.day:
		return cmp.Compare(a.day, b.day)
	case a.region != b.region:
		return cmp.Compare(a.region, b.region)
	case a.port != b.port:
		return cmp.Compare(a.port, b.port)
	case a.source[0] != b.source[0]:
		return cmp.Compare(a.source[0], b.source[0])
	case a.source[1] != b.source[1]:
		return cmp.Compare(a.source[1], b.source[1])
	case a.event.Source.Addr() == b.event.Source.Addr():
		return 0
	}
	return bytes.Compare(appendAddr(nil, a.event.Source.Addr()), appendAddr(nil, b.event.Source.Addr()))
}

// dayOf counts days from 1970, as Iceberg's transform does.
func dayOf(t time.Time) int32 {
	const day = 24 * 60 * 60
	s := t.Unix()
	if s < 0 {
		s -= day - 1
	}
	return int32(s / day)
}
