package skeleton

import (
	"strings"
	"unicode/utf8"
)

// writer collects a part. When it is full, what comes further is left out.
type writer struct {
	out   []byte
	slots []Filled
	// like is what is compared, and name what a person is told, where that is not out.
	like, name []byte
	// brief says that no argument is taken apart.
	brief bool
}

func (w *writer) part(specific bool) Part {
	text := strings.TrimRight(string(w.out), "\n ")
	return Part{Text: text, Like: string(w.like), Name: strings.TrimRight(string(w.name), "\n "), Slots: w.slots, Specific: specific}
}

func (w *writer) full() bool { return len(w.out) >= MaxText-16 }

// slot writes a slot and keeps its value.
func (w *writer) slot(s Slot, value []byte) {
	if w.full() {
		return
	}
	w.out = append(w.out, byte(s))
	w.slots = append(w.slots, Filled{s, string(value[:min(len(value), maxValue)])})
}

// more adds a further value to the last slot.
func (w *writer) more(value []byte) {
	if n := len(w.slots); n > 0 {
		if last := &w.slots[n-1]; len(last.Value)+1+len(value) <= maxValue {
			last.Value += " " + string(value)
		}
	}
}

// text writes what stays. Control characters, and bytes that are no text, are written as \xNN.
func (w *writer) text(s string) {
	for len(s) > 0 && !w.full() {
		r, size := utf8.DecodeRuneInString(s)
		if s[0] < ' ' || s[0] == 0x7f || r == utf8.RuneError && size == 1 {
			w.hex(s[0])
		} else {
			w.out = append(w.out, s[:size]...)
		}
		s = s[size:]
	}
}

const digits = "0123456789abcdef"

func (w *writer) hex(c byte) {
	if !w.full() {
		w.out = append(w.out, '\\', 'x', digits[c>>4], digits[c&15])
	}
}

// line ends the line, unless it is empty.
func (w *writer) line() {
	if n := len(w.out); n > 0 && w.out[n-1] != '\n' && !w.full() {
		w.out = append(w.out, '\n')
	}
}

// space writes one blank, unless one stands there.
func (w *writer) space() {
	if n := len(w.out); n > 0 && w.out[n-1] != '\n' && w.out[n-1] != ' ' && !w.full() {
		w.out = append(w.out, ' ')
	}
}
