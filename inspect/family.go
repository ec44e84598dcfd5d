package inspect

import (
	"context"

	"terroir/query"
	"terroir/views"
)

// Family is a family of payloads.
type Family struct {
	ID      string `json:"family_id"`
	Vehicle string `json:"vehicle"`
	Cargo   string `json:"cargo,omitempty"`
	// Example is a payload of the family: of those with most events the one with the smallest id.
	Example string `json:"payload_id"`
	// Name is vehicle and cargo, with the tokens that set the family apart from others. What follows is empty while the family
	// is not described.
	Name      string `json:"name,omitempty"`
	Templates int    `json:"templates,omitempty"`
	// Pieces are what most of the family's payloads share, with the slots between; those of the cargo begin at CargoFrom, which is
	// 0 where there is none. Neighbours are the families most like it.
	Pieces     []Piece     `json:"pieces,omitempty"`
	CargoFrom  int         `json:"cargo_from,omitempty"`
	Neighbours []Neighbour `json:"neighbours,omitempty"`
}

// Piece is a part of what the members of a family share: their own bytes, or a slot in which they differ.
type Piece struct {
	Text string `json:"text"`
	// Slot says that the text is the slot's name. Values are some of what stands there, the most frequent first, of Distinct.
	Slot     bool     `json:"slot,omitempty"`
	Values   []string `json:"values,omitempty"`
	Distinct int      `json:"distinct,omitempty"`
}

// Neighbour is a family like another.
type Neighbour struct {
	ID   string `json:"family_id"`
	Name string `json:"name"`
	// Similarity is from 0 to 1.
	Similarity float64 `json:"similarity"`
	// Shared are tokens of both.
	Shared []string `json:"shared,omitempty"`
}

// NameOf is the name of a family by its two parts.
func NameOf(vehicle, cargo string) string {
	if cargo == "" {
		return vehicle
	}
	return vehicle + " × " + cargo
}

// FindFamily looks a family up by its id, by the id of any of its templates, or by the beginning of such an id. So a former
// id of a family that grew leads to it.
//
// An id that is none yields an EINVALID error, one that is not there ENOTFOUND.
func FindFamily(ctx context.Context, e query.Engine, id string) (*Family, error) {
	condition, id, err := match("template_id", "family", id)
	if err != nil {
		return nil, err
	}
	row, err := one(ctx, e, "family", id, "WITH "+views.Grouped+`,
chosen AS (
  SELECT DISTINCT family_id FROM grouped WHERE `+condition+`
),
sent AS (
  SELECT h.family_id, e.payload_id, count(*) AS n
  FROM grouped h
  JOIN chosen c ON c.family_id = h.family_id
  JOIN payload_facts f ON f.template_id = h.template_id
  JOIN events e ON e.payload_id = f.payload_id
  GROUP BY h.family_id, e.payload_id
),
most AS (
  SELECT family_id, payload_id, row_number() OVER (PARTITION BY family_id ORDER BY n DESC, payload_id) AS place
  FROM sent
)
SELECT h.family_id, max(h.vehicle), max(h.cargo), max(m.payload_id)
FROM grouped h
JOIN chosen c ON c.family_id = h.family_id
LEFT JOIN most m ON m.family_id = h.family_id AND m.place = 1
GROUP BY h.family_id
LIMIT 2`)
	if err != nil {
		return nil, err
	}
	return &Family{ID: text(row[0]), Vehicle: text(row[1]), Cargo: text(row[2]), Example: text(row[3])}, nil
}
