// Package skeleton takes a template apart by its protocol: what stays, and typed slots for what changes from one run of a
// tool to the next. Two templates with one skeleton differ in the values of slots only. Parsing is bounded in input and
// output, and depends on nothing but the bytes.
package skeleton

import (
	"strings"

	"terroir"
)

// Slot is the type of what stands in a place that varies. In the text of a part a slot is one byte, so that its name
// weighs nothing when texts are compared.
type Slot byte

// The slots. Control characters of a payload never stand in a part's text as such, so these bytes are free.
const (
	_ Slot = iota
	// Value is any value: a path, a name, a password.
	Value
	// String is a longer text.
	String
	Number
	Address
	URL
	Base64
	Hex
	UUID
	Time
	newline
	// Self is what names the sensor.
	Self
	// Cargo is where the vehicle carries the command.
	Cargo
	// Binary is a run of bytes without meaning to this package.
	Binary
	slots
)

// Slots is a number above every slot's.
const Slots = int(slots)

var slotNames = [slots]string{Value: "<V>", String: "<S>", Number: "<N>", Address: "<IP>", URL: "<URL>", Base64: "<B64>", Hex: "<HEX>", UUID: "<UUID>",
	Time: "<TIME>", newline: "\n", Self: "<SELF>", Cargo: "<CARGO>", Binary: "<BIN>"}

// String is the slot's name, such as "<IP>"; "" when there is no such slot.
func (s Slot) String() string {
	if s < slots {
		return slotNames[s]
	}
	return ""
}

// Filled is a slot with what stood in it.
type Filled struct {
	Slot  Slot
	Value string
}

// Part is the skeleton of a vehicle or of a cargo.
type Part struct {
	// Text is what stays, with a byte of type Slot in each place that varies, at most MaxText bytes. Lines are the units that a
	// protocol has: commands, headers.
	Text string
	// Like is the text that is compared with others, where it is not Text: that of a command leaves out what only shapes its output.
	Like string
	// Name is what of the text tells a person what it is, where that is not all: of a request what it asks for, and what it carries.
	Name string
	// Slots are the slots of Text from left to right, with the first bytes of their values.
	Slots []Filled
	// Specific says that a parser of the protocol understood it; otherwise it is text or bytes in general.
	Specific bool
	// Noise says that the bytes look random: there is nothing in which one could be like another.
	Noise bool
}

// Compared is the text by which the part is compared with others.
func (p *Part) Compared() string {
	if p.Like != "" {
		return p.Like
	}
	return p.Text
}

// Skeleton is a template taken apart.
type Skeleton struct {
	Vehicle Part
	// Cargo has an empty text when the template carries nothing.
	Cargo Part
}

// Bounds: of the input that is looked at, of a part's text, and of a value that is kept, in bytes.
const (
	MaxInput = 8 << 10
	MaxText  = 4 << 10
	maxValue = 256
)

// Parse takes a template apart.
func Parse(t *terroir.Template) Skeleton {
	text := t.Text[:min(len(t.Text), MaxInput)]
	cargo := t.Cargo[:min(len(t.Cargo), MaxInput)]
	var s Skeleton
	if len(cargo) > 0 {
		text = replaceCargo(text, cargo)
		s.Cargo = command(cargo)
	}
	w := &writer{}
	if parse := parsers[t.AppProto]; parse != nil && parse(w, text) {
		s.Vehicle = w.part(true)
		return s
	}
	w = &writer{}
	noise := w.general(text)
	s.Vehicle = w.part(false)
	s.Vehicle.Noise = noise
	return s
}

// parsers take a payload of a protocol apart; false when they do not understand it.
var parsers = map[string]func(*writer, []byte) bool{
	"http": (*writer).http, "http-proxy": (*writer).http, "rtsp": (*writer).http, "sip": (*writer).http, "ssdp": (*writer).http,
	"docker": (*writer).http, "kubernetes": (*writer).http, "etcd": (*writer).http, "elasticsearch": (*writer).http, "jupyter": (*writer).http,
	"redis": (*writer).redis, "memcached": (*writer).lines, "tls": (*writer).tls, "rdp": (*writer).rdp, "postgresql": (*writer).postgresql,
	"ssh": (*writer).ssh, "mqtt": (*writer).mqtt, "amqp": (*writer).amqp, "ldap": (*writer).ldap, "dns": (*writer).dns,
	"socks": (*writer).socks, "smb": (*writer).smb, "telnet": (*writer).telnet, "tn3270": (*writer).telnet,
}

// Show is a part's text for people: slots by their names.
func Show(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if s := Slot(text[i]); s < slots {
			b.WriteString(slotNames[s])
		} else {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}
