package inspect

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"terroir"
	"terroir/lake"
	"terroir/payload"
	"terroir/query"
	"terroir/views"
)

// Payload is a payload and what analysis found in it.
type Payload struct {
	// ID, Template and Family are ids in hexadecimal; Family is "" as long as the payload was not grouped.
	ID       string `json:"payload_id"`
	Template string `json:"template_id"`
	Family   string `json:"family_id,omitempty"`
	// Vehicle and Cargo are the two parts of the family's name.
	Vehicle   string         `json:"vehicle,omitempty"`
	Cargo     string         `json:"cargo,omitempty"`
	AppProto  string         `json:"app_proto,omitempty"`
	Label     string         `json:"label,omitempty"`
	Tags      []string       `json:"tags,omitempty"`
	UserAgent string         `json:"user_agent,omitempty"`
	Scanner   string         `json:"scanner,omitempty"`
	Steps     []terroir.Step `json:"steps"`
	// Bytes are what the client sent, as far as they were kept. Masked says that a sensor's own address stood there and was
	// replaced.
	Bytes  []byte `json:"bytes"`
	Masked bool   `json:"masked,omitempty"`
}

// FindPayload looks a payload up by its id, or by the beginning of it. Addresses of sensors are secret: they are replaced in
// bytes and steps, unless the bytes are asked for as they are.
//
// An id that is none yields an EINVALID error, one that is not there ENOTFOUND.
func FindPayload(ctx context.Context, e query.Engine, id string, asTheyAre bool) (*Payload, error) {
	condition, id, err := match("p.payload_id", "payload", id)
	if err != nil {
		return nil, err
	}
	row, err := one(ctx, e, "payload", id, "WITH "+views.Grouped+`
SELECT p.payload_id, to_hex(p.bytes), f.template_id, f.app_proto, f.label, f.tags, f.user_agent, f.scanner, f.steps,
  g.family_id, g.vehicle, g.cargo
FROM payloads p
LEFT JOIN payload_facts f ON f.payload_id = p.payload_id
LEFT JOIN grouped g ON g.template_id = f.template_id
WHERE `+condition+" LIMIT 2")
	if err != nil {
		return nil, err
	}
	p := &Payload{ID: text(row[0]), Template: text(row[2]), AppProto: text(row[3]), Label: text(row[4]), Tags: strings.Fields(text(row[5])),
		UserAgent: text(row[6]), Scanner: text(row[7]), Steps: []terroir.Step{}, Family: text(row[9]), Vehicle: text(row[10]), Cargo: text(row[11])}
	if p.Bytes, err = hex.DecodeString(text(row[1])); err != nil {
		return nil, fmt.Errorf("inspect: payload %s: %w", id, err)
	}
	if steps := text(row[8]); steps != "" {
		if err := json.Unmarshal([]byte(steps), &p.Steps); err != nil {
			return nil, fmt.Errorf("inspect: steps of payload %s: %w", id, err)
		}
	}
	if asTheyAre {
		return p, nil
	}
	return p, p.mask(ctx, e)
}

// mask replaces the addresses of sensors: of those that announced themselves, and of those that the payload was sent to.
func (p *Payload) mask(ctx context.Context, e query.Engine) error {
	r, err := e.Query(ctx, "SELECT DISTINCT addresses FROM sensors WHERE addresses IS NOT NULL UNION SELECT DISTINCT dst_ip FROM events WHERE payload_id = '"+
		p.ID+"' AND dst_ip IS NOT NULL")
	if err != nil {
		return err
	}
	var self payload.Self
	for _, row := range r.Rows {
		self.Addrs = append(self.Addrs, lake.Addresses(text(row[0]))...)
	}
	mask := payload.NewMask(self)
	masked := mask.Bytes(p.Bytes)
	p.Masked, p.Bytes = !bytes.Equal(masked, p.Bytes), masked
	for _, t := range []*string{&p.Label, &p.UserAgent, &p.Vehicle, &p.Cargo} {
		*t = mask.Text(*t)
	}
	for i := range p.Steps {
		p.Steps[i].Text, p.Steps[i].Note = mask.Text(p.Steps[i].Text), mask.Text(p.Steps[i].Note)
	}
	return nil
}
