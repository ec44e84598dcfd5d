package jsonlfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"terroir/ingest/mapping"
)

// Bounds of a path, which a mapping writes.
const (
	maxSteps = 32
	maxIndex = 1 << 16
)

// node is a place in an object that a path leads to or through.
type node struct {
	keys  map[string]*node
	items map[int]*node
	// takes are the columns whose value stands here.
	takes []taken
}

// taken is one column of a place; of several places with a value, the one of the lowest rank counts.
type taken struct {
	field mapping.Field
	rank  int
}

// step is a key, or the number of an item where key is "".
type step struct {
	key  string
	item int
}

// parsePath reads a path such as a.b or a[0].b.
func parsePath(path string) ([]step, error) {
	var steps []step
	for _, part := range strings.Split(path, ".") {
		key, rest, indexed := strings.Cut(part, "[")
		if key == "" {
			return nil, fmt.Errorf("path %q: a key is missing", path)
		}
		steps = append(steps, step{key: key})
		for indexed {
			var number string
			var closed bool
			if number, rest, closed = strings.Cut(rest, "]"); !closed {
				return nil, fmt.Errorf("path %q: a bracket is not closed", path)
			}
			n, err := strconv.ParseUint(number, 10, 32)
			if err != nil || n >= maxIndex {
				return nil, fmt.Errorf("path %q: [%s] is not an index from 0 to %d", path, number, maxIndex-1)
			}
			steps = append(steps, step{item: int(n)})
			if rest == "" {
				break
			}
			if rest[0] != '[' {
				return nil, fmt.Errorf("path %q: what follows a bracket is a dot or another", path)
			}
			rest = rest[1:]
		}
	}
	if len(steps) > maxSteps {
		return nil, errors.New("a path has more than " + strconv.Itoa(maxSteps) + " steps")
	}
	return steps, nil
}

// add adds the place that the steps lead to.
func (n *node) add(steps []step, t taken) {
	for _, s := range steps {
		n = n.child(s)
	}
	n.takes = append(n.takes, t)
}

func (n *node) child(s step) *node {
	if s.key == "" {
		if n.items == nil {
			n.items = map[int]*node{}
		}
		if n.items[s.item] == nil {
			n.items[s.item] = &node{}
		}
		return n.items[s.item]
	}
	if n.keys == nil {
		n.keys = map[string]*node{}
	}
	if n.keys[s.key] == nil {
		n.keys[s.key] = &node{}
	}
	return n.keys[s.key]
}

// newTree is the tree of all places that the mapping names. A key that has dots itself is met by its path, too.
func newTree(m *mapping.Mapping) (*node, error) {
	root := &node{}
	for f, name := range mapping.Fields() {
		for rank, path := range m.Columns[name] {
			steps, err := parsePath(path)
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", name, err)
			}
			t := taken{mapping.Field(f), rank}
			root.add(steps, t)
			if len(steps) > 1 {
				root.add([]step{{key: path}}, t)
			}
		}
	}
	return root, nil
}
