package lake

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// placed is an event with what says where its place is: its partition, then the table's order.
type placed struct {
	day            int64
	region, source string
	port           uint16
	event          *event
}

// arrangeEvents brings events into the order of the table, a run for each day.
func arrangeEvents(rows []*event) (runs [][]*event) {
	places := make([]placed, len(rows))
	for i, e := range rows {
		places[i] = placed{dayOf(e.Time), e.Region, e.Source.Addr().Unmap().String(), e.Destination.Port(), e}
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

func comparePlaces(a, b placed) int {
	switch {
	case a.day != b.day:
		return cmp.Compare(a.day, b.day)
	case a.region != b.region:
		return strings.Compare(a.region, b.region)
	case a.port != b.port:
		return cmp.Compare(a.port, b.port)
	}
	return strings.Compare(a.source, b.source)
}

// dayOf counts days from 1970, as Iceberg's transform does.
func dayOf(t time.Time) int64 {
	const day = 24 * 60 * 60
	s := t.Unix()
	if s < 0 {
		s -= day - 1
	}
	return s / day
}
