package views

import (
	"regexp"
	"slices"
)

// Grouped defines the relation grouped, to stand behind WITH: the place of each template among its like, as it holds now. The
// table families has former places, too.
const Grouped = `grouped AS (
  SELECT template_id, max_by(substring_id, generation) AS substring_id, max_by(family_id, generation) AS family_id,
    max_by(vehicle, generation) AS vehicle, max_by(coalesce(cargo, ''), generation) AS cargo, max_by(why, generation) AS why,
    max_by(similarity, generation) AS similarity
  FROM families
  GROUP BY template_id
)`

var word = regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|[A-Za-z_][A-Za-z0-9_]*`)

// relations are the definitions that stand before the statement's own: scope, of the columns of a relation, and grouped and
// watched where the statement names them.
func (v *View) relations(values map[string]string, columns, relation string) string {
	r := v.scopeCTE(values, columns, relation)
	words := word.FindAllString(v.SQL, -1)
	if slices.Contains(words, "grouped") {
		r += ",\n" + Grouped
	}
	if slices.Contains(words, "watched") {
		r += ",\n" + watchedCTE(values)
	}
	return r
}
