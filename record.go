package terroir

// Record is one thing that a sensor numbered and sent, or that an import read: exactly one of its pointers is set.
type Record struct {
	Event *Event
	// Payload holds the kept bytes of Event's payload; nil for every other record. Transcript those of its transcript.
	Payload, Transcript []byte

	Loss         *Loss
	Heartbeat    *Heartbeat
	Announcement *Announcement
}

// Position returns the position of whatever the record holds, or nil for an empty record. The caller may set it.
func (r *Record) Position() *Position {
	switch {
	case r.Event != nil:
		return &r.Event.Position
	case r.Loss != nil:
		return &r.Loss.Position
	case r.Heartbeat != nil:
		return &r.Heartbeat.Position
	case r.Announcement != nil:
		return &r.Announcement.Position
	}
	return nil
}
